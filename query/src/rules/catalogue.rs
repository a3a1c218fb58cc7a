//! The generated part of `detections/README.md`: a table of all rules.

use super::file::Rule;
use std::fmt::Write;

/// The line before the table.
pub const BEGIN: &str = "<!-- catalogue: begin -->";
/// The line after it.
pub const END: &str = "<!-- catalogue: end -->";

/// The table, in Markdown.
#[must_use]
pub fn markdown(rules: &[Rule]) -> String {
    let mut out = String::from(
        "| id | title | severity | kind | ATT&CK | events | needs |\n|---|---|---|---|---|---|---|\n",
    );
    for rule in rules {
        let _ = writeln!(
            out,
            "| [`{id}`]({family}/{id}.toml) | {title} | {severity} | {kind} | {attack} | {events} | {needs} |",
            id = rule.id,
            family = rule.family,
            title = rule.title.replace('|', "\\|"),
            severity = rule.severity.name(),
            kind = rule.kind.name(),
            attack = rule.attack.join(", "),
            events = rule.all_events().map(|event| format!("`{event}`")).collect::<Vec<_>>().join(" "),
            needs = rule.needs.join(", "),
        );
    }
    out
}

/// `page` with the table between its marks; `None` if it has no marks.
#[must_use]
pub fn filled(page: &str, rules: &[Rule]) -> Option<String> {
    let (before, rest) = page.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n\n{}\n{END}{after}", markdown(rules)))
}
