//! Records in every wrapper that the README says is read → the same records. The naive way, `serde_json` over the whole
//! document, is the oracle; what is hostile costs no more than its limits say.

use crate::naive::naive;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::{DeflateEncoder, GzEncoder};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::io::{Read, Write};
use trailhound_ingest::batch::{Batch, Source};
use trailhound_ingest::config::Limits;
use trailhound_ingest::lake::ObjectId;
use trailhound_ingest::reject::Place;
use trailhound_ingest::schema::Table;

const README: &str = include_str!("../../README.md");

/// A key as CloudTrail makes them.
const NATIVE: &str = "AWSLogs/111122223333/CloudTrail/eu-west-1/2026/03/17/111122223333_CloudTrail_eu-west-1_20260317T0905Z_AbCdEfGhIjKlMnOp.json.gz";

/// Puts records into a wrapper.
pub(crate) type Wrap = fn(&[String]) -> Vec<u8>;

/// A test for each row of the table in the README, and the list of them.
macro_rules! what_it_reads {
    ($($test:ident: $name:literal => $wrap:expr;)*) => {
        pub(crate) const ROWS: &[(&str, Wrap)] = &[$(($name, $wrap)),*];
        $(#[test] fn $test() { check_row($name, $wrap); })*
    };
}

what_it_reads! {
    log_file: "log file of a trail" => |r| gzip(&document(r));
    document_plain: "`{\"Records\":[…]}`, not compressed" => document;
    document_pretty: "the same pretty-printed, with other members beside" => |r| {
        let document = json!({"a": [1], "Records": values(r), "z": {"b": "]}"}});
        serde_json::to_vec_pretty(&document).unwrap()
    };
    array: "bare array" => |r| format!("[{}]", r.join(" , ")).into_bytes();
    lines: "one record a line" => |r| r.join("\n").into_bytes();
    crlf: "lines with CRLF, blank lines and a byte order mark" => |r| format!("\u{feff}{}\r\n\r\n", r.join("\r\n\r\n")).into_bytes();
    nothing_between: "documents with nothing between" => |r| r.concat().into_bytes();
    document_lines: "`{\"Records\":[…]}` a line" => |r| lines_of(r, |r| String::from_utf8(document(&[r.to_owned()])).unwrap());
    members: "several gzip members" => |r| r.iter().flat_map(|r| gzip(r.as_bytes())).collect();
    gzip_twice: "gzip in gzip" => |r| gzip(&gzip(&document(r)));
    archive: "zip of any of these" => |r| {
        let (one, more) = r.split_at(1);
        zip(&[(document(one), true), (vec![], false), (gzip(&document(more)), false)])
    };
    wide: "UTF-16, as PowerShell writes" => |r| {
        let text = format!("\u{feff}{}", r.join("\r\n"));
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    };
    eventbridge: "EventBridge events" => |r| lines_of(r, eventbridge_event);
    firehose: "Firehose: objects with nothing between, or gzip members" => |r| {
        r.iter().flat_map(|r| gzip(eventbridge_event(r).as_bytes())).collect()
    };
    subscription: "CloudWatch Logs subscription" => |r| subscription_message(r).into_bytes();
    kinesis_raw: "the same as Kinesis stores it, gzip without base64" => |r| {
        r.iter().flat_map(|r| gzip(subscription_message(std::slice::from_ref(r)).as_bytes())).collect()
    };
    lambda_logs: "the same for Lambda, `awslogs.data`" => |r| {
        json!({"awslogs": {"data": base64(&gzip(subscription_message(r).as_bytes()))}}).to_string().into_bytes()
    };
    lambda_kinesis: "Kinesis for Lambda, `Records[].kinesis.data`" => |r| {
        let record = |r: &String| json!({"kinesis": {"partitionKey": "1", "data": base64(&gzip(subscription_message(std::slice::from_ref(r)).as_bytes()))},
            "eventSource": "aws:kinesis", "eventVersion": "1.0", "eventName": "aws:kinesis:record", "eventID": "shardId-0:1"});
        json!({"Records": r.iter().map(record).collect::<Vec<_>>()}).to_string().into_bytes()
    };
    lambda_firehose: "Firehose for Lambda or HTTP, `records[].data`" => |r| {
        let record = |r: &String| json!({"recordId": "1", "data": base64(eventbridge_event(r).as_bytes())});
        json!({"invocationId": "i", "records": r.iter().map(record).collect::<Vec<_>>()}).to_string().into_bytes()
    };
    queue: "SQS and SNS messages" => |r| {
        let notice = |r: &String| json!({"Type": "Notification", "Message": eventbridge_event(r)}).to_string();
        let message = |r: &String| json!({"messageId": "m", "body": notice(r), "eventSource": "aws:sqs", "awsRegion": "eu-west-1"});
        json!({"Records": r.iter().map(message).collect::<Vec<_>>()}).to_string().into_bytes()
    };
    logs_export: "CloudWatch Logs export, a time stamp before each record" => |r| {
        gzip(&lines_of(r, |r| format!("2026-03-17T09:05:12.123Z {r}")))
    };
    logs_tail: "`aws logs tail`" => |r| {
        lines_of(r, |r| format!("2026-03-17T09:05:12.123000+00:00 111122223333_CloudTrail_eu-west-1 {r}"))
    };
    filter_log_events: "`aws logs filter-log-events`" => |r| {
        let event = |r: &String| json!({"logStreamName": "s", "timestamp": 1, "message": r, "eventId": "3"});
        json!({"events": r.iter().map(event).collect::<Vec<_>>(), "searchedLogStreams": []}).to_string().into_bytes()
    };
    lookup_events: "`aws cloudtrail lookup-events`, CLI v2" => |r| {
        let events = r.iter().map(|r| lookup_event(r, &json!("2026-03-17T10:05:12+01:00"))).collect::<Vec<_>>();
        serde_json::to_vec_pretty(&json!({"Events": events, "NextToken": "t"})).unwrap()
    };
    lookup_events_one: "the same, CLI v1" => |r| {
        let events = r.iter().map(|r| lookup_event(r, &json!(1_773_738_312.5))).collect::<Vec<_>>();
        json!({"Events": events}).to_string().into_bytes()
    };
    lookup_events_lines: "the same as JSON lines" => |r| lines_of(r, |r| lookup_event(r, &json!(1)).to_string());
    lake_rows: "CloudTrail Lake, get-query-results with `eventjson`" => |r| {
        let row = |r: &String| json!([{"eventID": "x"}, {"eventjson": r}]);
        json!({"QueryStatus": "FINISHED", "QueryResultRows": r.iter().map(row).collect::<Vec<_>>()}).to_string().into_bytes()
    };
    lake_table: "CloudTrail Lake, saved results with `eventjson`" => |r| {
        let row = |r: &String| format!("x,\"a \"\"b\"\",\nc\",{}\n", quoted(r));
        gzip(format!("eventID,note,eventjson\n{}", r.iter().map(row).collect::<String>()).as_bytes())
    };
    insights_table: "CloudWatch Logs Insights as CSV, `@message`" => |r| {
        let row = |r: &String| format!("2026-03-17 09:05:12.123,{}\r\n", quoted(r));
        format!("@timestamp,@message\r\n{}", r.iter().map(row).collect::<String>()).into_bytes()
    };
    message: "a string in `message`" => |r| lines_of(r, |r| json!({"@timestamp": "t", "message": r}).to_string());
    original: "a string in `event.original`" => |r| lines_of(r, |r| json!({"event": {"original": r, "kind": "event"}}).to_string());
    raw: "a string in `_raw`" => |r| {
        json!(r.iter().map(|r| json!({"_raw": r, "host": "h"})).collect::<Vec<_>>()).to_string().into_bytes()
    };
    strings: "a string a line, or an array of strings" => |r| lines_of(r, |r| json!(r).to_string());
    base64_text: "base64 of gzip as text" => |r| base64(&gzip(&document(r))).into_bytes();
    by_name: "records by name in an object" => |r| {
        let named = r.iter().enumerate().map(|(n, r)| format!("\"{n}\":{r}")).collect::<Vec<_>>();
        format!("{{\"hits\":{{{}}}}}", named.join(",")).into_bytes()
    };
}

fn values(records: &[String]) -> Vec<Value> {
    records.iter().map(|record| serde_json::from_str(record).unwrap()).collect()
}

fn document(records: &[String]) -> Vec<u8> {
    format!("{{\"Records\":[{}]}}", records.join(",")).into_bytes()
}

fn lines_of(records: &[String], wrap: impl Fn(&str) -> String) -> Vec<u8> {
    records.iter().map(|record| wrap(record) + "\n").collect::<String>().into_bytes()
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn base64(bytes: &[u8]) -> String {
    BASE64_STANDARD.encode(bytes)
}

fn eventbridge_event(record: &str) -> String {
    format!(
        r#"{{"version":"0","id":"i","detail-type":"AWS API Call via CloudTrail","source":"aws.s3","account":"111122223333","time":"2026-03-17T09:05:12Z","region":"eu-west-1","resources":[],"detail":{record}}}"#
    )
}

fn subscription_message(records: &[String]) -> String {
    let event = |record: &String| json!({"id": "3", "timestamp": 1_773_738_312_000_u64, "message": record});
    json!({"messageType": "DATA_MESSAGE", "owner": "111122223333", "logGroup": "g", "logStream": "s",
        "subscriptionFilters": ["f"], "logEvents": records.iter().map(event).collect::<Vec<_>>()})
    .to_string()
}

fn lookup_event(record: &str, time: &Value) -> Value {
    json!({"EventId": "e", "EventName": "n", "ReadOnly": "true", "EventTime": time, "EventSource": "s3.amazonaws.com",
        "Resources": [{"ResourceType": "t", "ResourceName": "n"}], "CloudTrailEvent": record})
}

/// A cell of CSV.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

/// A zip archive of entries that are deflated or stored.
pub(crate) fn zip(entries: &[(Vec<u8>, bool)]) -> Vec<u8> {
    let (mut archive, mut directory) = (Vec::new(), Vec::new());
    for (content, deflated) in entries {
        let mut data = content.clone();
        if *deflated {
            let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
            encoder.write_all(content).unwrap();
            data = encoder.finish().unwrap();
        }
        let long = |n: usize| u32::try_from(n).unwrap().to_le_bytes();
        let mut facts = vec![20, 0, 0, 0, if *deflated { 8 } else { 0 }, 0, 0, 0, 0, 0];
        facts.extend(crc32(content).to_le_bytes());
        facts.extend([long(data.len()), long(content.len())].concat());
        // A name that points out of every folder, and no extra field.
        let name = b"../../etc/passwd";
        facts.extend([u8::try_from(name.len()).unwrap(), 0, 0, 0]);
        directory
            .extend([b"PK\x01\x02\x14\0".as_slice(), &facts, &[0; 10], &long(archive.len()), name].concat());
        archive.extend([b"PK\x03\x04".as_slice(), &facts, name, &data].concat());
    }
    let count = u16::try_from(entries.len()).unwrap().to_le_bytes();
    let place = [directory.len(), archive.len()].map(|n| u32::try_from(n).unwrap().to_le_bytes());
    let comment = b"\x03\0end";
    [
        archive,
        directory,
        b"PK\x05\x06\0\0\0\0".to_vec(),
        count.into(),
        count.into(),
        place.concat(),
        comment.to_vec(),
    ]
    .concat()
}

/// The CRC-32 that gzip puts at the end of a member.
fn crc32(content: &[u8]) -> u32 {
    let gz = gzip(content);
    let trailer = gz[gz.len() - 8..gz.len() - 4].try_into().unwrap();
    u32::from_le_bytes(trailer)
}

pub(crate) fn read(key: &str, body: &[u8], limits: &Limits) -> Batch {
    let mut batch = Batch::new();
    let source = Source { identity: ObjectId(7), key, etag: "e", key_date: None, ingest_date: 20_529 };
    batch.read(&source, body, limits);
    let object = &batch.objects[0];
    assert_eq!(object.records_read, batch.records.len() as u64 + object.quarantined, "the books reconcile");
    batch
}

/// The records of a batch in the one spelling of [`naive`], sorted.
pub(crate) fn records_of(batch: &Batch) -> Vec<String> {
    let mut records = batch.records.iter().map(|record| naive(batch.text(record))).collect::<Vec<_>>();
    records.sort();
    records
}

/// The reasons in the quarantine, those of the file first.
fn reasons(batch: &Batch) -> Vec<&str> {
    let mut rejects = batch.rejects.iter().collect::<Vec<_>>();
    rejects.sort_by_key(|reject| reject.place != Place::File);
    rejects.iter().map(|reject| reject.reason.as_str()).collect()
}

pub(crate) fn record(n: usize) -> String {
    format!(
        r#"{{"eventVersion":"1.11","userIdentity":{{"type":"IAMUser","userName":"ada"}},"eventTime":"2026-03-17T09:05:12Z","eventSource":"s3.amazonaws.com","eventName":"PutObject","awsRegion":"eu-west-1","userAgent":"aws:é \"{n}\" \\ \u202f","requestParameters":{{"policy":"{{\"a\":[{n}]}}","n":1.0}},"eventID":"id-{n}"}}"#
    )
}

#[track_caller]
fn check_row(name: &str, wrap: Wrap) {
    for count in [1, 2, 5] {
        let records = (0..count).map(record).collect::<Vec<_>>();
        let batch = read("x", &wrap(&records), &Limits::default());
        assert_eq!(reasons(&batch), Vec::<&str>::new(), "{name}");
        assert_eq!(records_of(&batch).len(), count, "{name}");
        // Wrappers made by serde_json write 1.0 and escapes in their own way, so values are compared.
        let (got, expected) = (batch_values(&batch), values(&records));
        assert!(expected.iter().all(|record| got.contains(record)), "{name}: {got:?}");
    }
}

fn batch_values(batch: &Batch) -> Vec<Value> {
    batch.records.iter().map(|record| serde_json::from_str(batch.text(record)).unwrap()).collect()
}

#[test]
fn the_readme_lists_what_is_tested() {
    let begin = README.find("## What it reads").expect("the section");
    let section = &README[begin + 5..];
    let section = &section[..section.find("\n## ").unwrap_or(section.len())];
    let rows = section.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
    let rows = rows.filter(|row| *row != "wrapper").map(str::trim).collect::<Vec<_>>();
    let tested = ROWS.iter().map(|(name, _)| *name).chain(OTHER_ROWS).collect::<Vec<_>>();
    assert_eq!(rows, tested);
}

/// Rows of the table whose tests are below.
const OTHER_ROWS: [&str; 4] = [
    "Insights and network activity records",
    "aggregated activity, lists in the list too",
    "event history of the console as CSV",
    "digests, control messages, `result_sign.json`",
];

#[test]
fn kinds_of_records_go_to_their_tables() {
    let insight = r#"{"eventVersion":"1.09","eventTime":"2026-03-17T09:00:00Z","eventType":"AwsCloudTrailInsight","eventID":"i","insightDetails":{"state":"Start"},"eventCategory":"Insight"}"#;
    let network = r#"{"eventVersion":"1.09","eventTime":"2026-03-17T09:00:00Z","eventSource":"s3.amazonaws.com","eventName":"PutObject","eventType":"AwsVpceEvent","eventCategory":"NetworkActivity","vpcEndpointId":"vpce-1"}"#;
    let window = r#"{"eventVersion":"1.0","accountId":"1","eventId":"w","eventType":"AwsAggregatedEvent","timeWindow":{"windowStart":"2026-03-17T09:00:00Z"},"summary":{}}"#;
    let body = format!("{{\"Records\":[{insight},[{window},[{window}]],{network}]}}");
    let batch = read("x", body.as_bytes(), &Limits::default());
    let tables = batch.records.iter().map(|record| record.table).collect::<Vec<_>>();
    assert_eq!(tables, [Table::Events, Table::Aggregated, Table::Aggregated, Table::Events]);
    assert!(batch.rejects.is_empty());
}

#[test]
fn rows_of_the_console_are_marked_partial() {
    let csv = "Event name,Event time,User name,Event source,Resource type,Event ID,Read-only\n\
               PutObject,2026-03-17T09:00:00Z,ada,s3.amazonaws.com,\"AWS::S3::Bucket, \"\"x\"\"\",e1,false\n\
               \"broken,2026\n\
               GetObject,2026-03-17T09:00:01Z,,,,,true\n\
               ,,,,,,\n";
    let batch = read("x", csv.as_bytes(), &Limits::default());
    assert_eq!(
        batch_values(&batch),
        [
            json!({"eventName": "PutObject", "eventTime": "2026-03-17T09:00:00Z", "eventSource": "s3.amazonaws.com", "eventID": "e1",
                "readOnly": false, "userIdentity": {"userName": "ada"},
                "$partial": {"from": "csv", "columns": {"Resource type": "AWS::S3::Bucket, \"x\""}}}),
            json!({"eventName": "GetObject", "eventTime": "2026-03-17T09:00:01Z", "readOnly": true,
                "$partial": {"from": "csv", "columns": {}}}),
        ]
    );
    assert_eq!(reasons(&batch), ["not a row of the table", "a row without a CloudTrail record"]);
    assert_eq!(batch.rejects[0].bytes, b"\"broken,2026");
    let files = trailhound_ingest::write::Writer::default().write(&batch, Table::Events, 0).unwrap();
    let rows = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(files[0].bytes.clone());
    let rows = rows.unwrap().build().unwrap().next().unwrap().unwrap();
    let rest = arrow::array::AsArray::as_string::<i32>(rows.column_by_name("rest").unwrap());
    assert!(rest.iter().all(|rest| rest.unwrap().contains("\"$partial\":{")), "the mark is in `rest`");
}

#[test]
fn what_holds_no_records_is_left_alone() {
    let control = r#"{"messageType":"CONTROL_MESSAGE","owner":"CloudwatchLogs","logEvents":[{"id":"","timestamp":1,"message":"CWL CONTROL MESSAGE: Checking health of destination Firehose."}]}"#;
    let digest = r#"{"digestS3Object":"o","digestPublicKeyFingerprint":"f","logFiles":[{"s3Object":"x"}]}"#;
    let signature = r#"{"version":"1.0","files":[{"fileHashValue":"x","fileName":"result_1.csv.gz"}],"hashSignature":"s","publicKeyFingerprint":"f"}"#;
    let lambda = json!({"awslogs": {"data": base64(&gzip(control.as_bytes()))}}).to_string();
    for text in [control, &lambda, digest, signature, "[]", "{\"Records\":[]}", "", " \r\n"] {
        for body in [text.as_bytes(), &gzip(text.as_bytes())] {
            let batch = read("x", body, &Limits::default());
            assert_eq!((batch.records.len(), reasons(&batch)), (0, vec![]), "{text}");
        }
    }
}

#[test]
fn bad_things_in_wrappers_are_told_one_by_one() {
    let (good, bad) = (record(1), record(2).replace("\"eventName\":", "\"eventName\""));
    let half =
        r#""{\"eventVersion\":\"1\",\"eventSource\":\"\ud800\",\"eventName\":\"a long enough name\"}""#;
    let not_gzip = base64(&gzip(b"{}")[..15]);
    for (body, expected) in [
        (json!({"logEvents": [{"message": good}, {"message": bad}]}).to_string(), "not valid JSON"),
        (
            json!({"Events": [{"CloudTrailEvent": good}, {"EventName": "x"}]}).to_string(),
            "not a CloudTrail record",
        ),
        (format!("[{good},{half}]"), "a string with half of a surrogate pair"),
        (format!("2026-03-17T09:00:00Z {bad}\n2026-03-17T09:00:00Z {good}"), "not valid JSON"),
        (format!("2026-03-17T09:00:00Z START\n2026-03-17T09:00:00Z {good}"), "not valid JSON"),
        (format!("eventjson\n{}\n{}", quoted(&bad), quoted(&good)), "not valid JSON"),
        (format!("eventjson\nx\n{}", quoted(&good)), "a row without a CloudTrail record"),
        (
            json!([{"message": good}, {"awslogs": {"data": not_gzip + &"A".repeat(60)}}]).to_string(),
            "gzip member 1 is damaged",
        ),
    ] {
        let batch = read("x", body.as_bytes(), &Limits::default());
        assert_eq!((records_of(&batch), reasons(&batch)), (vec![naive(&good)], vec![expected]), "{body}");
    }
}

#[test]
fn bad_entries_of_an_archive_cost_themselves() {
    let good = document(&[record(1)]);
    let mut archive = zip(&[(b"plain text".to_vec(), true), (good.clone(), true), (good, false)]);
    // The content of the last entry, which is stored.
    let at = archive.windows(9).rposition(|window| window == b"\"Records\"").unwrap();
    archive[at] = b'!';
    let batch = read("x", &archive, &Limits::default());
    assert_eq!(records_of(&batch), [naive(&record(1))]);
    let told = reasons(&batch);
    assert!(told[0].starts_with("entry 1 of the zip archive: neither JSON"), "{told:?}");
    assert_eq!(told[1], "entry 3 of the zip archive: damaged");
    assert_eq!(
        reasons(&read("x", b"PK\x03\x04", &Limits::default())),
        ["a zip archive whose directory is damaged"]
    );
}

#[test]
fn what_follows_the_member_of_a_native_file_is_tampering() {
    let genuine = gzip(&document(&[record(1)]));
    for tail in [b"\0".to_vec(), b"garbage".to_vec(), gzip(&document(&[record(2)]))] {
        let body = [genuine.clone(), tail.clone()].concat();
        let batch = read(NATIVE, &body, &Limits::default());
        assert_eq!(records_of(&batch), [naive(&record(1))], "the genuine record is kept, nothing else");
        assert_eq!(batch.objects[0].trailing, tail.len() as u64);
        let [reject] = &batch.rejects[..] else { panic!("{:?}", batch.rejects) };
        assert_eq!((reject.place, &reject.bytes), (Place::File, &tail));
        assert!(batch.objects[0].failed.as_ref().unwrap().contains("tampering"), "it is said");
        assert_eq!(batch.objects[0].sha256, read(NATIVE, &genuine, &Limits::default()).objects[0].sha256);
    }
    assert!(read(NATIVE, &genuine, &Limits::default()).rejects.is_empty());
}

#[test]
fn what_follows_the_members_of_other_files_is_told_unless_it_is_padding() {
    let gz = [gzip(&document(&[record(1)])), gzip(&document(&[record(2)]))].concat();
    for (tail, told) in
        [(&b""[..], vec![]), (&[0; 512], vec![]), (b"tail", vec!["4 bytes behind the last gzip member"])]
    {
        let batch = read("x", &[&gz, tail].concat(), &Limits::default());
        assert_eq!((batch.records.len(), reasons(&batch)), (2, told));
    }
}

#[test]
fn each_limit_costs_what_passes_it_and_names_its_flag() {
    let limits = Limits::default;
    let three = document(&(0..3).map(record).collect::<Vec<_>>());
    let long = record(1).replace("PutObject", &"x".repeat(2_000));
    let deep = record(2).replace("1.0", &format!("{}{}", "[".repeat(40), "]".repeat(40)));
    let blank = vec![b' '; 17 << 20];
    let inner = json!({"awslogs": {"data": base64(&gzip(&blank))}}).to_string().into_bytes();
    for (body, limits, good, flag) in [
        (three.clone(), Limits { max_inflated: 500, ..limits() }, 0, "--max-inflated"),
        (gzip(&three), Limits { max_inflated: 500, ..limits() }, 0, "--max-inflated"),
        (zip(&[(three.clone(), true)]), Limits { max_inflated: 1_000, ..limits() }, 0, "--max-inflated"),
        (inner.clone(), Limits { max_inflated: 1 << 20, ..limits() }, 0, "--max-inflated"),
        (
            json!([record(1)]).to_string().into_bytes(),
            Limits { max_inflated: 600, ..limits() },
            0,
            "--max-inflated",
        ),
        (gzip(&blank), limits(), 0, "--max-ratio"),
        (zip(&[(three.clone(), true), (blank, true)]), limits(), 3, "--max-ratio"),
        (inner, limits(), 0, "--max-ratio"),
        (
            document(&[record(1), long, record(2)]),
            Limits { max_record_bytes: 1_000, ..limits() },
            2,
            "--max-record-bytes",
        ),
        (document(&[record(1), deep, record(3)]), Limits { max_depth: 30, ..limits() }, 2, "--max-depth"),
        (three.clone(), Limits { max_records: 2, ..limits() }, 2, "--max-records"),
        (
            lines_of(&[record(1), record(2)], |r| format!("{r}\nx")),
            Limits { max_records: 2, ..limits() },
            1,
            "--max-records",
        ),
    ] {
        let batch = read("x", &body, &limits);
        let told = reasons(&batch);
        assert_eq!(batch.records.len(), good, "{flag}: {told:?}");
        assert!(told[0].contains(flag) && !told[0].contains('\n'), "{flag}: {told:?}");
        assert!(README.contains(&format!("`{flag}`")), "the README says it");
    }
    assert!(read("x", &three, &Limits { max_records: 3, ..limits() }).rejects.is_empty());
    assert!(read("x", &gzip(&vec![b' '; 4 << 20]), &limits()).rejects.is_empty(), "a small file is no bomb");
}

#[test]
fn hostile_files_cost_no_more_than_their_size() {
    let nested = |bracket: &str| bracket.repeat(3_000_000).into_bytes();
    let names =
        (0..60_000).map(|n| format!("\"{n}\":{}", if n % 1000 == 0 { record(n) } else { "0".into() }));
    let named = format!("{{{}}}", names.collect::<Vec<_>>().join(",")).into_bytes();
    let mut wrapped = record(1);
    for _ in 0..20 {
        wrapped = json!({"awslogs": {"data": base64(&gzip(wrapped.as_bytes()))}}).to_string();
    }
    let mut gz = document(&[record(1)]);
    for _ in 0..40 {
        gz = gzip(&gz);
    }
    for (name, body, good) in [
        ("arrays", nested("["), 0),
        ("objects", nested("{\"a\":"), 0),
        ("lists of records", nested("{\"Records\":["), 0),
        ("half records", [b"[".to_vec(), nested("{,{\"event")].concat(), 0),
        ("half rows", [b"eventjson\n".to_vec(), nested("\"a\n,")].concat(), 0),
        ("half lines", nested("{\"a\":[1\n"), 0),
        ("nothing", [b"{\"Records\":[".to_vec(), nested("0,"), b"0]}".to_vec()].concat(), 0),
        ("no text", [b"{".to_vec(), vec![0xff; 8 << 20]].concat(), 0),
        ("many names", named, 60),
        ("logs in logs", wrapped.into_bytes(), 0),
        ("gzip in gzip", gz, 0),
    ] {
        let batch = read("x", &body, &Limits::default());
        assert_eq!(batch.records.len(), good, "{name}");
        assert!(name == "many names" || !batch.rejects.is_empty(), "{name} is told");
        assert!(batch.rejects.len() <= 10_020, "{name}: {} rows", batch.rejects.len());
        let kept = batch.rejects.iter().map(|reject| reject.bytes.len()).sum::<usize>();
        assert!(kept <= (8 << 20) + (2 << 20), "{name}: {kept} bytes kept");
    }
}

#[test]
fn the_quarantine_shows_the_bytes_that_were_there() {
    let last = r#"{"awsRegion":"a","eventName":"y","eventTime":"z"}"#;
    let mut body = document(&[record(1), record(2), last.to_owned()]);
    let at = body.windows(5).rposition(|window| window == b"id-2\"").unwrap() + 3;
    body[at] = 0xe9;
    for body in [body.clone(), gzip(&gzip(&body)), zip(&[(body, true)])] {
        let batch = read("x", &body, &Limits::default());
        assert_eq!(records_of(&batch), [naive(last), naive(&record(1))], "the one behind it is kept");
        assert_eq!(batch.rejects[0].bytes.last_chunk::<4>(), Some(b"-\xe9\"}"));
    }
}

/// Records as the naive path sees them: `serde_json` over everything.
fn naive_path(text: &[u8], found: &mut Vec<Value>) {
    if text.starts_with(&[0x1f, 0x8b]) {
        let mut inflated = Vec::new();
        MultiGzDecoder::new(text).read_to_end(&mut inflated).unwrap();
        return naive_path(&inflated, found);
    }
    for value in serde_json::Deserializer::from_slice(text).into_iter::<Value>().map_while(Result::ok) {
        naive_records(value, found);
    }
}

fn naive_records(value: Value, found: &mut Vec<Value>) {
    match value {
        Value::Object(members) if members.contains_key("eventTime") && members.contains_key("eventName") => {
            found.push(Value::Object(members));
        }
        Value::Object(members) => members.into_iter().for_each(|(_, value)| naive_records(value, found)),
        Value::Array(values) => values.into_iter().for_each(|value| naive_records(value, found)),
        Value::String(text) => match BASE64_STANDARD.decode(&text) {
            Ok(bytes) if text.len() > 60 => naive_path(&bytes, found),
            _ => naive_path(text.as_bytes(), found),
        },
        _ => {}
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        ".{0,12}".prop_map(Into::into),
        Just(Value::from("{\"eventVersion\":\"1\",\"eventTime\":\"inside\",\"eventName\":\"is no record\"}")),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            prop::collection::hash_map("[a-zA-Z.$]{0,6}", inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn any_record() -> impl Strategy<Value = String> {
    ("[A-Z][a-z]{1,12}", any_json(), any_json(), ".{0,20}").prop_map(|(name, parameters, response, agent)| {
        json!({"eventVersion": "1.11", "eventTime": "2026-03-17T09:05:12Z", "eventSource": "s3.amazonaws.com",
            "eventName": name, "userAgent": agent, "requestParameters": parameters, "responseElements": response})
        .to_string()
    })
}

fn sorted(values: &[Value]) -> Vec<String> {
    let mut texts = values.iter().map(Value::to_string).collect::<Vec<_>>();
    texts.sort();
    texts
}

proptest! {
    /// Random records in a random wrapper, in up to three more: the same records, each as often.
    #[test]
    fn random_records_in_random_wrappers(
        records in prop::collection::vec(any_record(), 1..6),
        row in 0..ROWS.len(),
        outer in prop::collection::vec(0..3, 0..3),
    ) {
        let (name, wrap) = ROWS[row];
        let wrapped = wrap(&records);
        let mut seen = Vec::new();
        let is_json = |bytes: &[u8]| matches!(bytes.first(), Some(b'{' | b'[' | b'"'));
        if is_json(&wrapped) {
            naive_path(&wrapped, &mut seen);
            prop_assert_eq!(sorted(&seen), sorted(&values(&records)), "the oracle reads {}", name);
        }
        let body = outer.iter().fold(wrapped, |body, outer| match outer {
            0 => gzip(&body),
            1 => zip(&[(body, true)]),
            _ => zip(&[(b"[]".to_vec(), false), (body, false)]),
        });
        let batch = read("x", &body, &Limits::default());
        prop_assert_eq!(reasons(&batch), Vec::<&str>::new(), "{}", name);
        prop_assert_eq!(sorted(&batch_values(&batch)), sorted(&values(&records)), "{}", name);
    }

    /// A byte of a wrapper changed: no panic, and the books reconcile, which `read` asserts.
    #[test]
    fn damaged_wrappers_never_panic(
        records in prop::collection::vec(any_record(), 1..4),
        row in 0..ROWS.len(),
        archived in any::<bool>(),
        at in any::<prop::sample::Index>(),
        to in any::<u8>(),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut body = ROWS[row].1(&records);
        if archived {
            body = zip(&[(body, true)]);
        }
        let at = at.index(body.len());
        body[at] = to;
        read("x", &body, &Limits::default());
        body.truncate(cut.index(body.len()));
        read(NATIVE, &body, &Limits { max_inflated: 4_000, max_records: 2, max_depth: 4, ..Limits::default() });
    }
}
