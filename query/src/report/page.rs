//! Facts → a page that needs nothing but itself.
//!
//! What must hold: the page loads nothing and runs nothing but its own script, which its policy names by hash; what a
//! log holds is in it as text, or as JSON in an element that no text can end.

use super::ask::{Facts, LISTS, Table};
use super::changes::Verb;
use super::entity::Kind;
use super::html::{Cell, count, data, escaped, filled, moment, table};
use super::picture;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use std::fmt::Write;
use trailhound_ingest::time;

const TEMPLATE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Rows of what was created, changed and deleted, each.
const CHANGES: usize = 150;

/// What the page says of itself.
#[derive(Debug)]
pub(super) struct Heading<'a> {
    pub(super) entity: &'a str,
    pub(super) kind: Kind,
    pub(super) note: Option<&'a str>,
    /// Where the facts come from, and of which time.
    pub(super) source: String,
}

/// The page.
pub(super) fn page(heading: &Heading<'_>, facts: &Facts) -> Result<String, serde_json::Error> {
    let rows = serde_json::to_string(&facts.events.rows)?;
    let parts = [header(heading, facts), body(facts)].concat();
    Ok(filled(TEMPLATE, |name| match name {
        "policy" => policy(),
        "title" => escaped(&format!("{} {} · Trailhound", heading.kind.name(), heading.entity)),
        "style" => STYLE.to_owned(),
        "script" => SCRIPT.to_owned(),
        "body" => parts.clone(),
        "embedded" => embedded(facts),
        "events" => data(&rows),
        "footer" => escaped(&heading.source),
        _ => String::new(),
    }))
}

/// Nothing but the one style and the one script, and no text can become markup.
fn policy() -> String {
    let hash = |text: &str| STANDARD.encode(Sha256::digest(text));
    format!(
        "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; base-uri 'none'; form-action 'none'; \
         require-trusted-types-for 'script'; trusted-types 'none'",
        hash(SCRIPT),
        hash(STYLE)
    )
}

fn header(heading: &Heading<'_>, facts: &Facts) -> String {
    let summary = &facts.summary;
    let seen = |seconds: i64| moment(&time::format(seconds.saturating_mul(1_000_000)));
    let mut out = format!(
        "<header><p class=\"kind\">{}</p>\n<h1>{}</h1>\n",
        heading.kind.name(),
        escaped(heading.entity)
    );
    // Texts take whatever is written.
    if let Some(note) = heading.note {
        let _ = writeln!(out, "<p class=\"note\">{}</p>", escaped(note));
    }
    let numbers = [
        ("First seen, UTC", seen(summary.first), ""),
        ("Last seen, UTC", seen(summary.last), ""),
        ("Events", count(summary.calls), ""),
        ("Writes", count(summary.writes), ""),
        ("Failed", count(summary.failed), if summary.failed > 0 { "bad" } else { "" }),
    ];
    out.push_str("<dl>");
    for (name, value, class) in &numbers {
        let _ = write!(out, "<div><dt>{name}</dt><dd class=\"{class}\">{value}</dd></div>");
    }
    for ((name, ..), list) in LISTS.iter().zip(&facts.lists) {
        let _ = write!(out, "<div><dt>{name}</dt><dd>{}</dd></div>", count(list.total));
    }
    out.push_str("</dl>\n");
    out.push_str(&navigation(facts));
    out.push_str("</header>\n");
    out
}

fn navigation(facts: &Facts) -> String {
    let sections = [
        ("findings", "Findings", facts.findings.total),
        ("sessions", "Sessions", facts.sessions.total),
        ("changes", "Changes", facts.changes.len() as u64),
        ("failures", "Failed calls", facts.failures.total),
        ("on", "Done to it", facts.on.total),
        ("events", "Events", facts.summary.calls),
    ];
    let links = sections.iter().filter(|(.., number)| *number > 0);
    let links =
        links.map(|(id, title, number)| format!("<a href=\"#{id}\">{title} <b>{}</b></a>", count(*number)));
    format!("<nav>{}</nav>\n", links.collect::<String>())
}

fn body(facts: &Facts) -> String {
    [
        origins(&facts.origins),
        findings(&facts.findings),
        format!("<section><h2>Activity</h2>\n{}</section>\n", picture::histogram(facts)),
        format!(
            "<section><h2>Services by hour of the day <span>UTC</span></h2>\n{}</section>\n",
            picture::map(facts)
        ),
        lists(facts),
        sessions(&facts.sessions),
        changes(facts),
        failures(&facts.failures),
        on(&facts.on),
    ]
    .concat()
}

/// A section with a table; none where there is nothing to show. What is left out is said.
fn section(id: &str, title: &str, of: &Table, content: impl FnOnce() -> String) -> String {
    if of.rows.is_empty() {
        return String::new();
    }
    let shown = of.rows.len() as u64;
    let all = count(of.total);
    let number = if shown == of.total { all } else { format!("{} of {all}", count(shown)) };
    format!("<section id=\"{id}\"><h2>{title} <span>{number}</span></h2>\n{}</section>\n", content())
}

