//! `trailhound report`: what is in the page, and how it looks and behaves in a browser.

use crate::browser::look;
use crate::product::{run, text, trailhound};
use std::fs;
use std::path::Path;
use std::process::Output;

const KEY: &str = "AKIAHOSTILEXEXAMPLE7";

/// What an attacker can choose: the agent, names, messages.
const AGENT: &str = "</script><img src=x onerror=\\\"window.ran=1\\\"><!--";
const NAME: &str = "admin\\u202enimda\\u200b";

fn record(n: usize, more: &str) -> String {
    let (minute, name) = (n % 60, ["GetObject", "PutObject", "CreateUser", "DeleteUser"][n % 4]);
    let service = ["s3", "s3", "iam", "iam"][n % 4];
    let is_read = n.is_multiple_of(4);
    let error = if n % 5 == 3 {
        r#","errorCode":"AccessDenied","errorMessage":"=cmd|' /C calc'!A0 {{script}} <b>no</b>""#
    } else {
        ""
    };
    format!(
        r#"{{"eventVersion":"1.11","userIdentity":{{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/{NAME}","accountId":"111122223333","accessKeyId":"{KEY}","userName":"{NAME}"}},"eventTime":"2026-03-17T09:{minute:02}:00Z","eventSource":"{service}.amazonaws.com","eventName":"{name}","awsRegion":"eu-west-1","sourceIPAddress":"203.0.113.7","userAgent":"{AGENT}","requestParameters":{{"bucketName":"b-1","userName":"u\"{n}","big":12345678901234567890123}},"responseElements":null,"eventID":"00000000-0000-4000-8000-{n:012}","readOnly":{is_read},"recipientAccountId":"111122223333"{error}{more}}}"#
    )
}

