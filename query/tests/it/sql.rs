//! Questions in AWS's own names, and their answers.

use crate::logs;
use crate::product::{run, text, trailhound};
use std::path::Path;

/// Questions that must have these answers, as CSV behind the header.
const ANSWERS: [(&str, &str); 24] = [
    ("select count(*) from cloudtrail", "3605"),
    ("SELECT COUNT(*) FROM CloudTrail WHERE EVENTNAME = 'GetObject'", "902"),
    (
        "select userIdentity.arn from cloudtrail where eventID = '00000000-0000-4000-8000-000000000001'",
        "arn:aws:iam::444455556666:user/grace",
    ),
    ("select c.userIdentity.userName from cloudtrail c where c.eventID like '%000000000001'", "grace"),
    ("select requestParameters.bucketName from cloudtrail where eventID like '%000000000007'", "b-2"),
    // Keys keep their letter case: an absent one is NULL.
    ("select requestParameters.bucketname is null from cloudtrail limit 1", "true"),
    ("select requestparameters.Key from cloudtrail limit 1", "k"),
    ("select count(*) from cloudtrail where requestParameters.maxResults > 3603000", "1"),
    ("select count(*) from cloudtrail where requestParameters.maxResults in (1000, 2000)", "2"),
    ("select count(*) from cloudtrail where requestParameters.bucketName > 100", "0"),
    (
        "select count(*) from cloudtrail where readOnly = 'true' and userIdentity.accountId = 111122223333",
        "1803",
    ),
    ("select min(eventTime) from cloudtrail", "2026-03-17T08:00:00Z"),
    ("select count(*) from cloudtrail where eventTime >= '2026-03-17T09:00:00Z'", "5"),
    (
        "with x as (select userIdentity, requestParameters as rp from cloudtrail where eventID like '%000000000007') select ui.arn is null, x.rp.bucketName, x.userIdentity.userName from x, (select userIdentity.arn from x) ui",
        "false,b-2,grace",
    ),
    (
        "select s.userName, n from (select userIdentity.userName, count(*) as n from cloudtrail group by 1) s order by n desc, 1 limit 1",
        "ada,1202",
    ),
    (
        "select count(*) from cloudtrail a join cloudtrail b on a.userIdentity.accessKeyId = b.userIdentity.accessKeyId and a.eventID = b.eventID",
        "3605",
    ),
    (
        "select count(*) from cloudtrail a where exists (select 1 from cloudtrail b where b.eventID = a.eventID and b.requestParameters.bucketName = 'b-0')",
        "721",
    ),
    (
        "select json_extract_scalar(requestParameters, '$.bucketName') from cloudtrail where eventID like '%000000000007'",
        "b-2",
    ),
    ("select requestParameters->>'bucketName' from cloudtrail where eventID like '%000000000007'", "b-2"),
    (
        "select element_at(requestParameters, 'bucketName') from cloudtrail where eventID like '%000000000007'",
        "b-2",
    ),
    ("select \"userIdentity\".\"userName\" from cloudtrail where \"eventID\" like '%000000000007'", "grace"),
    ("select userIdentity['userName'] from cloudtrail where eventID like '%000000000007'", "grace"),
    ("select count(*) from cloudtrail where userIdentity.sessionContext is null", "3605"),
    ("select count(*), sum(written), sum(duplicate) from logfiles", "80,3605,395"),
];

/// Questions that must be refused, and what the refusal says.
const REFUSALS: [(&str, &str); 7] = [
    ("select eventNam from cloudtrail", "did you mean eventName?"),
    ("select userIdentity.acessKeyId from cloudtrail", "Did you mean 'accessKeyId'?"),
    ("select eventName from cloudtral", "there is no table cloudtral"),
    ("drop table cloudtrail", "not supported"),
    ("copy cloudtrail to 'x.csv'", "not supported"),
    ("create external table t stored as csv location '/etc/passwd'", "not supported"),
    ("select 1; select 2", "one statement"),
];

fn ask(lake: &Path, query: &str) -> std::process::Output {
    run(trailhound(["sql", query, "--format", "csv", "--lake"]).arg(lake))
}

#[test]
fn answers_and_refusals() {
    let dir = tempfile::tempdir().unwrap();
    let lake = dir.path().join("lake");
    run(trailhound(["ingest"]).arg(logs::write(&dir.path().join("trail"))).arg("--lake").arg(&lake));
    let mut wrong = Vec::new();
    for (query, expected) in ANSWERS {
        let output = ask(&lake, query);
        let answer = text(&output.stdout);
        let rows = answer.lines().skip(1).collect::<Vec<_>>().join("|");
        if rows != expected {
            wrong.push(format!("{query}\n  gave {rows:?}, not {expected:?} {}", text(&output.stderr)));
        }
    }
    for (query, words) in REFUSALS {
        let output = ask(&lake, query);
        let stderr = text(&output.stderr);
        if output.status.code() != Some(2) || !stderr.contains(words) || stderr.lines().count() > 2 {
            wrong.push(format!("{query}\n  was not refused with {words:?}: {stderr}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn hostile_text_is_inert_in_every_format() {
    let dir = tempfile::tempdir().unwrap();
    let lake = dir.path().join("lake");
    run(trailhound(["ingest"]).arg(logs::write(&dir.path().join("trail"))).arg("--lake").arg(&lake));
    for format in ["table", "csv", "markdown", "json", "ndjson", "cloudtrail"] {
        let columns = if format == "cloudtrail" { "*" } else { "userAgent" };
        let query = format!("select {columns} from cloudtrail limit 1");
        let output = run(trailhound(["sql", &query, "--format", format, "--lake"]).arg(&lake));
        assert!(output.status.success(), "{format}: {}", text(&output.stderr));
        let printed = text(&output.stdout);
        assert!(printed.contains("cmd|") || printed.contains("cmd\\|"), "{format}: {printed}");
        assert!(format == "csv" || !printed.contains('\u{1b}'), "{format} lets an escape through");
        assert!(
            format != "csv" || printed.lines().nth(1).is_some_and(|line| line.starts_with("'=")),
            "{printed}"
        );
    }
}
