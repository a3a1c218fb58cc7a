//! Settings with the real binary: which of the four places counts, and what is refused.

use crate::product::{json, run, text, trailhound};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Command;

fn folder(settings: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("trailhound.toml"), settings).unwrap();
    dir
}

fn command(dir: &Path, args: &[&str]) -> Command {
    let mut command = trailhound(args);
    command.current_dir(dir);
    command
}

/// Value and source of a setting.
fn setting(rows: &Value, key: &str) -> (String, String) {
    let rows = rows.as_array().unwrap();
    let row = rows.iter().find(|row| row["setting"] == key).unwrap_or_else(|| panic!("no {key}: {rows:?}"));
    let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
    (text("value"), text("source"))
}

#[test]
fn flag_before_environment_before_file_before_default() {
    let dir = folder(
        "lake = \"from-file\"\n[ingest]\nworkers = 7\nstrict = true\nfilter = ['readOnly', \"awsRegion = 'eu-west-1'\"]\n",
    );
    let all = json(&mut command(dir.path(), &["config", "--format", "json"]));
    let pair = |value: &str, source: &str| (value.to_owned(), source.to_owned());
    assert_eq!(setting(&all, "lake"), pair("from-file", "trailhound.toml"));
    assert_eq!(setting(&all, "ingest.workers"), pair("7", "trailhound.toml"));
    assert_eq!(setting(&all, "ingest.strict"), pair("true", "trailhound.toml"));
    assert_eq!(setting(&all, "ingest.filter"), pair("readOnly, awsRegion = 'eu-west-1'", "trailhound.toml"));
    assert_eq!(setting(&all, "ingest.batch_bytes"), pair("67108864", "default"));
    let mut asked = command(dir.path(), &["config", "--format", "json", "ingest", "--workers", "3"]);
    asked.env("TRAILHOUND_INGEST_WORKERS", "5").env("TRAILHOUND_INGEST_MAX_DEPTH", "9");
    let asked = json(asked.env("TRAILHOUND_LAKE", "from-environment"));
    assert_eq!(setting(&asked, "ingest.workers"), pair("3", "flag"));
    assert_eq!(setting(&asked, "ingest.max_depth"), pair("9", "environment TRAILHOUND_INGEST_MAX_DEPTH"));
    assert_eq!(setting(&asked, "lake"), pair("from-environment", "environment TRAILHOUND_LAKE"));
    assert!(asked.as_array().unwrap().iter().all(|row| row["setting"] != "sql.format"));
}

#[test]
fn the_verbs_obey() {
    let dir = folder("lake = \"ours\"\n[ingest]\nmax_records = 1\n[sql]\nformat = \"csv\"\n");
    let record = r#"{"eventVersion":"1.11","eventTime":"2026-03-17T09:00:00Z","eventName":"x"}"#;
    fs::write(dir.path().join("log.json"), format!("{record}\n{record}\n")).unwrap();
    let report = json(&mut command(dir.path(), &["ingest", "log.json", "--report", "json"]));
    assert_eq!((&report["records_read"], &report["files_quarantined"]), (&1.into(), &1.into()), "{report}");
    assert!(dir.path().join("ours").is_dir());
    let output = run(&mut command(dir.path(), &["sql", "select eventName from cloudtrail"]));
    assert_eq!(text(&output.stdout), "eventName\nx\n");
    let mut more = command(
        dir.path(),
        &["ingest", "log.json", "--max-records", "9", "--lake", "theirs", "--report", "json"],
    );
    assert_eq!(json(&mut more)["records_read"], 2);
}

#[test]
fn what_means_nothing_is_refused_in_one_line() {
    for (settings, told) in [
        ("[ingest]\nwokers = 2\n", "there is no setting ingest.wokers\nhint: did you mean ingest.workers?"),
        ("lak = \"x\"\n", "there is no setting lak\nhint: did you mean lake?"),
        ("[ingest]\nworkers = \"many\"\n", "ingest.workers: invalid value 'many'"),
        ("[ingest]\nworkers = [1, 2]\n", "ingest.workers: one value is needed"),
        ("[ingest]\nfilter = \"readOnli\"\n", "did you mean readOnly?"),
        ("[sql]\nformat = \"yaml\"\n", "sql.format: invalid value 'yaml'"),
        ("[sql.format]\nx = 1\n", "sql.format: a table is no value"),
        ("lake = \"x\nb", "line 2: "),
        ("[lake]\n", "a table is no value"),
    ] {
        let dir = folder(settings);
        let output = run(&mut command(dir.path(), &["sql", "select 1"]));
        let stderr = text(&output.stderr);
        assert_eq!((output.status.code(), stderr.lines().count() <= 2), (Some(2), true), "{stderr}");
        assert!(stderr.starts_with("error: trailhound.toml: ") && stderr.contains(told), "{stderr}");
        // Help does not need the file.
        assert_eq!(run(&mut command(dir.path(), &["ingest", "--help"])).status.code(), Some(0));
    }
}

#[test]
fn a_file_that_is_named_has_to_be_there() {
    let dir = folder("lake = \"wrong\"\n");
    let missing = run(&mut command(dir.path(), &["--config", "none.toml", "config"]));
    assert_eq!(missing.status.code(), Some(2));
    assert!(
        text(&missing.stderr).contains("cannot read the settings in none.toml"),
        "{}",
        text(&missing.stderr)
    );
    fs::write(dir.path().join("other.toml"), "lake = \"right\"\n").unwrap();
    for rows in [
        json(&mut command(dir.path(), &["config", "--config=other.toml", "--format", "json"])),
        json(command(dir.path(), &["config", "--format", "json"]).env("TRAILHOUND_CONFIG", "other.toml")),
    ] {
        assert_eq!(setting(&rows, "lake"), ("right".to_owned(), "other.toml".to_owned()));
    }
}

#[test]
fn secrets_are_not_printed() {
    let dir = folder(
        "[privacy]\ninsecure_key = \"0123456789abcdef-secret\"\n[[privacy.rules]]\nfields = [\"userAgent\"]\naction = \"hmac\"\n",
    );
    let output = text(&run(&mut command(dir.path(), &["config"])).stdout);
    assert!(output.contains("hmac userAgent") && !output.contains("secret"), "{output}");
}
