//! `lake export-ddl`: what it prints is Athena's SQL, and what Athena would answer is what `trailhound sql` answers.
//!
//! There is no Athena to ask. Its dialect is that of sqlglot, and its engine is DuckDB, with the view translated.

use crate::product::{json, run, text, trailhound};
use crate::python;
use serde_json::{Value, json};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use trailhound_ingest::schema::{Kind, OURS, SCHEMA, Table};

const LAKE: &str = "s3://audit-lake/trailhound/";

/// What AWS's own table over log files has, in its order
/// (<https://docs.aws.amazon.com/athena/latest/ug/create-cloudtrail-table-partition-projection.html>).
const DOCUMENTED: &[&str] = &[
    "eventversion",
    "useridentity.type",
    "useridentity.principalid",
    "useridentity.arn",
    "useridentity.accountid",
    "useridentity.invokedby",
    "useridentity.accesskeyid",
    "useridentity.username",
    "useridentity.onbehalfof.userid",
    "useridentity.onbehalfof.identitystorearn",
    "useridentity.sessioncontext.attributes.mfaauthenticated",
    "useridentity.sessioncontext.attributes.creationdate",
    "useridentity.sessioncontext.sessionissuer.type",
    "useridentity.sessioncontext.sessionissuer.principalid",
    "useridentity.sessioncontext.sessionissuer.arn",
    "useridentity.sessioncontext.sessionissuer.accountid",
    "useridentity.sessioncontext.sessionissuer.username",
    "useridentity.sessioncontext.ec2roledelivery",
    "useridentity.sessioncontext.webidfederationdata.federatedprovider",
    "useridentity.sessioncontext.webidfederationdata.attributes",
    "eventtime",
    "eventsource",
    "eventname",
    "awsregion",
    "sourceipaddress",
    "useragent",
    "errorcode",
    "errormessage",
    "requestparameters",
    "responseelements",
    "additionaleventdata",
    "requestid",
    "eventid",
    "readonly",
    "resources[1].arn",
    "resources[1].accountid",
    "resources[1].type",
    "eventtype",
    "apiversion",
    "recipientaccountid",
    "serviceeventdetails",
    "sharedeventid",
    "vpcendpointid",
    "vpcendpointaccountid",
    "eventcategory",
    "addendum.reason",
    "addendum.updatedfields",
    "addendum.originalrequestid",
    "addendum.originaleventid",
    "sessioncredentialfromconsole",
    "edgedevicedetails",
    "tlsdetails.tlsversion",
    "tlsdetails.ciphersuite",
    "tlsdetails.clientprovidedhostheader",
];

/// Questions that mean the same in Athena and in `trailhound sql`.
const QUESTIONS: [&str; 7] = [
    "SELECT eventname, count(*) AS n FROM cloudtrail GROUP BY eventname",
    "SELECT useridentity.sessioncontext.sessionissuer.username AS who, count(*) AS n FROM cloudtrail \
     WHERE eventsource = 's3.amazonaws.com' GROUP BY 1",
    "SELECT json_extract_scalar(requestparameters, '$.bucketName') AS bucket, count(*) AS n FROM cloudtrail \
     WHERE eventname LIKE 'Delete%' GROUP BY 1",
    "SELECT eventid, eventtime, sourceipaddress, useragent FROM cloudtrail WHERE useridentity.type = 'Root'",
    "SELECT count(*) AS n, min(eventtime) AS first, max(eventtime) AS last FROM cloudtrail \
     WHERE readonly = 'false' AND eventtime >= '2026-03-17T12:00:00Z' AND errorcode IS NULL",
    "SELECT \"date\", awsregion, count(*) AS n FROM cloudtrail WHERE \"date\" >= date '2026-03-17' GROUP BY 1, 2",
    "SELECT count(*) AS n FROM cloudtrail WHERE tlsdetails.tlsversion = 'TLSv1.3' AND addendum.reason IS NULL",
];

fn export<const N: usize>(args: [&str; N]) -> Command {
    let mut command = trailhound(["lake", "export-ddl", "--lake", LAKE]);
    command.args(args);
    command
}

/// A lake of the sample logs, with findings in it.
fn sample_lake(lake: &Path) {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sample-logs/AWSLogs");
    run(trailhound(["ingest"]).arg(samples).arg("--lake").arg(lake));
    let detected = json(trailhound(["detect", "--report", "json", "--lake"]).arg(lake));
    assert!(detected["findings"].as_u64() > Some(0), "{detected}");
}