/// Each column of a row with its class; times are made readable.
fn cells(headers: &[(&'static str, &str)], row: &[String]) -> Vec<Cell> {
    let cell = |(&(class, _), text): (&(&'static str, &str), &String)| match class {
        "t" => Cell(class, moment(text)),
        "n" => Cell(class, text.parse().map_or_else(|_| text.clone(), count)),
        _ => Cell(class, text.clone()),
    };
    headers.iter().zip(row).map(cell).collect()
}

fn plain(id: &str, title: &str, of: &Table, headers: &[(&'static str, &str)]) -> String {
    section(id, title, of, || table(headers, of.rows.iter().map(|row| cells(headers, row))))
}

fn origins(origins: &Table) -> String {
    let headers =
        [("m w", "Origin"), ("", "Kind"), ("m", "From"), ("m w", "Path"), ("n", "Keys"), ("t", "Issued")];
    plain("origins", "Who is behind it", origins, &headers)
}

fn findings(findings: &Table) -> String {
    let headers =
        [("t", "Time"), ("", "Severity"), ("", "Rule"), ("w", "Alert"), ("n", "Events"), ("m d i", "Id")];
    let row = |row: &Vec<String>| {
        let mut cells = cells(&headers, row);
        if let Some(Cell(class, severity)) = cells.get_mut(1) {
            *class = match severity.as_str() {
                "critical" | "high" => "bad",
                "medium" => "warn",
                _ => "d",
            };
        }
        cells
    };
    section("findings", "Findings", findings, || table(&headers, findings.rows.iter().map(row)))
}

fn lists(facts: &Facts) -> String {
    let mut out = String::from("<section class=\"lists\">\n");
    for ((title, ..), list) in LISTS.iter().zip(&facts.lists) {
        let highest = list.rows.iter().filter_map(|row| row.get(1)?.parse().ok()).max().unwrap_or(1);
        let more = match list.total - list.rows.len() as u64 {
            0 => String::new(),
            more => format!(" <span>and {} more</span>", count(more)),
        };
        // Texts take whatever is written.
        let _ = write!(out, "<div><h3>{title}{more}</h3><table><tbody>");
        for row in &list.rows {
            let [label, calls, failed, first, last] = row.as_slice() else { continue };
            let (calls, failed) = (calls.parse().unwrap_or(0), failed.parse().unwrap_or(0_u64));
            let (first, last) = (moment(first), moment(last));
            let failed = if failed > 0 { format!("{} failed", count(failed)) } else { String::new() };
            let label = escaped(label);
            let _ = writeln!(
                out,
                "<tr title=\"{label}&#10;{first} – {last}\"><td class=\"m cut\">{label}</td><td>{}</td>\
                 <td class=\"n bad\">{failed}</td><td class=\"n\">{}</td></tr>",
                picture::bar(calls, highest),
                count(calls)
            );
        }
        out.push_str("</tbody></table></div>\n");
    }
    out.push_str("</section>\n");
    out
}

fn sessions(sessions: &Table) -> String {
    let headers = [
        ("m", "Access key"),
        ("m w", "Identity"),
        ("m", "Address"),
        ("w d", "User agent"),
        ("t", "First"),
        ("t", "Last"),
        ("n", "Calls"),
        ("n", "Failed"),
    ];
    plain("sessions", "Sessions", sessions, &headers)
}

fn changes(facts: &Facts) -> String {
    if facts.changes.is_empty() {
        return String::new();
    }
    let headers =
        [("t", "First"), ("t", "Last"), ("", "Service"), ("", "Call"), ("m w", "Resource"), ("n", "Calls")];
    let mut out = String::from("<section id=\"changes\">\n");
    for verb in [Verb::Created, Verb::Changed, Verb::Deleted] {
        let all = facts.changes.iter().filter(|change| change.verb == verb).collect::<Vec<_>>();
        let row = |change: &&super::changes::Change| {
            let texts = [&change.first, &change.last, &change.service, &change.call, &change.thing];
            let mut row = texts.map(Clone::clone).to_vec();
            row.push(change.calls.to_string());
            row
        };
        let rows = all.iter().take(CHANGES).map(row).collect();
        let of = Table { rows, total: all.len() as u64 };
        out.push_str(&plain(verb.name(), &format!("Resources {}", verb.name()), &of, &headers));
    }
    if facts.unlisted > 0 {
        // A text takes whatever is written.
        let _ = writeln!(
            out,
            "<p class=\"note\">{} calls about more resources are not listed.</p>",
            count(facts.unlisted)
        );
    }
    out.push_str("</section>\n");
    out
}

fn failures(failures: &Table) -> String {
    let headers = [
        ("", "Service"),
        ("", "Call"),
        ("bad", "Error"),
        ("n", "Calls"),
        ("t", "First"),
        ("t", "Last"),
        ("w d", "Message"),
    ];
    plain("failures", "Failed calls", failures, &headers)
}

fn on(on: &Table) -> String {
    let headers =
        [("t", "Time"), ("", "Service"), ("", "Call"), ("m w", "By"), ("m", "Address"), ("bad", "Error")];
    plain("on", "Done to it", on, &headers)
}

/// How many of the events are in the page.
fn embedded(facts: &Facts) -> String {
    let (embedded, all) = (facts.events.rows.len() as u64, facts.summary.calls);
    if embedded >= all {
        return "All events are in this page. Click one for its record, a bar or an hour above for its events.".to_owned();
    }
    format!(
        "{} of {} events are in this page: those that failed or changed something before others, then the earliest. \
         Everything above is over all of them; --max-events takes more.",
        count(embedded),
        count(all)
    )
}
