//! A JSON text → the values of the members that people search for, see [`SEARCHED`].
//!
//! What a member is here is what a path to it is in SQL: the first of that name; a text without its quotes, anything else
//! as it is written; nothing for null. A text that holds JSON is looked into.

use crate::parse::{MAX_DEPTH, byte, skip, string_end, white};
use crate::record::{self, PAD};
use crate::schema::SEARCHED;
use arrow::array::{ArrayRef, StringBuilder};
use std::sync::Arc;

/// Tells `hear` number and value of each member of [`SEARCHED`] that the JSON text at `start` has; behind the text are
/// [`PAD`] bytes or more.
pub(crate) fn members(bytes: &[u8], start: usize, mut hear: impl FnMut(usize, &[u8])) {
    match byte(bytes, start) {
        b'{' => of_object(bytes, start, &mut hear),
        b'"' => {
            let mut decoded = String::new();
            let Ok((end, _)) = string_end::<true>(bytes, start + 1) else { return };
            let text = std::str::from_utf8(&bytes[start + 1..end]).unwrap_or_default();
            if record::unescape(text, &mut decoded) && decoded.trim_start().starts_with('{') {
                of_object(&padded(decoded.trim_start()), 0, &mut hear);
            }
        }
        _ => {}
    }
}

/// What is there counts, where the object is cut off: the text in a text may be.
fn of_object(bytes: &[u8], open: usize, hear: &mut dyn FnMut(usize, &[u8])) {
    let (mut met, mut decoded) = ([false; SEARCHED.len()], String::new());
    let mut at = white(bytes, open + 1);
    while byte(bytes, at) == b'"' {
        let Ok((end, is_escaped)) = string_end::<true>(bytes, at + 1) else { return };
        let number = number_of(&bytes[at + 1..end], is_escaped, &mut decoded);
        let colon = white(bytes, end + 1);
        if byte(bytes, colon) != b':' {
            return;
        }
        let from = white(bytes, colon + 1);
        let Ok(to) = skip::<true>(bytes, from, MAX_DEPTH) else { return };
        if let Some(number) = number.filter(|&number| !std::mem::replace(&mut met[number], true)) {
            say(number, &bytes[from..to], &mut decoded, hear);
        }
        let behind = white(bytes, to);
        if byte(bytes, behind) != b',' {
            return;
        }
        at = white(bytes, behind + 1);
    }
}

/// Which of [`SEARCHED`] a key is, as it is between its quotes.
fn number_of(key: &[u8], is_escaped: bool, decoded: &mut String) -> Option<usize> {
    let is_it = |key: &[u8]| SEARCHED.iter().position(|(searched, _)| searched.as_bytes() == key);
    if !is_escaped {
        return is_it(key);
    }
    let key = std::str::from_utf8(key).ok()?;
    if record::unescape(key, decoded) { is_it(decoded.as_bytes()) } else { None }
}

/// Tells a value, unless it is null, or a text that is none.
fn say(number: usize, value: &[u8], decoded: &mut String, hear: &mut dyn FnMut(usize, &[u8])) {
    match value {
        b"null" => {}
        [b'"', text @ .., b'"'] if text.contains(&b'\\') => {
            let text = std::str::from_utf8(text).unwrap_or_default();
            if record::unescape(text, decoded) {
                hear(number, decoded.as_bytes());
            }
        }
        [b'"', text @ .., b'"'] => hear(number, text),
        other => hear(number, other),
    }
}

fn padded(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len() + PAD);
    bytes.extend_from_slice(text.as_bytes());
    bytes.resize(text.len() + PAD, 0);
    bytes
}

/// The columns of [`SEARCHED`] for JSON texts, row by row.
#[must_use]
pub fn columns<'a>(texts: impl IntoIterator<Item = Option<&'a str>>) -> Vec<ArrayRef> {
    let mut columns: [StringBuilder; SEARCHED.len()] = Default::default();
    for text in texts {
        let mut is_there = [false; SEARCHED.len()];
        if let Some(text) = text {
            members(&padded(text), 0, |number, value| {
                columns[number].append_value(std::str::from_utf8(value).unwrap_or_default());
                is_there[number] = true;
            });
        }
        for (column, _) in columns.iter_mut().zip(is_there).filter(|(_, is_there)| !is_there) {
            column.append_null();
        }
    }
    columns.into_iter().map(|mut column| Arc::new(column.finish()) as ArrayRef).collect()
}

/// The column of one of [`SEARCHED`], by its name.
#[must_use]
pub fn column<'a>(name: &str, texts: impl IntoIterator<Item = Option<&'a str>>) -> Option<ArrayRef> {
    let number = SEARCHED.iter().position(|(_, column)| *column == name)?;
    columns(texts).into_iter().nth(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Array, AsArray};
    use proptest::prelude::*;
    use serde_json::Value;

    fn found(document: &str) -> Vec<Option<String>> {
        let columns = columns([Some(document)]);
        let text = |column: &ArrayRef| column.as_string::<i32>().iter().next().flatten().map(str::to_owned);
        columns.iter().map(text).collect()
    }

    /// What is looked for, in a tree.
    fn expected(document: &Value) -> Vec<Option<String>> {
        let object = match document {
            Value::String(text) => serde_json::from_str(text).unwrap_or(Value::Null),
            other => other.clone(),
        };
        let text = |value: &Value| match value {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        };
        SEARCHED.iter().map(|(key, _)| object.as_object()?.get(*key).and_then(text)).collect()
    }

    #[test]
    fn the_first_of_a_name_counts_and_a_text_may_be_cut_off() {
        let first = |document: &str| found(document)[0].clone();
        assert_eq!(first(r#"{"bucketName":null,"bucketName":"b"}"#), None);
        assert_eq!(first(r#"{"a":{"bucketName":"x"},"bucketName":"b","bucketName":"c"}"#), Some("b".into()));
        assert_eq!(first(r#"{ "bucket\u004eame" : "b\n\u00e9" }"#), Some("b\né".into()));
        assert_eq!(first(r#"{"bucketName":"\ud800"}"#), None);
        assert_eq!(first(r#"{"bucketName":[1, {"a":2}]}"#), Some(r#"[1, {"a":2}]"#.into()));
        assert_eq!(first(r#"" {\"bucketName\":\"b\",\"na""#), Some("b".into()));
        assert_eq!(first(r#"["bucketName"]"#), None);
        assert_eq!(columns([None::<&str>])[0].null_count(), 1);
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "\\PC{0,40}".prop_map(Value::from),
            "[\\n\"\\\\\u{0}é]{0,3}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 20, 4, |inner| {
            let list = prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from);
            let key = prop_oneof![Just("bucketName".to_owned()), Just("a\"".to_owned())];
            let object = prop::collection::hash_map(key, inner, 0..3);
            prop_oneof![list, object.prop_map(Value::from_iter)]
        })
    }

    fn document() -> impl Strategy<Value = Value> {
        let known = prop::sample::select(SEARCHED.map(|(key, _)| key.to_owned()).to_vec());
        let key = prop_oneof![4 => known, 1 => "\\PC{0,20}"];
        let object = prop::collection::hash_map(key, value(), 0..8);
        let object = object.prop_map(Value::from_iter).boxed();
        prop_oneof![
            4 => object.clone(),
            1 => object.prop_map(|object| Value::from(object.to_string())),
            1 => value(),
        ]
    }

    proptest! {
        #[test]
        fn a_tree_gives_the_same(document in document()) {
            prop_assert_eq!(found(&document.to_string()), expected(&document));
        }
    }
}
