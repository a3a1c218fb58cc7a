//! `[privacy]` with the real binary: from `trailhound.toml` to what is in the lake.

use crate::logs;
use crate::product::{json, run, text, trailhound};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Command;

const RULES: &str = r#"
[privacy]
key_env = "OUR_SECRET"

[[privacy.rules]]
name = "who"
fields = ["userIdentity.userName", "userIdentity.arn", "userIdentity.accessKeyId"]
action = "hmac"

[[privacy.rules]]
fields = ["sourceIPAddress"]
action = "truncate"
ipv4 = 24

[[privacy.rules]]
fields = ["requestParameters.bucketName"]
action = "drop"
accounts = ["111122223333"]
"#;

/// A folder with a trail, a file of settings, and room for a lake.
struct Ground(tempfile::TempDir);

impl Ground {
    fn new(settings: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        logs::write_first(4, &dir.path().join("trail"));
        fs::write(dir.path().join("trailhound.toml"), settings).unwrap();
        Self(dir)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = trailhound(args);
        command.current_dir(self.path()).env("OUR_SECRET", "0123456789abcdef0123456789abcdef");
        command
    }

    fn ingest(&self, source: &str) -> Value {
        json(&mut self.command(&["ingest", source, "--report", "json"]))
    }

    fn rows(&self, query: &str) -> Vec<Value> {
        let rows = json(&mut self.command(&["sql", query, "--format", "json"]));
        rows.as_array().unwrap().clone()
    }

    /// Everything in the lake, as text.
    fn dump(&self) -> String {
        let tables = ["cloudtrail", "quarantine", "logfiles"];
        let all = tables.map(|table| {
            let query = format!("select * from {table}");
            text(&run(&mut self.command(&["sql", &query, "--format", "ndjson"])).stdout)
        });
        all.concat()
    }
}

#[test]
fn nothing_of_what_a_rule_names_is_in_the_lake() {
    let ground = Ground::new(RULES);
    let odd = r#"{"eventVersion":"1.11","eventTime":"2026-03-17T09:00:00Z","eventName":"x","recipientAccountId":"111122223333","user\u0049dentity":{"USERNAME":"\u0061da","arn":["user/ada"]},"sourceIPAddress":"192.0.2.7 (ada)"}"#;
    let broken = r#"{"eventVersion":"1.11","eventTime":01,"userIdentity":{"userName":"ada"}}"#;
    fs::write(ground.path().join("trail/odd.json"), format!("{odd}\n{broken}\n")).unwrap();
    let report = ground.ingest("trail");
    assert_eq!((&report["quarantined"], &report["files_quarantined"]), (&1.into(), &0.into()), "{report}");
    let values = |rule: &str| report["redacted"][rule].as_u64().unwrap();
    assert!(values("who") > 500 && values("truncate sourceIPAddress") > 100, "{report}");
    assert!(values("drop requestParameters.bucketName") > 50, "{report}");
    let dump = ground.dump();
    for secret in ["ada", "grace", "edsger", "192.0.2.1", "192.0.2.7"] {
        assert!(!dump.contains(secret), "{secret} is in the lake");
    }
    assert!(dump.contains("its bytes are not kept"));
    let people = ground.rows("select distinct userIdentity.userName u, actor from cloudtrail where userIdentity.userName is not null");
    // Three people in two accounts, by name and by ARN.
    assert_eq!(people.len(), 6, "{people:?}");
    assert!(people.iter().all(|row| row["u"].as_str().unwrap().starts_with("hmac:")));
    assert!(people.iter().all(|row| row["actor"].as_str().unwrap().starts_with("hmac:")));
    let networks =
        ground.rows("select distinct sourceIPAddress ip from cloudtrail where sourceIPAddress is not null");
    assert_eq!(networks, [serde_json::json!({"ip": "192.0.2.0/24"})]);
    let buckets = ground.rows(
        "select distinct recipientAccountId a from cloudtrail where requestParameters.bucketName is not null",
    );
    assert_eq!(buckets, [serde_json::json!({"a": "444455556666"})]);
}

