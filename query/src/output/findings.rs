//! Findings for people: a block each, with the severity in colour, and a summary.
//!
//! What an attacker wrote is in every line: what drives a terminal, or cannot be seen, is escaped before colour is added.

use super::visible::visible;
use crate::detect::finding::Finding;
use crate::rules::{Rule, Severity};
use anstyle::{AnsiColor, Color, Style};
use std::collections::BTreeMap;
use std::io::{self, Write};
use trailhound_ingest::time;

const SEVERITIES: [Severity; 5] =
    [Severity::Critical, Severity::High, Severity::Medium, Severity::Low, Severity::Info];

/// Prints each finding: what, when, where, who, and who is behind a session.
///
/// # Errors
/// The output is closed.
pub fn write(findings: &[Finding], out: &mut dyn Write) -> io::Result<()> {
    let dim = Style::new().dimmed();
    for finding in findings {
        let style = style(finding.severity);
        let severity = finding.severity.name().to_uppercase();
        let time = time::format(finding.first_time).replace('T', " ");
        let place = [&finding.account, &finding.region].map(|text| visible(text.as_deref().unwrap_or("-")));
        writeln!(
            out,
            "{style}{severity:8}{style:#} {} {dim}{time} {} {}{}{dim:#}",
            visible(&finding.rule),
            place[0],
            place[1],
            if finding.late { " late" } else { "" },
        )?;
        writeln!(out, "         {}", visible(&finding.alert))?;
        // Where the session of the actor comes from.
        if let Some(origin) = finding.entities.get("origin") {
            let kind = finding.entities.get("originType").map_or("unknown", String::as_str);
            writeln!(out, "         {dim}origin: {} ({}){dim:#}", visible(origin), visible(kind))?;
        }
    }
    Ok(())
}

/// Prints how many findings there are, by family and severity.
///
/// # Errors
/// The output is closed.
pub fn write_summary(findings: &[Finding], rules: &[Rule], out: &mut dyn Write) -> io::Result<()> {
    let families =
        rules.iter().map(|rule| (rule.id.as_str(), rule.family.as_str())).collect::<BTreeMap<_, _>>();
    let mut counts =
        rules.iter().map(|rule| (rule.family.as_str(), [0_usize; 5])).collect::<BTreeMap<_, _>>();
    for finding in findings {
        let family = families.get(finding.rule.as_str()).copied().unwrap_or("other");
        let column = SEVERITIES.iter().position(|severity| *severity == finding.severity).unwrap_or_default();
        counts.entry(family).or_default()[column] += 1;
    }
    write!(out, "{:12}", "family")?;
    for severity in SEVERITIES {
        let style = style(severity);
        write!(out, " {style}{:>8}{style:#}", severity.name())?;
    }
    writeln!(out, " {:>8}", "all")?;
    for (family, counts) in counts {
        write!(out, "{:12}", visible(family))?;
        for count in counts {
            write!(out, " {count:>8}")?;
        }
        writeln!(out, " {:>8}", counts.iter().sum::<usize>())?;
    }
    Ok(())
}

fn style(severity: Severity) -> Style {
    let color = |color| Style::new().fg_color(Some(Color::Ansi(color)));
    match severity {
        Severity::Critical => color(AnsiColor::BrightRed).bold(),
        Severity::High => color(AnsiColor::Red),
        Severity::Medium => color(AnsiColor::Yellow),
        Severity::Low => color(AnsiColor::Cyan),
        Severity::Info => color(AnsiColor::BrightBlack),
    }
}
