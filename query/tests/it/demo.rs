//! `trailhound demo`, and the sample logs against what their README says.

use crate::product::{json, run, text, trailhound};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../sample-logs")
}

fn expected() -> Value {
    serde_json::from_str(&std::fs::read_to_string(samples().join("EXPECTED.json")).unwrap()).unwrap()
}

#[test]
fn the_demo_runs_twice() {
    let dir = tempfile::tempdir().unwrap();
    let lake = dir.path().join("a lake");
    for _ in 0..2 {
        let output = run(trailhound(["demo", "--lake"]).arg(&lake));
        let (shown, said) = (text(&output.stdout), text(&output.stderr));
        assert_eq!(output.status.code(), Some(0), "{said}");
        assert!(
            shown.contains("CRITICAL")
                && shown.contains("massdelete")
                && shown.contains("trailhound sql --lake"),
            "{shown}"
        );
        assert!(said.contains("records read"), "{said}");
    }
    std::fs::write(dir.path().join("precious"), "").unwrap();
    let refused = run(trailhound(["demo", "--lake"]).arg(dir.path()));
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused.stderr).contains("left alone"), "{}", text(&refused.stderr));
    assert!(dir.path().join("precious").exists());
}

#[test]
fn the_queries_that_the_demo_proposes_work() {
    let dir = tempfile::tempdir().unwrap();
    let lake = dir.path().join("lake");
    let shown = text(&run(trailhound(["demo", "--lake"]).arg(&lake)).stdout);
    let queries = shown.lines().filter_map(|line| line.trim().strip_prefix("trailhound sql --lake "));
    let queries = queries
        .map(|line| line.split_once('"').unwrap().1.trim_end_matches('"').to_owned())
        .collect::<Vec<_>>();
    assert_eq!(queries.len(), 3, "{shown}");
    for query in queries {
        let answer = json(trailhound(["sql", &query, "--format", "json", "--lake"]).arg(&lake));
        assert!(!answer.as_array().unwrap().is_empty(), "{query}");
    }
}

#[test]
fn sample_logs_hold_what_they_promise() {
    let expected = expected();
    let dir = tempfile::tempdir().unwrap();
    let lake = dir.path().join("lake");
    let report = json(
        trailhound(["ingest", "--report", "json"]).arg(samples().join("AWSLogs")).arg("--lake").arg(&lake),
    );
    for key in ["objects", "digests"] {
        assert_eq!(report[key], expected[key], "{key}: {report}");
    }
    assert_eq!(report["records_read"], expected["records"], "{report}");
    assert_eq!(
        (&report["written"], &report["duplicate"]),
        (&expected["distinct"], &expected["duplicates"]),
        "{report}"
    );
    assert_eq!(report["quarantined"], 0, "{report}");

    json(trailhound(["detect", "--format", "json", "--lake"]).arg(&lake));
    let findings = json(
        trailhound([
            "sql",
            "select rule, eventids from findings where severity <> 'info'",
            "--format",
            "json",
            "--lake",
        ])
        .arg(&lake),
    );
    let mut found = BTreeMap::<&str, BTreeSet<&str>>::new();
    for finding in findings.as_array().unwrap() {
        let ids = finding["eventids"].as_array().unwrap().iter().map(|id| id.as_str().unwrap());
        found.entry(finding["rule"].as_str().unwrap()).or_default().extend(ids);
    }
    let must_fire = expected["must_fire"].as_object().unwrap();
    for (rule, planted) in must_fire {
        let ids = found.get(rule.as_str()).unwrap_or_else(|| panic!("{rule} found nothing"));
        let planted = planted.as_array().unwrap().iter().map(|id| id.as_str().unwrap());
        assert!(planted.into_iter().any(|id| ids.contains(id)), "{rule} found other events: {ids:?}");
    }
    let surprises = found.keys().filter(|rule| !must_fire.contains_key(**rule)).collect::<Vec<_>>();
    assert!(surprises.is_empty(), "these rules have no incident: {surprises:?}");
    for (name, ids) in expected["must_stay_silent"].as_object().unwrap() {
        for id in ids.as_array().unwrap() {
            let loud = found.iter().find(|(_, ids)| ids.contains(id.as_str().unwrap()));
            assert!(loud.is_none(), "{name}: {id} is in a finding of {}", loud.unwrap().0);
        }
    }
}
