//! The week of `sample-logs`: every family of rules has its incident, and nothing else is found.
//!
//! Rules run twice a day over what arrived, since some are about what others have found. What they find is in
//! `sample-logs/FINDINGS.md`, by incident; `TRAILHOUND_UPDATE=1 cargo test week` writes that page anew.

use crate::product::{json, trailhound};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use trailhound::rules::Pack;

#[path = "../../../ingest/examples/sample_logs/main.rs"]
#[expect(dead_code, reason = "its `main` is for the command line, and `generate` makes the day alone")]
mod sample_logs;

/// The counters that the reports of all runs add up to.
const COUNTED: [(&str, &str); 3] =
    [("records_read", "records"), ("written", "distinct"), ("duplicate", "duplicates")];

#[test]
fn the_week_has_what_is_told_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let (week, lake) = (dir.path().join("week"), dir.path().join("lake"));
    sample_logs::generate_week(&week).unwrap();
    let expected: Value =
        serde_json::from_str(&std::fs::read_to_string(week.join("EXPECTED.json")).unwrap()).unwrap();
    live_through(&week, &lake, &expected);
    let pack = Pack::built_in().unwrap();
    let findings = told(&lake, &pack);

    let silent = expected["must_stay_silent"].as_object().unwrap();
    for (name, ids) in silent.iter().map(|(name, ids)| (name, texts(ids))) {
        let loud = findings.iter().find(|finding| !texts(&finding["eventids"]).is_disjoint(&ids));
        assert!(loud.is_none(), "{name}: {}", loud.unwrap());
    }
    let stories = expected["stories"].as_array().unwrap();
    let mut found = vec![Vec::new(); stories.len()];
    for finding in &findings {
        let story = story_of(finding, stories);
        found[story.unwrap_or_else(|| panic!("nobody planted this: {finding}"))].push(finding);
    }
    for (story, found) in stories.iter().zip(&found) {
        is_found(story, found, &pack);
    }
    let families = pack.rules().iter().map(|rule| rule.family.as_str()).collect::<BTreeSet<_>>();
    let told = stories.iter().map(|story| text(story, "family")).collect::<BTreeSet<_>>();
    assert_eq!(told, families, "each family has an incident");
    is_fresh(&page(stories, &found, &pack));
}

/// Reads what arrived before each run, and runs the rules.
fn live_through(week: &Path, lake: &Path, expected: &Value) {
    let mut runs = std::fs::read_dir(week)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect::<Vec<PathBuf>>();
    runs.sort();
    let mut counts = COUNTED.map(|_| 0);
    for run in runs {
        let report = json(trailhound(["ingest", "--report", "json"]).arg(run).arg("--lake").arg(lake));
        assert_eq!(report["quarantined"], 0, "{report}");
        for (count, (name, _)) in counts.iter_mut().zip(COUNTED) {
            *count += report[name].as_u64().unwrap();
        }
        json(trailhound(["detect", "--format", "json", "--lake"]).arg(lake));
    }
    assert_eq!(counts, COUNTED.map(|(_, name)| expected[name].as_u64().unwrap()));
}

/// All findings but signals, which are kept as context.
fn told(lake: &Path, pack: &Pack) -> Vec<Value> {
    let query = "SELECT rule, severity, actor, alert, firsttime, eventids FROM findings ORDER BY firsttime, rule, alert";
    let findings = json(trailhound(["sql", query, "--format", "json", "--lake"]).arg(lake));
    let mut findings = findings.as_array().unwrap().clone();
    findings.retain(|finding| !pack.get(text(finding, "rule")).unwrap().signal);
    findings
}

/// The story that a finding belongs to: by its events, or, if it is about other findings, by its actor and day.
fn story_of(finding: &Value, stories: &[Value]) -> Option<usize> {
    let ids = texts(&finding["eventids"]);
    if !ids.is_empty() {
        return stories.iter().position(|story| !texts(&story["events"]).is_disjoint(&ids));
    }
    let (actor, day) = (text(finding, "actor"), &text(finding, "firsttime")[..10]);
    let candidates = stories
        .iter()
        .enumerate()
        .filter(|(_, story)| texts(&story["actors"]).contains(actor) && &text(story, "begins")[..10] <= day);
    candidates.max_by_key(|(_, story)| text(story, "begins")).map(|(number, _)| number)
}

/// Each rule that is named found one of the events it is named for, and one rule is of the story's family.
fn is_found(story: &Value, found: &[&Value], pack: &Pack) {
    let title = text(story, "title");
    for (rule, planted) in story["must_fire"].as_object().unwrap() {
        let of_rule = found.iter().filter(|finding| text(finding, "rule") == rule);
        let planted = texts(planted);
        let hit = of_rule.clone().any(|finding| !texts(&finding["eventids"]).is_disjoint(&planted));
        assert!(hit, "{title}: {rule} found {:?}", of_rule.collect::<Vec<_>>());
    }
    let family = text(story, "family");
    let is_of_family = |finding: &&Value| pack.get(text(finding, "rule")).unwrap().family == family;
    assert!(found.iter().any(is_of_family), "{title}: no rule of {family} found it");
}

/// What is found, by story.
fn page(stories: &[Value], found: &[Vec<&Value>], pack: &Pack) -> String {
    let mut page = "# What the rules find in the week\n\nThe incidents are told in [README.md](README.md#the-week). A test \
                    holds the rules against this page,\nand writes it anew with `TRAILHOUND_UPDATE=1 cargo test week`.\n"
        .to_owned();
    let mut order = stories.iter().zip(found).collect::<Vec<_>>();
    order.sort_by_key(|(story, _)| text(story, "begins"));
    for (story, found) in order {
        let (day, title) = (&text(story, "begins")[..10], text(story, "title"));
        write!(page, "\n## {day}, `{}`: {title}\n\n", text(story, "family")).unwrap();
        page.push_str("| rule | family | severity | findings |\n|---|---|---|---|\n");
        let mut counts = BTreeMap::new();
        for finding in found {
            *counts.entry((text(finding, "rule"), text(finding, "severity"))).or_insert(0) += 1;
        }
        for ((rule, severity), count) in counts {
            let family = &pack.get(rule).unwrap().family;
            writeln!(page, "| `{rule}` | {family} | {severity} | {count} |").unwrap();
        }
    }
    page
}

fn is_fresh(fresh: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sample-logs/FINDINGS.md");
    if std::env::var_os("TRAILHOUND_UPDATE").is_some() {
        std::fs::write(&path, fresh).unwrap();
    }
    let page = std::fs::read_to_string(&path).unwrap();
    let (old, new) = (page.lines().collect::<BTreeSet<_>>(), fresh.lines().collect::<BTreeSet<_>>());
    let changed = old.symmetric_difference(&new).collect::<Vec<_>>();
    assert!(page == fresh, "sample-logs/FINDINGS.md is stale (TRAILHOUND_UPDATE=1 writes it): {changed:#?}");
}

fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value[member].as_str().unwrap()
}

fn texts(list: &Value) -> BTreeSet<&str> {
    list.as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect()
}