/// A lake of forty hostile events, and one that gave the key out.
fn lake(dir: &Path) -> std::path::PathBuf {
    let mut records = (0..40).map(|n| record(n, "")).collect::<Vec<_>>();
    records.push(format!(
        r#"{{"eventVersion":"1.11","userIdentity":{{"type":"Root","arn":"arn:aws:iam::111122223333:root","accountId":"111122223333"}},"eventTime":"2026-03-17T08:00:00Z","eventSource":"iam.amazonaws.com","eventName":"CreateAccessKey","awsRegion":"us-east-1","sourceIPAddress":"198.51.100.9","userAgent":"x","requestParameters":{{"userName":"ada"}},"responseElements":{{"accessKey":{{"accessKeyId":"{KEY}"}}}},"eventID":"11111111-0000-4000-8000-000000000000","readOnly":false,"recipientAccountId":"111122223333"}}"#
    ));
    let (log, lake) = (dir.join("log.json"), dir.join("lake"));
    fs::write(&log, format!(r#"{{"Records":[{}]}}"#, records.join(","))).unwrap();
    assert_eq!(run(trailhound(["ingest"]).arg(log).arg("--lake").arg(&lake)).status.code(), Some(0));
    lake
}

fn report(lake: &Path, entity: &str, more: &[&str]) -> Output {
    run(trailhound(["report", entity, "--lake"]).arg(lake).args(["--html", "-"]).args(more))
}

#[track_caller]
fn page(lake: &Path, entity: &str, more: &[&str]) -> String {
    let output = report(lake, entity, more);
    assert_eq!(output.status.code(), Some(0), "{entity}: {}", text(&output.stderr));
    text(&output.stdout)
}

#[test]
fn hostile_strings_are_inert_in_the_page_and_in_a_browser() {
    let dir = tempfile::tempdir().unwrap();
    let (lake, file) = (lake(dir.path()), dir.path().join("page.html"));
    let output = run(trailhound(["report", KEY, "--lake"]).arg(&lake).arg("--html").arg(&file));
    assert_eq!(
        (output.status.code(), text(&output.stdout).as_str()),
        (Some(0), ""),
        "{}",
        text(&output.stderr)
    );
    assert!(text(&output.stderr).contains("41 events"), "{}", text(&output.stderr));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 3, "a temporary file was left");
    let html = fs::read_to_string(&file).unwrap();
    assert!(!html.contains("<img") && html.contains("{{script}} &lt;b&gt;no"));
    assert_eq!(html.matches("</script").count(), 2);
    assert!(!html.contains(['\u{202e}', '\u{200b}']) && html.contains("admin\\u{202e}nimda"));
    assert!(html.contains("Done to it"), "the event that gave the key out is missing");

    let pictures = std::env::var_os("TRAILHOUND_PICTURES").map(std::path::PathBuf::from);
    let Some(seen) = look(&file, pictures.as_deref()) else { return };
    let all = |name: &str| seen[name].as_array().unwrap().clone();
    for name in ["requests", "console", "errors"] {
        assert_eq!(all(name), Vec::<serde_json::Value>::new(), "{name}");
    }
    assert_eq!(
        (&seen["dialogs"], &seen["elements"], &seen["scripts"]),
        (&0.into(), &0.into(), &2.into()),
        "{seen}"
    );
    assert_eq!(
        (&seen["hidden"], &seen["title_hidden"], &seen["refused"]),
        (&false.into(), &false.into(), &true.into())
    );
    assert_eq!(
        (seen["heading"].as_str(), &seen["rows"], &seen["cleared"]),
        (Some(KEY), &41.into(), &41.into())
    );
    assert_eq!((&seen["service"], all("ofService").len()), (&"iam".into(), 21));
    assert!(all("ofService").iter().all(|service| service == "iam"));
    assert!(all("outcomes").len() == 8 && all("outcomes").iter().all(|outcome| outcome == "AccessDenied"));
    assert_eq!((&seen["withText"], &seen["afterClosing"]), (&40.into(), &0.into()));
    let record = seen["record"].as_str().unwrap();
    assert!(record.contains("</script><img src=x onerror=") && record.contains("\\u202enimda"), "{record}");
    assert!(record.contains("\"big\": 12345678901234567890123\n"), "{record}");
    assert_eq!(
        (&seen["ofHour"], &seen["ofBar"]),
        (&1.into(), &1.into()),
        "the first of each is of one event"
    );
    assert_ne!(seen["background"]["light"], seen["background"]["dark"]);
    assert_eq!(
        (&seen["overflow"]["1280"], &seen["overflow"]["420"]),
        (&0.into(), &0.into()),
        "wider than the screen"
    );
    assert_eq!(seen["formInPrint"], "none");
}

#[test]
fn an_entity_is_known_by_its_form_or_by_what_the_lake_has() {
    let dir = tempfile::tempdir().unwrap();
    let lake = lake(dir.path());
    for (entity, kind, events) in [
        (KEY, "access key", 41),
        ("203.0.113.7", "address", 40),
        ("arn:aws:iam::111122223333:root", "principal", 1),
        ("111122223333", "account", 41),
        ("b-1", "resource", 40),
        ("arn:aws:s3:::b-1", "resource", 20),
        ("ada", "user", 1),
        ("00000000-0000-4000-8000-000000000003", "event", 40),
    ] {
        let html = page(&lake, entity, &[]);
        assert!(html.contains(&format!("<p class=\"kind\">{kind}</p>")), "{entity}");
        assert!(html.contains(&format!("<dt>Events</dt><dd class=\"\">{events}</dd>")), "{entity}");
    }
    let forced = page(&lake, "b-1", &["--kind", "resource"]);
    assert!(forced.contains("<p class=\"kind\">resource</p>"));
}

#[test]
fn what_is_left_out_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let lake = lake(dir.path());
    let html = page(&lake, KEY, &["--max-events", "5"]);
    assert!(html.contains("5 of 41 events are in this page"));
    let html = page(&lake, KEY, &["--since", "2026-03-17T09:10Z", "--until", "2026-03-17T09:20Z"]);
    assert!(html.contains("<dt>Events</dt><dd class=\"\">10</dd>"));
    for (entity, more, words) in [
        ("AKIANOBODYKNOWSTHIS7", &[][..], "nothing in the lake is about the access key"),
        ("nobody", &["--kind", "user"][..], "nothing in the lake is about the user nobody"),
        (KEY, &["--since", "2026-03-18", "--until", "2026-03-17"][..], "--since is not before --until"),
        (KEY, &["--since", "soon"][..], "a time is needed"),
    ] {
        let output = report(&lake, entity, more);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{entity}");
        assert!(text(&output.stderr).contains(words), "{}", text(&output.stderr));
    }
}

#[test]
fn a_chart_is_drawn_in_ascii_where_colour_is_not_wanted() {
    let dir = tempfile::tempdir().unwrap();
    let lake = lake(dir.path());
    let chart = |query: &str| run(trailhound(["sql", query, "--format", "chart", "--lake"]).arg(&lake));
    let bars = text(
        &chart("SELECT eventName, count(*) FROM cloudtrail GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 2").stdout,
    );
    assert!(
        bars.is_ascii() && bars.lines().count() == 2 && bars.starts_with("CreateUser  10  ####"),
        "{bars}"
    );
    let refused = chart("SELECT eventName FROM cloudtrail");
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused.stderr).contains("a chart needs"), "{}", text(&refused.stderr));
}
