//! `detections/COVERAGE.md`: the tables as a page, with links to the rules.

use super::{ATTACK, Row, SERVICE, Table, Vocabulary, tables};
use crate::rules::Rule;
use std::collections::BTreeSet;
use std::fmt::Write;

const BEGIN: &str = "# Coverage

What the rules cover, and what they do not. A test makes this page of the rules and of [coverage.toml](coverage.toml):
`tags` of the rules say which controls, techniques and findings they answer, `attack` the techniques of ATT&CK, and
`events` the services. `trailhound rules coverage --by control` prints a table for the rules of any folder, and with
`--lake URL` also says which rules never saw an event. The number of rules says little of how good they are: each is
described, with its tests, in its file.

";

/// The page.
#[must_use]
pub fn page(rules: &[Rule]) -> String {
    let rules = rules.iter().collect::<Vec<_>>();
    let tables = tables(&rules);
    let mut out = BEGIN.to_owned();
    out.push_str("| table | rows | with rules | without |\n|---|---|---|---|\n");
    for table in &tables {
        let (covered, all) = table.counts();
        let name = table.name;
        let _ = writeln!(out, "| [{name}](#{}) | {all} | {covered} | {} |", anchor(name), all - covered);
    }
    for table in &tables {
        section(&mut out, table);
    }
    everywhere(&mut out, &rules);
    links(&mut out, &rules, &tables);
    out
}

/// Where a heading is, as renderers of Markdown make it.
fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

fn section(out: &mut String, table: &Table) {
    let (covered, all) = table.counts();
    let _ = writeln!(out, "\n## {}\n\n{covered} of {all} have rules. {}\n", table.name, table.note);
    if table.rows.first().is_some_and(|row| row.part == ATTACK) {
        tactics(out, table);
    }
    let is_service = table.rows.first().is_some_and(|row| row.part == SERVICE);
    out.push_str(if is_service { "| service | events | rules |\n" } else { "| id | about | rules |\n" });
    out.push_str("|---|---|---|\n");
    for row in &table.rows {
        let _ = writeln!(out, "| {} | {} | {} |", row.item, about(row), found(row));
    }
}

/// What a row is about; of a service, its events as code, since `*` would be read as emphasis.
fn about(row: &Row) -> String {
    if row.part != SERVICE {
        return row.about.replace('|', "\\|");
    }
    row.about.split(' ').map(|event| format!("`{event}`")).collect::<Vec<_>>().join(" ")
}

fn found(row: &Row) -> String {
    if row.rules.is_empty() {
        let why = row.none.map(|why| format!(": {why}")).unwrap_or_default();
        return format!("none{why}");
    }
    row.rules.iter().map(|rule| format!("[{rule}]")).collect::<Vec<_>>().join(" ")
}

/// How many techniques and rules each tactic has.
fn tactics(out: &mut String, table: &Table) {
    out.push_str("| id | tactic | techniques | rules |\n|---|---|---|---|\n");
    for tactic in &Vocabulary::get().tactics {
        let rows = table.rows.iter().filter(|row| row.item.starts_with(&format!("{}/", tactic.id)));
        let rules = rows.clone().flat_map(|row| &row.rules).collect::<BTreeSet<_>>().len();
        let _ = writeln!(out, "| {} | {} | {} | {rules} |", tactic.id, tactic.name, rows.count());
    }
    out.push('\n');
}

/// The rules that are for no service in particular, below the table of services.
fn everywhere(out: &mut String, rules: &[&Rule]) {
    let is_everywhere = |rule: &&&Rule| rule.all_events().any(|event| event == "*");
    let ids = rules.iter().filter(is_everywhere).map(|rule| format!("[{}]", rule.id)).collect::<Vec<_>>();
    let _ = writeln!(out, "\n{} rules look at the events of all services: {}", ids.len(), ids.join(" "));
}

/// Where the links of the page lead.
fn links(out: &mut String, rules: &[&Rule], tables: &[Table]) {
    let named = tables.iter().flat_map(|table| &table.rows).flat_map(|row| &row.rules);
    let named = named.collect::<BTreeSet<_>>();
    out.push('\n');
    for Rule { id, family, .. } in rules.iter().copied() {
        if named.contains(id) || out.contains(&format!("[{id}]")) {
            let _ = writeln!(out, "[{id}]: {family}/{id}.toml");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_links_rules_and_shows_gaps() {
        let text = "id = \"x\"\ntitle = \"t\"\nkind = \"match\"\nseverity = \"low\"\nstatus = \"stable\"\nversion = 1\n\
             attack = [\"TA0040/T1485\"]\ntags = [\"cis:4.8\", \"guardduty:PenTest:*\"]\n\
             description = \"d\"\nrunbook = \"r\"\nevents = [\"s3:DeleteBucket\"]\nalert = \"{actor} did\"\n\
             [[test]]\nname = \"a\"\nfires = true\nevents = '{}'\n\
             [[test]]\nname = \"b\"\nfires = false\nevents = '{\"errorCode\": \"x\"}'\n";
        let page = page(&[Rule::parse("massdelete/x.toml", text).unwrap()]);
        for line in [
            "| 4.8 | changes of bucket policies | [x] |",
            "| 4.9 | changes of AWS Config | none |",
            "| PenTest:S3/KaliLinux | an API called from Kali Linux | [x] |",
            "| TA0040/T1485 | Impact: Data Destruction | [x] |",
            "| T1614 | System Location Discovery | none: seen on hosts |",
            "| TA0040 | Impact | 1 | 1 |",
            "| S3 | `s3:*` `s3tables:*` `s3vectors:*` | [x] |",
            "0 rules look at the events of all services: ",
            "[x]: massdelete/x.toml",
        ] {
            assert!(page.lines().any(|shown| shown == line), "{line}\n{page}");
        }
        assert_eq!(anchor("CIS AWS, section 4 (monitoring)"), "cis-aws-section-4-monitoring");
        assert_eq!(anchor("MITRE ATT&CK"), "mitre-attck");
    }
}
