//! Record → lake file → record: same keys, same values, numbers digit for digit, null and absent told apart.

use crate::naive::naive;
use arrow::array::RecordBatch;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use trailhound_ingest::batch::{Batch, Limits, Source};
use trailhound_ingest::lake::ObjectId;
use trailhound_ingest::rebuild::rebuild;
use trailhound_ingest::schema::Table;
use trailhound_ingest::write;

/// Odd members, each in a record of its own; all of it is valid JSON.
const ODD: [&str; 40] = [
    r#""a":123456789012345678901234567890"#,
    r#""a":[1.0,1e3,1E+3,-0,0.1000,1e400,-0.0]"#,
    r#""requestParameters":{"n":18446744073709551616,"f":1.0}"#,
    r#""requestParameters":null,"responseElements":null"#,
    r#""requestParameters":{}"#,
    r#""requestParameters":"text","responseElements":[1,{"a":null}]"#,
    r#""requestParameters":{"Tag":1,"tag":2,"TAG":3}"#,
    r#""a":1,"a":2"#,
    r#""awsRegion":"x","awsRegion":"y""#,
    r#""requestParameters":{"a":1,"a":2}"#,
    r#""userIdentity":{"arn":"x","arn":"y"}"#,
    r#""user\u0049dentity":{"arn":"x"}"#,
    r#""userAgent":"\ud800""#,
    r#""userAgent":"\u0041\/\u0000\ud83d\ude00\"\\""#,
    r#""\ud800":"\udfff""#,
    r#""userAgent":"é\u00e9 \u202f\u007f""#,
    r#""userAgent":"""#,
    r#""userIdentity":null"#,
    r#""userIdentity":{}"#,
    r#""userIdentity":"root""#,
    r#""userIdentity":[{"arn":"x"}]"#,
    r#""userIdentity":{"sessionContext":{}}"#,
    r#""userIdentity":{"sessionContext":{"sessionIssuer":{},"webIdFederationData":{},"attributes":{"mfaAuthenticated":false}}}"#,
    r#""userIdentity":{"sessionContext":null,"arn":null,"userName":5,"more":{"deep":[{}]}}"#,
    r#""tlsDetails":{"tlsVersion":"TLSv1.3","later":1}"#,
    r#""readOnly":"true","managementEvent":"false""#,
    r#""readOnly":1,"managementEvent":null"#,
    r#""readOnly":"TRUE""#,
    r#""errorCode":404,"errorMessage":["a"]"#,
    r#""resources":[{"ARN":"a","accountId":"1","type":"t"},{"ARNPrefix":"p"}]"#,
    r#""resources":[],"eventContext":{}"#,
    r#""resources":[{}]"#,
    r#""resources":[{"ARN":null}]"#,
    r#""resources":[{"ARN":"a","ARN":"b"},{"arn":"c"}]"#,
    r#""resources":"none""#,
    r#""resources":{"ARN":"a"}"#,
    r#""$record":{"eventName":"x"}"#,
    r#""rest":1,"actor":2,"date":3"#,
    r#""eventId":"small d","timeWindow":{"windowStart":"2026-03-17T00:00:00Z"},"summary":null"#,
    r#"" ":" ","":{"":[]}"#,
];

/// Times that are not the canonical text, or no time at all.
const TIMES: [&str; 12] = [
    r#""2026-03-17T09:00:00.5Z""#,
    r#""2026-03-17T09:00:00.1234567Z""#,
    r#""2026-03-17T09:00:00+00:00""#,
    r#""2026-03-17T23:59:60Z""#,
    r#""2026-02-30T00:00:00Z""#,
    r#""0000-01-01T00:00:00Z""#,
    r#""9999-12-31T23:59:59Z""#,
    r#""1969-12-31T23:59:59Z""#,
    r#""2026-03-17T09:00:00\u005a""#,
    r#""yesterday""#,
    "1773738000",
    "null",
];

pub(crate) fn records() -> Vec<String> {
    let odd = ODD.iter().enumerate().map(|(n, members)| {
        format!(r#"{{"eventVersion":"1.11","eventTime":"2026-03-17T09:00:00Z","eventName":"E{n}","eventID":"odd-{n}",{members}}}"#)
    });
    let times = TIMES.iter().enumerate().map(|(n, time)| {
        format!(
            r#"{{"eventTime":{time},"eventSource":"s3.amazonaws.com","eventName":"T","eventID":"time-{n}"}}"#
        )
    });
    let deep = format!(
        r#"{{"eventTime":"2026-03-17T09:00:00Z","eventName":"Deep","requestParameters":{}1{}}}"#,
        "[".repeat(200),
        "]".repeat(200)
    );
    let insight = r#"{"eventVersion":"1.08","eventTime":"2026-03-17T09:00:00Z","eventType":"AwsCloudTrailInsight","eventID":"i","insightDetails":{"state":"Start","insightContext":{"statistics":{"baseline":{"average":9.82222E-5}}}}}"#;
    let window = r#"{"eventVersion":"1.0","accountId":"111122223333","eventId":"w","eventType":"AwsAggregatedEvent","timeWindow":{"windowStart":"2026-03-17T09:00:00Z","windowEnd":"2026-03-17T09:05:00Z","windowSize":"PT5M","zone":null},"summary":{"n":1.50},"userIdentity":{"arn":"x"}}"#;
    odd.chain(times).chain([deep, insight.to_owned(), window.to_owned()]).collect()
}

/// Through the batch into Parquet and back.
fn round_trip(document: &str) -> Vec<String> {
    let mut batch = Batch::new();
    let source = Source {
        identity: ObjectId(7),
        key: "odd.json",
        etag: "e",
        key_date: Some(20_529),
        ingest_date: 20_529,
    };
    batch.read(&source, document.as_bytes(), &Limits::default());
    assert!(batch.rejects.is_empty(), "{:?}", batch.rejects);
    let mut back = Vec::new();
    for table in [Table::Events, Table::Aggregated] {
        for file in write::Writer::default().write(&batch, table, 0).unwrap() {
            let reader = ParquetRecordBatchReaderBuilder::try_new(file.bytes).unwrap().build().unwrap();
            for rows in reader {
                let rows: RecordBatch = rows.unwrap();
                back.extend(rebuild(&rows, table).unwrap());
            }
        }
    }
    back
}

#[track_caller]
fn check(document: &str) {
    let mut back = round_trip(document);
    let expected = records();
    assert_eq!(back.len(), expected.len());
    for record in expected {
        let wanted = naive(&record);
        let found = back.iter().position(|got| naive(got) == wanted);
        let Some(found) = found else { panic!("lost or altered: {record}\namong:\n{}", back.join("\n")) };
        back.swap_remove(found);
    }
}

#[test]
fn odd_records_come_back_from_one_document() {
    check(&format!("{{\"Records\":[{}]}}", records().join(",")));
}

#[test]
fn odd_records_come_back_from_lines() {
    check(&records().join("\n"));
}
