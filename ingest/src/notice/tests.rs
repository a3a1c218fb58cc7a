use super::*;
use proptest::prelude::*;
use serde_json::json;

fn s3(event: &str, key: &str) -> Value {
    json!({"Records": [{
        "eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": "eu-west-1", "eventName": event,
        "s3": {"bucket": {"name": "logs"}, "object": {"key": key, "size": 7, "eTag": "e", "sequencer": "0"}},
    }]})
}

fn announced(key: &str, version: bool) -> Announced {
    let version = version.then(|| Version { etag: "e".into(), size: 7 });
    Announced { bucket: "logs".into(), key: key.into(), version }
}

fn check(value: &Value, expected: &[Announced], ignored: u64) {
    let notice = read(&value.to_string());
    assert_eq!(notice, Ok(Notice { objects: expected.to_vec(), ignored }), "{value}");
}

fn wrapped(message: &str) -> Value {
    json!({"Type": "Notification", "MessageId": "1", "TopicArn": "arn:aws:sns:eu-west-1:1:t", "Message": message})
}

#[test]
fn an_event_of_s3_has_its_key_encoded() {
    for event in ["ObjectCreated:Put", "ObjectCreated:CompleteMultipartUpload"] {
        check(
            &s3(event, "AWSLogs/1/a+b%2Bc%3D%C3%A9.json.gz"),
            &[announced("AWSLogs/1/a b+c=é.json.gz", true)],
            0,
        );
    }
}

#[test]
fn whichever_way_it_came() {
    let event = s3("ObjectCreated:Put", "k").to_string();
    let sns =
        json!({"Records": [{"EventSource": "aws:sns", "EventVersion": "1.0", "Sns": {"Message": event}}]});
    check(&sns, &[announced("k", true)], 0);
    check(&wrapped(&event), &[announced("k", true)], 0);
    check(&wrapped(&wrapped(&event).to_string()), &[announced("k", true)], 0);
}

#[test]
fn on_event_bridge_the_key_is_plain() {
    let event = |kind: &str| {
        json!({"version": "0", "source": "aws.s3", "detail-type": kind, "detail": {
            "bucket": {"name": "logs"}, "object": {"key": "a+b%2B c", "size": 7, "etag": "e"}}})
    };
    check(&event("Object Created"), &[announced("a+b%2B c", true)], 0);
    check(&event("Object Deleted"), &[], 1);
}

#[test]
fn a_trail_names_keys_and_no_version() {
    let message = json!({"s3Bucket": "logs", "s3ObjectKey": ["a+b", "c"]});
    check(&message, &[announced("a+b", false), announced("c", false)], 0);
    check(&wrapped(&message.to_string()), &[announced("a+b", false), announced("c", false)], 0);
}

#[test]
fn what_is_no_news_of_an_object_is_counted() {
    let test = json!({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "logs", "RequestId": "1"});
    check(&test, &[], 1);
    check(&wrapped(VALIDATION), &[], 1);
    check(&s3("ObjectRemoved:Delete", "k"), &[], 1);
    check(&json!({"Records": []}), &[], 0);
}

#[test]
fn what_nobody_knows_is_an_error() {
    let cases = [
        ("{}", NoticeError::Unknown),
        (r#"{"Records":[{"eventSource":"aws:kinesis"}]}"#, NoticeError::Unknown),
        (r#"{"Type":"Notification"}"#, NoticeError::Lacks("Message")),
        (r#"{"s3Bucket":"b"}"#, NoticeError::Lacks("s3ObjectKey")),
        (r#"{"source":"aws.s3","detail-type":"Object Created"}"#, NoticeError::Lacks("detail.bucket.name")),
    ];
    for (text, error) in cases {
        assert_eq!(read(text), Err(error), "{text}");
    }
    assert!(matches!(read("hello"), Err(NoticeError::NoJson(_))));
    let mut deep = s3("ObjectCreated:Put", "k").to_string();
    for _ in 0..5 {
        deep = wrapped(&deep).to_string();
    }
    assert_eq!(read(&deep), Err(NoticeError::Wrapped));
    for key in ["%", "%2", "%zz", "%ff"] {
        assert_eq!(read(&s3("ObjectCreated:Put", key).to_string()), Err(NoticeError::Key), "{key}");
    }
}

#[test]
fn messages_of_a_queue_stand_for_themselves() {
    let record = |id: &str, body: &str| json!({"messageId": id, "eventSource": "aws:sqs", "body": body});
    let event =
        json!({"Records": [record("1", &s3("ObjectCreated:Put", "k").to_string()), record("2", "poison")]});
    let messages = messages(&event).unwrap();
    assert_eq!(messages[0].id.as_deref(), Some("1"));
    assert_eq!(messages[0].notice, Ok(Notice { objects: vec![announced("k", true)], ignored: 0 }));
    assert_eq!(messages[1].id.as_deref(), Some("2"));
    assert!(matches!(messages[1].notice, Err(NoticeError::NoJson(_))));
    let direct = super::messages(&s3("ObjectCreated:Put", "k")).unwrap();
    assert_eq!((direct.len(), direct[0].id.as_ref()), (1, None));
}

proptest! {
    /// What is encoded as S3 does it comes back, whatever the key.
    #[test]
    fn keys_come_back(key in "\\PC{1,40}") {
        let encoded = key.bytes().map(|byte| match byte {
            b' ' => "+".to_owned(),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        });
        prop_assert_eq!(decode(&encoded.collect::<String>()), Ok(key));
    }
}