#[test]
fn an_event_that_comes_again_is_known_by_its_redacted_self() {
    let ground = Ground::new(RULES);
    let first = ground.ingest("trail");
    // The same events in one other file, which spells them differently.
    let records =
        text(&run(&mut ground.command(&["sql", "select * from cloudtrail", "--format", "ndjson"])).stdout);
    assert_eq!(records.lines().count() as u64, first["written"].as_u64().unwrap());
    let trail = ground.path().join("trail");
    fs::rename(&trail, ground.path().join("again")).unwrap();
    let again = ground.path().join("again/AWSLogs/111122223333");
    fs::rename(&again, ground.path().join("again/moved")).unwrap();
    let report = ground.ingest("again");
    assert_eq!((&report["written"], &report["objects"]), (&0.into(), &4.into()), "{report}");
    assert_eq!(report["duplicate"], report["records_read"], "{report}");
}

/// A file that unwraps to more than a batch goes another way than the others.
#[test]
fn a_large_file_is_filtered_and_redacted_too() {
    let ground = Ground::new(RULES);
    let args = ["ingest", "trail", "--batch-bytes", "20000", "--filter", "eventName = 'GetObject'"];
    let report = json(ground.command(&args).args(["--report", "json"]));
    assert!(
        report["filtered"].as_u64() > Some(100) && report["redacted"]["who"].as_u64() > Some(100),
        "{report}"
    );
    let left = ground.rows("select count(*) n from cloudtrail where eventName <> 'GetObject'");
    assert_eq!(left, [serde_json::json!({"n": 0})]);
    let dump = ground.dump();
    assert!(!dump.contains("ada") && !dump.contains("grace"), "a name is in the lake");
}

#[test]
fn without_the_secret_nothing_is_read() {
    let ground = Ground::new(RULES);
    for (secret, told) in [("", "OUR_SECRET, which is not set"), ("short", "5 bytes")] {
        let output = run(ground.command(&["ingest", "trail"]).env("OUR_SECRET", secret));
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(stderr.starts_with("error: [privacy]") && stderr.contains(told), "{stderr}");
        assert!(!ground.path().join("trailhound-lake").exists());
    }
}

#[test]
fn the_secret_may_be_in_a_file_beside_the_settings() {
    let ground = Ground::new("");
    let (settings, secret) = (ground.path().join("etc/hound.toml"), ground.path().join("etc/secret"));
    fs::create_dir(ground.path().join("etc")).unwrap();
    fs::write(&settings, RULES.replace(r#"key_env = "OUR_SECRET""#, r#"key_file = "secret""#)).unwrap();
    fs::write(secret, "0123456789abcdef0123456789abcdef\n").unwrap();
    let (beside, plain) = (ground.path().join("a"), ground.path().join("b"));
    let users = |config: &Path, lake: &Path| {
        run(ground.command(&["ingest", "trail", "--config"]).arg(config).arg("--lake").arg(lake));
        let query = "select distinct userIdentity.userName u from cloudtrail order by u";
        text(&run(ground.command(&["sql", query, "--format", "csv", "--lake"]).arg(lake)).stdout)
    };
    let by_file = users(&settings, &beside);
    fs::write(&settings, RULES).unwrap();
    assert_eq!(by_file, users(&settings, &plain));
    assert_eq!(by_file.matches("hmac:").count(), 3, "{by_file}");
}

#[test]
fn rules_that_cannot_be_meant_are_refused() {
    for (from, to, told) in [
        ("\"userIdentity.arn\"", "\"userIdentity.Arm\"", "did you mean arn?"),
        ("action = \"drop\"", "action = \"remove\"", "unknown variant `remove`"),
        ("accounts =", "acounts =", "did you mean accounts?"),
        ("key_env = \"OUR_SECRET\"", "", "need a key"),
        ("ipv4 = 24", "ipv4 = 64", "has 32 bits"),
        ("\"sourceIPAddress\"", "\"eventTime\"", "has to stay"),
        ("[privacy]", "[privcy]", "did you mean privacy?"),
    ] {
        let mut rules = RULES.replacen(from, to, 1);
        if to == "[privcy]" {
            rules = "[privcy]\nkey_env = \"x\"\n".to_owned();
        }
        let ground = Ground::new(&rules);
        let output = run(&mut ground.command(&["ingest", "trail"]));
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(stderr.starts_with("error: trailhound.toml: ") && stderr.contains(told), "{stderr}");
    }
}
