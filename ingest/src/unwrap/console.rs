//! A row of the console's event history → a record, marked as partial.
//!
//! "Download as CSV" gives the time, the name and the caller of an event and leaves out its parameters. What the columns
//! say becomes a record with those members, so that it can be queried like the others, and with one more member
//! that CloudTrail never writes (its names hold no `$`):
//!
//! ```json
//! {"eventName": …, "$partial": {"from": "csv", "columns": {"Resource type": "AWS::S3::Bucket", …}}}
//! ```
//!
//! It is in no column of its own and so survives in `rest` of the row, together with the columns that have no
//! counterpart in a record. `rest.$partial IS NOT NULL` finds the rows.

use serde_json::{Map, Value};
use std::borrow::Cow;

/// The member that marks a record as partial.
pub(super) const MARK: &str = "$partial";

/// Columns by their `plain` names, and the members that they become.
const COLUMNS: [(&str, &str); 18] = [
    ("eventname", "eventName"),
    ("eventtime", "eventTime"),
    ("eventsource", "eventSource"),
    ("eventid", "eventID"),
    ("eventtype", "eventType"),
    ("eventversion", "eventVersion"),
    ("eventcategory", "eventCategory"),
    ("username", "userIdentity.userName"),
    ("awsaccesskey", "userIdentity.accessKeyId"),
    ("accesskeyid", "userIdentity.accessKeyId"),
    ("awsregion", "awsRegion"),
    ("sourceipaddress", "sourceIPAddress"),
    ("useragent", "userAgent"),
    ("errorcode", "errorCode"),
    ("errormessage", "errorMessage"),
    ("requestid", "requestID"),
    ("readonly", "readOnly"),
    ("recipientaccountid", "recipientAccountId"),
];

/// The name of a column without its case, blanks and signs: `Event name`, `eventName` and `event_name` are the same.
pub(super) fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// The record that the cells of a row make under these names; `None` where they name no event and no time, or hold
/// bytes that are no text.
pub(super) fn partial<'a>(names: &[String], cells: impl Iterator<Item = Cow<'a, [u8]>>) -> Option<String> {
    let (mut record, mut identity, mut others) = (Map::new(), Map::new(), Map::new());
    for (name, cell) in names.iter().zip(cells).filter(|(_, cell)| !cell.is_empty()) {
        // A byte that was no UTF-8 was overwritten with 1.
        let text = std::str::from_utf8(&cell).ok().filter(|text| !text.contains('\u{1}'))?;
        let plain = plain(name);
        let member = COLUMNS.iter().find(|(column, _)| *column == plain).map(|&(_, member)| member);
        let (object, key) = match member {
            Some(path) => match path.split_once('.') {
                Some((_, key)) => (&mut identity, key),
                None => (&mut record, path),
            },
            None => (&mut others, name.as_str()),
        };
        if object.contains_key(key) {
            let name = free_name(&others, name);
            others.insert(name, Value::from(text));
        } else {
            object.insert(key.to_owned(), value(key, text));
        }
    }
    if !(record.contains_key("eventName") && record.contains_key("eventTime")) {
        return None;
    }
    if !identity.is_empty() {
        record.insert("userIdentity".to_owned(), Value::Object(identity));
    }
    let mark = Map::from_iter([
        ("from".to_owned(), Value::from("csv")),
        ("columns".to_owned(), Value::Object(others)),
    ]);
    record.insert(MARK.to_owned(), Value::Object(mark));
    serde_json::to_string(&record).ok()
}

/// Columns may have the same name.
fn free_name(taken: &Map<String, Value>, name: &str) -> String {
    let mut name = name.to_owned();
    while taken.contains_key(&name) {
        name.push('+');
    }
    name
}

fn value(key: &str, text: &str) -> Value {
    match (key, text.to_ascii_lowercase().as_str()) {
        ("readOnly", "true") => Value::Bool(true),
        ("readOnly", "false") => Value::Bool(false),
        _ => Value::from(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(names: &[&str], cells: &[&str], expected: Option<&str>) {
        let names = names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        let got = partial(&names, cells.iter().map(|cell| Cow::Borrowed(cell.as_bytes())));
        let parse = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        assert_eq!(got.as_deref().map(parse), expected.map(parse));
    }

    #[test]
    fn a_row_of_the_console() {
        check(
            &[
                "Event name",
                "Event time",
                "User name",
                "AWS access key",
                "Read-only",
                "Error code",
                "Resource type",
            ],
            &[
                "PutObject",
                "2026-03-17T09:00:00Z",
                "ada",
                "AKIAEXAMPLE",
                "False",
                "",
                "AWS::S3::Bucket, AWS::S3::Object",
            ],
            Some(
                r#"{"eventName":"PutObject","eventTime":"2026-03-17T09:00:00Z","readOnly":false,
                "userIdentity":{"userName":"ada","accessKeyId":"AKIAEXAMPLE"},
                "$partial":{"from":"csv","columns":{"Resource type":"AWS::S3::Bucket, AWS::S3::Object"}}}"#,
            ),
        );
    }

    #[test]
    fn nothing_of_a_row_is_lost() {
        check(
            &["eventName", "eventTime", "event_name", "x", "x"],
            &["A", "t", "B", "1", "2"],
            Some(
                r#"{"eventName":"A","eventTime":"t","$partial":{"from":"csv","columns":{"event_name":"B","x":"1","x+":"2"}}}"#,
            ),
        );
    }

    #[test]
    fn a_row_that_names_no_event_is_none() {
        check(&["Event name", "Event time"], &["", "2026-03-17T09:00:00Z"], None);
        check(&["Event name", "Event time"], &["A\u{1}", "2026-03-17T09:00:00Z"], None);
    }
}
