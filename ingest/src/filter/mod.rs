//! A predicate on names, accounts, regions and the like, which says what records are kept.
//!
//! In: a record of a batch. Out: whether it is kept. The language is a part of SQL, and means what SQL means in
//! `trailhound sql`, but for one thing: a comparison with a member that the record lacks is false, never NULL, so `not`
//! and `!=` are true of it. What must hold: a key with escapes is the key that it spells, so no spelling gets a record
//! past a filter.
//!
//! ```text
//! readOnly = false or eventSource in ('kms.amazonaws.com', 'sts.amazonaws.com')
//! not (eventName like 'Describe%' and account = '111122223333') and errorCode is null
//! ```

mod parse;
mod like;
mod member;

use crate::batch::Batch;
use crate::record::Record;
use crate::schema::NodeId;
use like::Pattern;
use member::Value;
use std::str::FromStr;
use std::sync::Arc;

pub use parse::FilterError;

/// What records are kept. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Filter {
    text: Arc<str>,
    root: Arc<Expr>,
}

/// A predicate.
#[derive(PartialEq, Debug)]
enum Expr {
    And(Vec<Expr>),
    Or(Vec<Expr>),
    Not(Box<Expr>),
    Test(Field, Test),
}

/// The members that a name stands for; the first that a record has counts.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Field(Vec<NodeId>);

/// What is asked of a member.
#[derive(PartialEq, Debug)]
enum Test {
    /// It is one of these texts.
    OneOf(Vec<String>),
    /// It is text of this shape.
    Like(Pattern),
    /// It is this truth value.
    Is(bool),
    /// The record lacks it.
    Absent,
}

impl FromStr for Filter {
    type Err = FilterError;

    /// Reads a predicate.
    ///
    /// # Errors
    /// It is not one; the message tells the place.
    fn from_str(text: &str) -> Result<Self, FilterError> {
        Ok(Self { text: text.trim().into(), root: Arc::new(parse::parse(text)?) })
    }
}

impl std::fmt::Display for Filter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

impl PartialEq for Filter {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Filter {
    /// Whether `record`, which is in `batch`, is kept.
    pub(crate) fn keeps(&self, batch: &Batch, record: &Record) -> bool {
        holds(&self.root, &|field| member::value(field, batch, record))
    }
}

/// Whether a predicate is true of a record whose members `get` looks up.
fn holds<'a>(expr: &Expr, get: &dyn Fn(&Field) -> Value<'a>) -> bool {
    match expr {
        Expr::And(all) => all.iter().all(|expr| holds(expr, get)),
        Expr::Or(any) => any.iter().any(|expr| holds(expr, get)),
        Expr::Not(expr) => !holds(expr, get),
        Expr::Test(field, test) => match (test, get(field)) {
            (Test::Absent, value) => value == Value::Absent,
            (Test::OneOf(texts), Value::Text(text)) => texts.iter().any(|other| *other == *text),
            (Test::Like(pattern), Value::Text(text)) => pattern.matches(&text),
            (Test::Is(wanted), Value::Bool(value)) => *wanted == value,
            _ => false,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::{Limits, Source};
    use crate::lake::ObjectId;

    /// Whether `filter` keeps the record with these members.
    #[track_caller]
    fn check(filter: &str, members: &str, kept: bool) {
        let text = format!(r#"{{"eventTime":"2026-03-17T09:00:00Z","eventType":"AwsApiCall",{members}}}"#);
        let mut batch = Batch::new();
        let (identity, key) = (ObjectId(1), "x.json");
        let source = Source { identity, key, etag: "", key_date: None, ingest_date: 0 };
        batch.read(&source, text.as_bytes(), &Limits::default());
        let record = batch.records.first().unwrap_or_else(|| panic!("no record: {text}"));
        let filter = filter.parse::<Filter>().unwrap();
        assert_eq!(filter.keeps(&batch, record), kept, "{filter}: {members}");
    }

    const KMS: &str = r#""eventName":"Decrypt","eventSource":"kms.amazonaws.com","readOnly":true,"awsRegion":"eu-west-1","recipientAccountId":"111122223333","userIdentity":{"type":"AssumedRole"}"#;

    #[test]
    fn predicates() {
        for (filter, kept) in [
            ("readOnly = true and eventSource = 'kms.amazonaws.com'", true),
            ("not (readOnly and eventsource = 'kms.amazonaws.com')", false),
            ("readOnly = false or userIdentity.type in ('Root', 'AssumedRole')", true),
            ("eventName like 'De%' and eventName not like '%s' and eventName like '_ecrypt'", true),
            ("eventName in ('a','b')", false),
            ("EVENTNAME NOT IN ('a','b')", true),
            ("account = 111122223333", true),
            ("awsRegion <> 'eu-west-1'", false),
            ("managementEvent = true", false),
            ("managementEvent != true", true),
            ("not managementEvent", true),
            ("errorCode is null and eventName is not null", true),
            ("eventName = 'decrypt'", false),
        ] {
            check(filter, KMS, kept);
        }
    }

    #[test]
    fn and_goes_before_or_and_not_before_both() {
        check("eventName = 'x' and readOnly or awsRegion = 'eu-west-1'", KMS, true);
        check("eventName = 'x' and (readOnly or awsRegion = 'eu-west-1')", KMS, false);
        check("not eventName = 'x' and not readOnly", KMS, false);
    }

    #[test]
    fn no_spelling_gets_past() {
        let drop = "eventName != 'GetObject'";
        for members in [
            r#""eventName":"GetObject""#,
            r#""eventName":"Get\u004fbject""#,
            r#""event\u004eame":"GetObject""#,
            r#""\u0065ventName" : "\u0047etObject""#,
            r#""eventName":"GetObject","eventName":"PutObject""#,
            r#""x":1,"x":2,"eventName":"GetObject""#,
        ] {
            check(drop, members, false);
        }
        let root = "userIdentity.type = 'Root'";
        for members in [
            r#""eventName":"x","userIdentity":{"type":"Root"}"#,
            r#""eventName":"x","user\u0049dentity":{"typ\u0065":"R\u006fot"}"#,
            r#""eventName":"x","userIdentity":{"a":1},"userIdentity":{"type":"Root"}"#,
        ] {
            check(root, members, true);
        }
    }

    #[test]
    fn what_the_column_does_not_hold_is_absent() {
        for value in ["null", "5", "[\"x\"]", r#"{"a":1}"#, r#""\ud800""#] {
            check("errorCode is null", &format!(r#""eventName":"x","errorCode":{value}"#), true);
        }
        check("readOnly", r#""eventName":"x","readOnly":"true""#, true);
        check("readOnly is null", r#""eventName":"x","readOnly":"TRUE""#, true);
        check("eventName = 'x'", r#""EventName":"x""#, false);
    }

    #[test]
    fn an_aggregated_record_has_its_account_elsewhere() {
        let window = r#""accountId":"444455556666","timeWindow":{}"#;
        check("account = '444455556666'", window, true);
        check("recipientAccountId = '444455556666'", window, false);
    }
}
