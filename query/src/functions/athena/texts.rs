//! Patterns in texts, and URLs.

use super::TEXTS;
use super::json::integers;
use crate::functions::arguments::{Argument, Texts};
use crate::functions::scalar::{Definition, function, text_list};
use datafusion::arrow::array::{Array, ArrayRef, ListBuilder, StringArray, StringBuilder};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Result, exec_err};
use datafusion::logical_expr::ScalarUDF;
use regex::Regex;
use std::sync::Arc;

pub(super) fn regexp_extract() -> Arc<ScalarUDF> {
    function(Definition {
        chapter: TEXTS,
        call: "regexp_extract(text, pattern, group)",
        doc: "What a group of the first match of a regular expression holds; group 0, the default, is the whole match.",
        example: r"regexp_extract('role/admin/jo', '([a-z]+)/([a-z]+)', 2)",
        returns: DataType::Utf8,
        body: |arguments, rows| {
            let mut out = StringBuilder::new();
            matched(arguments, rows, |found| match found {
                Some((regex, text, group)) => {
                    let captures = regex.captures(text);
                    out.append_option(
                        captures.as_ref().and_then(|all| all.get(group)).map(|part| part.as_str()),
                    );
                }
                None => out.append_null(),
            })?;
            Ok(Arc::new(out.finish()))
        },
    })
}

pub(super) fn regexp_extract_all() -> Arc<ScalarUDF> {
    function(Definition {
        chapter: TEXTS,
        call: "regexp_extract_all(text, pattern, group)",
        doc: "What a group of each match of a regular expression holds; group 0, the default, is the whole match.",
        example: r"regexp_extract_all('i-1, i-22', 'i-([0-9]+)', 1)",
        returns: text_list(),
        body: |arguments, rows| {
            let mut out = ListBuilder::new(StringBuilder::new());
            matched(arguments, rows, |found| match found {
                Some((regex, text, group)) => {
                    let part = |all: regex::Captures<'_>| all.get(group).map(|part| part.as_str().to_owned());
                    out.append_value(regex.captures_iter(text).map(part));
                }
                None => out.append_null(),
            })?;
            Ok(Arc::new(out.finish()) as ArrayRef)
        },
    })
}

/// Calls `each` for each row with its pattern, text and group, or with `None` if one of them is NULL.
fn matched(
    arguments: &[Argument],
    rows: usize,
    mut each: impl FnMut(Option<(&Regex, &str, usize)>),
) -> Result<()> {
    let (texts, patterns) = (Texts::new(&arguments[0])?, Texts::new(&arguments[1])?);
    let groups = integers(&arguments[2], rows)?;
    let mut regex: Option<(String, Regex)> = None;
    for row in 0..rows {
        let (Some(text), Some(pattern), true) = (texts.get(row), patterns.get(row), groups.is_valid(row))
        else {
            each(None);
            continue;
        };
        if regex.as_ref().is_none_or(|(known, _)| known != pattern) {
            regex = Some((pattern.to_owned(), compiled(pattern)?));
        }
        let Ok(group) = usize::try_from(groups.value(row)) else { return exec_err!("a group is 0 or more") };
        each(regex.as_ref().map(|(_, regex)| (regex, text, group)));
    }
    Ok(())
}

fn compiled(pattern: &str) -> Result<Regex> {
    match Regex::new(pattern) {
        Ok(regex) => Ok(regex),
        Err(_) if ["(?=", "(?!", "(?<=", "(?<!"].iter().any(|look| pattern.contains(look)) => {
            exec_err!("'{pattern}' looks ahead or behind, which is not supported: capture a group instead")
        }
        Err(_) => exec_err!("'{pattern}' is no regular expression that is understood"),
    }
}

pub(super) fn url_decode() -> Arc<ScalarUDF> {
    function(Definition {
        chapter: TEXTS,
        call: "url_decode(text)",
        doc: "The text with `%20`, `+` and the like decoded, as in policy documents of IAM; NULL if that is no text.",
        example: "url_decode('%7B%22a%22%3A+1%7D')",
        returns: DataType::Utf8,
        body: |arguments, rows| {
            let texts = Texts::new(&arguments[0])?;
            let decode = |row: usize| decoded(texts.get(row)?);
            Ok(Arc::new((0..rows).map(decode).collect::<StringArray>()))
        },
    })
}

/// What follows a `%` that is no number stays as it is.
fn decoded(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.as_bytes();
    while let Some((&first, rest)) = bytes.split_first() {
        bytes = rest;
        let digits = rest.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let is_number = digits.is_some_and(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        match (first, digits) {
            (b'%', Some(digits)) if is_number => {
                out.push(u8::from_str_radix(digits, 16).ok()?);
                bytes = &rest[2..];
            }
            (b'+', _) => out.push(b' '),
            (other, _) => out.push(other),
        }
    }
    String::from_utf8(out).ok()
}
