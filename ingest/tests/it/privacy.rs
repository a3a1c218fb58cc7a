//! Redaction through to Parquet: what a rule names is in no column of any row, and events stay what they are.

use crate::naive::naive;
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::DataType;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use proptest::prelude::*;
use std::sync::Arc;
use trailhound_ingest::batch::{Batch, Limits, Source};
use trailhound_ingest::config::Policy;
use trailhound_ingest::lake::ObjectId;
use trailhound_ingest::rebuild::rebuild;
use trailhound_ingest::record::State;
use trailhound_ingest::redact::{Key, Redaction, Rule};
use trailhound_ingest::schema::Table;
use trailhound_ingest::write;

fn policy(rules: &str) -> Policy {
    let rules = serde_json::from_str::<Vec<Rule>>(rules).unwrap();
    let key = Key::new(b"a key for tests, and nothing else").unwrap();
    Policy { filters: vec![], redaction: Redaction::new(&rules, Some(key)).unwrap().map(Arc::new) }
}

fn read(policy: Policy, documents: &[&str]) -> Batch {
    let mut batch = Batch::with_policy(policy);
    for (number, document) in (1..).zip(documents) {
        let (identity, key) = (ObjectId(number), "a.json");
        let source = Source { identity, key, etag: "e", key_date: Some(20_529), ingest_date: 20_529 };
        batch.read(&source, document.as_bytes(), &Limits::default());
    }
    batch.mark_duplicates();
    batch
}

/// The rows of all tables, and the statistics of their files.
fn rows(batch: &Batch) -> (Vec<(Table, RecordBatch)>, String) {
    let (mut rows, mut stats) = (Vec::new(), String::new());
    for table in [Table::Events, Table::Aggregated] {
        for file in write::Writer::default().write(batch, table, 0).unwrap() {
            let reader =
                ParquetRecordBatchReaderBuilder::try_new(file.bytes.clone()).unwrap().build().unwrap();
            rows.extend(reader.map(|batch| (table, batch.unwrap())));
            stats.push_str(&file.stats.to_string());
        }
    }
    (rows, stats)
}

/// All texts of a column, those in lists and structs too.
fn texts(column: &dyn Array, out: &mut Vec<String>) {
    match column.data_type() {
        DataType::Utf8 => out.extend(column.as_string::<i32>().iter().flatten().map(str::to_owned)),
        DataType::List(_) => texts(column.as_list::<i32>().values(), out),
        DataType::Struct(_) => column.as_struct().columns().iter().for_each(|field| texts(field, out)),
        _ => {}
    }
}

/// Every secret value holds this, in the clear or as escapes.
const SECRET: &str = "SECRET";
const ESCAPED: &str = r"\u0053\u0045CRET";

