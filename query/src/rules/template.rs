//! `{name}` in alerts and runbooks → values.

use super::RuleError;
use std::collections::BTreeMap;

/// What every hit has besides the fields of its rule, in AWS's names.
pub const ALWAYS: [&str; 10] = [
    "eventTime",
    "eventID",
    "actor",
    "recipientAccountId",
    "awsRegion",
    "sourceIPAddress",
    "userAgent",
    "eventName",
    "eventSource",
    "errorCode",
];

/// What hits of a threshold have as well.
pub const COUNTED: [&str; 2] = ["count", "window"];

/// The names in `text`, in order.
pub fn names(text: &str) -> impl Iterator<Item = &str> {
    text.split('{')
        .skip(1)
        .filter_map(|rest| rest.split_once('}').map(|(name, _)| name))
        .filter(|name| is_name(name))
}

/// JSON in a runbook has braces too; a name has no other characters.
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// `text` with its names filled in; a value that is missing is said to be unknown.
#[must_use]
pub fn fill(text: &str, values: &BTreeMap<String, String>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        if let Some((name, after)) = after.split_once('}').filter(|(name, _)| is_name(name)) {
            out.push_str(values.get(name).map_or("(unknown)", String::as_str));
            rest = after;
        } else {
            out.push('{');
            rest = after;
        }
    }
    out.push_str(rest);
    out
}

/// The same for text that people paste into a shell, as the queries of a runbook. An attacker chooses some of the values:
/// every character that could end a quotation or mean something to a shell becomes `?`.
#[must_use]
pub fn fill_pasteable(text: &str, values: &BTreeMap<String, String>) -> String {
    let plain = |c: char| if c.is_alphanumeric() || " @:/._+=,-".contains(c) { c } else { '?' };
    let values = values.iter().map(|(name, value)| (name.clone(), value.chars().map(plain).collect()));
    fill(text, &values.collect())
}

/// Names in `text` that are not among `known`.
pub(super) fn check(place: &str, key: &str, text: &str, known: &[&str]) -> Result<(), RuleError> {
    let Some(name) = names(text).find(|name| !known.contains(name)) else { return Ok(()) };
    let hint = crate::names::nearest(name, known.iter().copied());
    let hint = hint.map(|name| format!("\nhint: did you mean {{{name}}}?")).unwrap_or_default();
    Err(RuleError::new(place, format!("{key} names {{{name}}}, which is no field{hint}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_cannot_leave_its_quotes_in_a_shell() {
        let hostile = "x' OR 1=1; $(curl evil) `id` \"|&<>\\\n!";
        let values = BTreeMap::from([("bucket".to_owned(), hostile.to_owned())]);
        let filled = fill_pasteable("trailhound sql \"… '{bucket}'\"", &values);
        assert_eq!(filled, "trailhound sql \"… 'x? OR 1=1? ??curl evil? ?id? ????????'\"");
        let arn = "arn:aws:sts::111122223333:assumed-role/a+b=c,d.@-_/x";
        let values = BTreeMap::from([("actor".to_owned(), arn.to_owned())]);
        assert_eq!(fill_pasteable("{actor}", &values), arn);
    }

    #[test]
    fn names_are_filled_in() {
        let values = BTreeMap::from([("actor".to_owned(), "{count} it".to_owned())]);
        assert_eq!(
            fill("{actor} did {what} to {\"a\": {actor}", &values),
            "{count} it did (unknown) to {\"a\": {count} it"
        );
        assert_eq!(names("{a} { b } {c_1}{").collect::<Vec<_>>(), ["a", "c_1"]);
    }
}
