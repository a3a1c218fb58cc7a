//! `requestParameters.**` → steps from the record down.
//!
//! Keys match without regard to letter case. Arrays are passed through: a path names what is in every element. `*` is
//! any one key, `**` any number of keys; at the end `**` means everything at or below. A key in double quotes is taken
//! as it is. A misspelt key would leave a value in the clear, so keys that AWS does not document are refused, unless
//! they are quoted or lie where anything may be.

use super::PROTECTED;
use crate::nearest::nearest;
use crate::schema::{Kind, SCHEMA};

/// One step of a path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Step {
    /// A key, in lower case.
    Key(String),
    /// Any key.
    One,
    /// Any number of keys.
    Deep,
}

/// The steps from the record down; never empty.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Path(pub(super) Vec<Step>);

/// A step as it is written: its key, and whether that was in quotes.
type Written = (String, bool);

impl Path {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let written = steps(text)?;
        check_known(text, &written)?;
        let mut path = Vec::with_capacity(written.len());
        for (key, quoted) in written {
            path.push(match (key.as_str(), quoted) {
                ("*", false) => Step::One,
                ("**", false) if path.last() == Some(&Step::Deep) => continue,
                ("**", false) => Step::Deep,
                _ => Step::Key(key.to_lowercase()),
            });
        }
        if path.len() > usize::from(u8::MAX) {
            return Err(format!("the path {} is too long", text.chars().take(40).collect::<String>()));
        }
        Ok(Self(path))
    }

    /// What the console's CSV says beside the members of a record.
    pub(super) fn console_columns() -> Self {
        let key = |key: &str| Step::Key(key.to_owned());
        Self(vec![key("$partial"), key("columns"), Step::Deep])
    }
}

/// Splits a path at its dots.
fn steps(text: &str) -> Result<Vec<Written>, String> {
    let bad = |why: &str| format!("the path {text:?} {why}");
    let mut steps = Vec::new();
    let mut rest = text;
    loop {
        let (key, quoted, after) = if let Some(inner) = rest.strip_prefix('"') {
            let end = inner.find('"').ok_or_else(|| bad("has a quote that is not closed"))?;
            (&inner[..end], true, &inner[end + 1..])
        } else {
            let end = rest.find(['.', '[', '"']).unwrap_or(rest.len());
            (&rest[..end], false, &rest[end..])
        };
        if key.is_empty() && !quoted {
            return Err(bad("has a step without a name"));
        }
        if !quoted && key.contains('*') && key != "*" && key != "**" {
            return Err(bad("has a * beside other characters; it stands for a whole key"));
        }
        let mut after = after;
        while let Some(shorter) = after.strip_prefix("[*]").or_else(|| after.strip_prefix("[]")) {
            after = shorter;
        }
        if after.starts_with('[') {
            return Err(bad("names one element; a rule is for all of an array: [*], or nothing"));
        }
        steps.push((key.to_owned(), quoted));
        match after.strip_prefix('.') {
            Some(next) => rest = next,
            None if after.is_empty() => return Ok(steps),
            None => return Err(bad("needs a dot between its keys")),
        }
    }
}

/// Refuses keys that are not documented, and members that are protected.
fn check_known(text: &str, steps: &[Written]) -> Result<(), String> {
    let mut at = 0;
    for (number, (key, quoted)) in steps.iter().enumerate() {
        if *quoted || key.starts_with('*') {
            break;
        }
        let children = || SCHEMA.node(at).children.iter().map(|&child| (child, SCHEMA.node(child)));
        let Some((child, node)) = children().find(|(_, node)| node.name.eq_ignore_ascii_case(key)) else {
            let near = nearest(key, children().map(|(_, node)| node.name));
            let hint = near.map(|near| format!("did you mean {near}? Otherwise "));
            let hint = hint.unwrap_or_default();
            return Err(format!(
                "there is no member {key:?} in {text:?}\nhint: {hint}put a key that is not documented in double quotes"
            ));
        };
        if node.kind != Kind::Object {
            return check_protected(text, &steps[..=number]);
        }
        at = child;
    }
    check_protected(text, steps)
}

fn check_protected(text: &str, steps: &[Written]) -> Result<(), String> {
    let keys = steps.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>().join(".");
    let is = |name: &str| name.eq_ignore_ascii_case(&keys);
    let names = |protected: &&&str| is(protected) || protected.split('.').next().is_some_and(is);
    match PROTECTED.iter().find(names) {
        Some(name) => Err(format!("{text:?} names {name}, which tells an event from others and has to stay")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        let key = |key: &str| Step::Key(key.to_owned());
        for (text, expected) in [
            ("userIdentity.userName", vec![key("useridentity"), key("username")]),
            ("requestParameters.**", vec![key("requestparameters"), Step::Deep]),
            ("resources[*].ARN", vec![key("resources"), key("arn")]),
            ("**.**.password[]", vec![Step::Deep, key("password")]),
            ("requestParameters.\"a.B\".*", vec![key("requestparameters"), key("a.b"), Step::One]),
            ("\"newMember\"", vec![key("newmember")]),
        ] {
            assert_eq!(Path::parse(text).unwrap().0, expected, "{text}");
        }
    }

    #[test]
    fn what_would_not_do_what_it_says_is_refused() {
        for (text, why) in [
            ("", "without a name"),
            ("userIdentity..arn", "without a name"),
            ("userIdentity.usrName", "did you mean userName?"),
            ("somethingElse", "in double quotes"),
            ("resources[0].ARN", "all of an array"),
            ("requestParameters.a*", "whole key"),
            ("\"a", "not closed"),
            ("\"a\"b", "needs a dot"),
            ("eventid", "names eventID"),
            ("\"EventTime\"", "names eventTime"),
            ("timeWindow", "names timeWindow"),
            ("timeWindow.windowStart", "names timeWindow"),
        ] {
            let error = Path::parse(text).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