/// What a record may have in any place where a secret is.
fn secret() -> impl Strategy<Value = String> {
    let text = prop_oneof![Just(SECRET), Just(ESCAPED)];
    (text, 0..6).prop_map(|(text, shape)| match shape {
        0 => format!(r#"["{text}",null,5]"#),
        1 => format!(r#"{{"a":"{text}"}}"#),
        2 => format!(r#"[[{{"b":["{text}"]}}]]"#),
        3 => format!(r#"" {text}, {text}""#),
        _ => format!(r#""{text}""#),
    })
}

/// The key `name` in some spelling.
fn spelt(name: &'static str) -> impl Strategy<Value = String> {
    (0..5_usize, any::<prop::sample::Index>()).prop_map(move |(how, at)| match how {
        0 => name.to_uppercase(),
        1 => name.to_lowercase(),
        2 => {
            let at = at.index(name.len());
            format!("{}\\u{:04x}{}", &name[..at], name.as_bytes()[at], &name[at + 1..])
        }
        _ => name.to_owned(),
    })
}

/// Paths that a rule may name.
const PATHS: [&str; 9] = [
    "userAgent",
    "sourceIPAddress",
    "recipientAccountId",
    "userIdentity.userName",
    "userIdentity.arn",
    "userIdentity.sessionContext.sessionIssuer.arn",
    "requestParameters.bucketName",
    "resources.ARN",
    "tlsDetails.tlsVersion",
];

/// A member at `path`, each key in some spelling, arrays and objects on the way, with harmless members beside.
fn member(path: &'static str) -> BoxedStrategy<String> {
    let steps = path.split('.').map(|step| spelt(step).boxed()).collect::<Vec<_>>();
    (steps, secret(), any::<bool>(), any::<bool>())
        .prop_map(|(steps, value, list, beside)| {
            let mut value = value;
            for (depth, key) in steps.iter().enumerate().rev() {
                let more = if beside { format!(",\"harmless{depth}\":[1.0,-0]") } else { String::new() };
                let member = format!("\"{key}\":{value}");
                value = match (depth, list) {
                    (0, _) => return member,
                    (_, true) => format!("[{{{member}{more}}},1]"),
                    (_, false) => format!("{{{member}{more}}}"),
                };
            }
            value
        })
        .boxed()
}

fn record() -> impl Strategy<Value = String> {
    let members = prop::collection::vec((0..PATHS.len()).prop_flat_map(|at| member(PATHS[at])), 1..12);
    (members, 0..9_u32).prop_map(|(members, n)| {
        format!(
            r#"{{"eventVersion":"1.11","eventTime":"2026-03-17T09:00:0{n}Z","eventID":"id-{n}","eventName":"E",{}}}"#,
            members.join(" , ")
        )
    })
}

/// Rules that name all of [`PATHS`], in some way.
fn all_rules() -> impl Strategy<Value = String> {
    let how = prop_oneof![
        Just(r#""action":"drop""#),
        Just(r#""action":"hmac""#),
        Just(r#""action":"truncate","length":3"#),
        Just(r#""action":"truncate","ipv4":24"#),
    ];
    let wide = |path: &'static str, wide: usize| match (wide, path.rsplit_once('.'), path.split_once('.')) {
        (0, Some((above, _)), _) => format!("{above}.*"),
        (1, _, Some((head, _))) => format!("{head}.**"),
        (2, _, Some((_, tail))) => format!("**.{tail}"),
        (3, _, None) => format!("{path}.**"),
        _ => path.to_owned(),
    };
    prop::collection::vec((how, 0..8_usize), PATHS.len()).prop_map(move |ways| {
        let rules = PATHS.iter().zip(ways).map(|(path, (how, width))| {
            let path = wide(path, width);
            format!(r#"{{"fields":["{path}"],{how}}}"#)
        });
        format!("[{}]", rules.collect::<Vec<_>>().join(","))
    })
}

proptest! {
    /// No row holds a secret, whatever the spelling; the same records once more are duplicates; nothing else changed.
    #[test]
    fn no_secret_is_in_any_row(records in prop::collection::vec(record(), 1..6), rules in all_rules()) {
        let document = records.join("\n");
        let batch = read(policy(&rules), &[&document, &document]);
        prop_assert!(batch.rejects.is_empty(), "{:?}", batch.rejects);
        let again = batch.records.iter().filter(|r| r.object == 1);
        prop_assert!(again.clone().count() == records.len());
        prop_assert!(again.clone().all(|record| record.state == State::Repeated));
        let (rows, stats) = rows(&batch);
        let mut found = vec![stats];
        for (table, rows) in rows {
            rows.columns().iter().for_each(|column| texts(column, &mut found));
            for record in rebuild(&rows, table).unwrap() {
                // Escapes decoded.
                found.push(serde_json::from_str::<serde_json::Value>(&record).map(|v| v.to_string()).unwrap_or(record));
            }
        }
        prop_assert!(found.iter().any(|text| text.starts_with("id-")));
        for text in found {
            prop_assert!(!text.contains(SECRET) && !text.contains(ESCAPED), "{}\n{}", text, rules);
        }
    }

    /// A record that no rule names comes through as it was.
    #[test]
    fn what_no_rule_names_is_kept(record in record()) {
        let policy = policy(r#"[{"fields":["vpcEndpointId","responseElements.**"],"action":"drop"}]"#);
        let batch = read(policy, &[&record]);
        let back = rows(&batch).0.iter().flat_map(|(table, rows)| rebuild(rows, *table).unwrap()).collect::<Vec<_>>();
        prop_assert_eq!(back.len(), 1);
        prop_assert_eq!(naive(&back[0]), naive(&record));
    }
}

#[test]
fn bytes_that_cannot_be_redacted_are_not_kept() {
    let rules = r#"[{"fields":["userAgent"],"action":"drop","accounts":["111122223333"]}]"#;
    let good = r#"{"eventVersion":"1.11","eventTime":"2026-03-17T09:00:00Z","eventName":"E"}"#;
    let bad = r#"{"eventVersion":"1.11","eventTime":01,"userAgent":"SECRET"}"#;
    let document = format!("{good}\n{bad}\n{good}");
    for (policy, kept) in [(Policy::default(), true), (policy(rules), false)] {
        let batch = read(policy, &[&document, "SECRET and no JSON"]);
        assert_eq!(batch.rejects.len(), 2);
        for reject in &batch.rejects {
            let text = String::from_utf8_lossy(&reject.bytes);
            assert_eq!((text.contains(SECRET), reject.reason.contains("not kept")), (kept, !kept));
        }
        let object = &batch.objects[0];
        assert_eq!((object.records_read, object.quarantined, batch.records.len()), (3, 1, 2));
    }
}

#[test]
fn a_record_that_grows_too_much_costs_one_record() {
    let small = r#"{"eventVersion":"1.11","eventTime":"2026-03-17T09:00:00Z","eventName":"E"}"#;
    let large = small.replace('}', &format!(r#","requestParameters":{{"n":[{}1]}}}}"#, "1,".repeat(20_000)));
    let mut batch = Batch::with_policy(policy(r#"[{"fields":["requestParameters.**"],"action":"hmac"}]"#));
    let source =
        Source { identity: ObjectId(1), key: "a.json", etag: "e", key_date: None, ingest_date: 20_529 };
    let limits = Limits { max_record_bytes: 100_000, ..Limits::default() };
    batch.read(&source, format!("{small}\n{large}\n{small}").as_bytes(), &limits);
    assert_eq!((batch.records.len(), batch.objects[0].records_read, batch.objects[0].quarantined), (2, 3, 1));
    assert!(batch.rejects[0].reason.contains("--max-record-bytes"), "{}", batch.rejects[0].reason);
    assert_eq!(batch.rejects[0].bytes, b"");
}