/// What the stand-in for Athena answers to questions over the files of `lake`.
fn athena(python: &Path, lake: &Path, statements: &Value, questions: &[String]) -> Vec<Vec<Value>> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/athena_view.py");
    let mut command = Command::new(python);
    command.arg(script).arg(LAKE).arg(lake).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let asked = json!({"statements": statements, "questions": questions}).to_string();
    child.stdin.take().unwrap().write_all(asked.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "the stand-in for Athena failed");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Every column of the view but `ingesttime`, of which it shows whole seconds only.
fn everything() -> String {
    let theirs = SCHEMA.columns(Table::Events).map(|(_, node)| node.path);
    let ours = OURS.iter().filter(|(_, kind, _)| *kind != Kind::Time).map(|&(name, ..)| name);
    let columns = theirs.chain(ours).chain(["\"date\""]).enumerate();
    let columns = columns.map(|(number, path)| format!("{} AS c{number}", path.to_lowercase()));
    format!("SELECT {} FROM cloudtrail", columns.collect::<Vec<_>>().join(", "))
}

/// Rows in one order; names of columns as Athena folds them, truth values as the texts that they are in AWS's table.
fn comparable(rows: &[Value]) -> Vec<String> {
    let text =
        |value: &Value| value.as_bool().map_or_else(|| value.clone(), |truth| json!(truth.to_string()));
    let row = |row: &Value| {
        let members = row.as_object().unwrap().iter();
        members.map(|(name, value)| (name.to_lowercase(), text(value))).collect::<serde_json::Map<_, _>>()
    };
    let mut rows = rows.iter().map(|r| Value::Object(row(r)).to_string()).collect::<Vec<_>>();
    rows.sort_unstable();
    rows
}

#[test]
fn athena_would_answer_as_we_do() {
    let Some(python) = python::environment("athena") else { return };
    let dir = tempfile::tempdir().unwrap();
    let lake = dir.path().join("lake");
    sample_lake(&lake);
    let statements = json(&mut export(["--database", "audit-logs", "--format", "json"]));
    let same = QUESTIONS.map(str::to_owned).into_iter().chain([everything()]).collect::<Vec<_>>();
    let documented = format!("SELECT {} FROM cloudtrail LIMIT 1", DOCUMENTED.join(", "));
    // The other tables are there too; `findings` has rows.
    let others = ["SELECT id, severity, alert FROM findings".to_owned(), documented];
    let asked = [&same[..], &others[..]].concat();
    let answers = athena(&python, &lake, &statements, &asked);
    for (question, answer) in asked.iter().zip(&answers).take(same.len() + 1) {
        let ours = json(trailhound(["sql", question, "--format", "json", "--lake"]).arg(&lake));
        let (theirs, ours) = (comparable(answer), comparable(ours.as_array().unwrap()));
        assert!(!ours.is_empty(), "{question}: no rows, so nothing is compared");
        assert_eq!(theirs.len(), ours.len(), "{question}: number of rows");
        for (theirs, ours) in theirs.iter().zip(&ours) {
            assert_eq!(theirs, ours, "{question}");
        }
    }
    assert_eq!(answers.last().unwrap().len(), 1, "every documented column is there");
}

#[test]
fn the_command_prints_what_was_asked_for() {
    let printed = text(&run(&mut export(["--table", "cloudtrail", "--table", "events"])).stdout);
    let (table, view) = printed.split_once(";\n\n").unwrap();
    assert_eq!(
        table,
        "CREATE EXTERNAL TABLE IF NOT EXISTS `trailhound`.`events`\nLOCATION 's3://audit-lake/trailhound/events/'\nTBLPROPERTIES ('table_type' = 'DELTA')"
    );
    assert!(view.starts_with("CREATE OR REPLACE VIEW \"trailhound\".\"cloudtrail\" AS\n"), "{view}");
    assert!(view.ends_with("FROM \"trailhound\".\"events\";\n"), "{view}");
}

#[test]
fn what_athena_cannot_read_is_refused_in_one_line() {
    let refusals = [
        (vec!["--lake", "trailhound-lake"], "lake 'trailhound-lake' is a folder, and Athena reads S3 only"),
        (vec!["--lake", "s3://b/it's"], "lake 's3://b/it's' cannot be named in a statement for Athena"),
        (vec!["--lake", LAKE, "--database", "a`b"], "'a`b' cannot be the name of a database in Athena"),
    ];
    for (args, line) in refusals {
        let output = run(trailhound(["lake", "export-ddl"]).args(args));
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2));
        assert!(said.starts_with(&format!("error: {line}\nhint: ")), "{said}");
        assert!(said.lines().count() == 2 && output.stdout.is_empty(), "{said}");
    }
}
