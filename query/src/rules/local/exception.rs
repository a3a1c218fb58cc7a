//! Exceptions: what a rule finds and nobody wants to hear of, for a reason, until a day.
//!
//! An exception is one more field of the rule, [`HIDDEN_BY`]: its value says by which exception a hit is hidden, and is
//! NULL for the others. So it is evaluated with the rule's hits only, whatever the kind of the rule, and goes into the
//! finding, where it can be counted and listed.

use super::Local;
use crate::names::expression::{columns, tree, with_fields};
use crate::names::{DOCUMENTED, is_known};
use crate::rules::glob::fits;
use crate::rules::{Rule, RuleError};
use serde::Deserialize;
use std::collections::BTreeMap;
use toml::Spanned;
use toml::value::Datetime;
use trailhound_ingest::time;

/// The field of a hit that says which exception hides it.
pub const HIDDEN_BY: &str = "hidden_by";

/// Days before its end from which an exception is warned of.
const WARN: i32 = 14;

/// An exception as the file has it; every key must be there.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    rule: Spanned<String>,
    #[serde(rename = "where")]
    predicate: Spanned<String>,
    reason: Spanned<String>,
    owner: Spanned<String>,
    expires: Spanned<Datetime>,
}

impl Written {
    /// Where in the file the rule is named.
    pub(super) fn rule_span(&self) -> std::ops::Range<usize> {
        self.rule.span()
    }
}

/// What is hidden, why, and for how long.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Exception {
    /// The rule, or several with `*`.
    pub rule: String,
    /// Which of its hits, in SQL; it may name the rule's fields.
    pub predicate: String,
    /// Why.
    pub reason: String,
    /// Who answers for it.
    pub owner: String,
    /// The last day on which it hides, in days since 1970.
    pub expires: i32,
}

impl Exception {
    /// Whether it is for the rule `id`.
    #[must_use]
    pub fn is_for(&self, id: &str) -> bool {
        fits(&self.rule, id)
    }

    /// Whether it hides nothing any more.
    #[must_use]
    pub fn is_expired(&self, today: i32) -> bool {
        self.expires < today
    }

    /// How findings and lists name it.
    #[must_use]
    pub fn label(&self) -> String {
        let Self { rule, reason, owner, .. } = self;
        format!("{rule}: {reason} ({owner}, until {})", time::format_date(self.expires))
    }

    /// What the person should know of it today.
    pub(super) fn notice(&self, today: i32) -> Option<String> {
        let Self { rule, reason, owner, .. } = self;
        let day = time::format_date(self.expires);
        let what = format!("the exception for {rule} of {owner} ({reason})");
        match self.expires - today {
            ..0 => Some(format!("{what} expired on {day} and hides nothing any more")),
            0 => Some(format!("{what} expires today")),
            left @ 1..=WARN => Some(format!("{what} expires in {left} days, on {day}")),
            _ => None,
        }
    }
}

impl Local {
    /// Checks an exception by itself.
    pub(super) fn exception(&self, written: &Written) -> Result<Exception, RuleError> {
        for (key, text) in [("rule", &written.rule), ("reason", &written.reason), ("owner", &written.owner)] {
            if text.get_ref().trim().is_empty() {
                return Err(self.wrong(text.span(), format!("exception: {key} is empty")));
            }
        }
        let wrong = |what: String| self.wrong(written.predicate.span(), format!("exception: where: {what}"));
        let predicate = written.predicate.get_ref().trim().to_owned();
        let names = crate::names::bind::parse_expression(&predicate).map_err(wrong)?;
        if let Some(name) = names.first() {
            return Err(wrong(format!(
                "${name} is a param, which an exception cannot name\nhint: write its value"
            )));
        }
        let expires = written.expires.get_ref();
        let day = expires.date.filter(|_| expires.time.is_none());
        let day =
            day.and_then(|date| time::day_of_civil(date.year.into(), date.month.into(), date.day.into()));
        let day = day.ok_or_else(|| {
            self.wrong(written.expires.span(), "exception: expires is not a date such as 2027-03-31")
        })?;
        let text = |text: &Spanned<String>| text.get_ref().split_whitespace().collect::<Vec<_>>().join(" ");
        let (rule, reason, owner) = (text(&written.rule), text(&written.reason), text(&written.owner));
        Ok(Exception { rule, predicate, reason, owner, expires: day })
    }

    /// Gives `rule` the field that says by which exception a hit is hidden, if one is for it today.
    pub(super) fn except(&self, rule: &mut Rule, today: i32) -> Result<(), RuleError> {
        let exceptions = self.exceptions.iter().zip(&self.file.exceptions);
        let id = rule.id.clone();
        for (exception, written) in exceptions.filter(|(it, _)| it.is_for(&id) && !it.is_expired(today)) {
            let wrong =
                |what: String| self.wrong(written.predicate.span(), format!("exception: where: {what}"));
            add(exception, rule).map_err(wrong)?;
        }
        Ok(())
    }
}

/// Ends a query that has the field already.
const QUERY_END: &str = ") AS found_before_exceptions";

/// Adds an exception to the field of `rule` that says what is hidden.
fn add(exception: &Exception, rule: &mut Rule) -> Result<(), String> {
    if let Some(query) = &mut rule.query {
        // Its columns are what it selects.
        let before = HIDDEN_BY.to_owned();
        let (all, before) = if query.contains(QUERY_END) {
            (format!("* EXCEPT ({HIDDEN_BY})"), Some(&before))
        } else {
            ("*".to_owned(), None)
        };
        let case = case(exception, &BTreeMap::new(), before)?;
        *query = format!("SELECT {all}, {case} AS {HIDDEN_BY}\nFROM (\n{}\n{QUERY_END}", query.trim());
        return Ok(());
    }
    let parsed = tree(&exception.predicate)?;
    let is_column = |name: &String| is_known(&name.to_lowercase()) || name.eq_ignore_ascii_case("cloudtrail");
    let names = columns(&parsed).into_iter().filter(|name| !is_column(name)).collect::<Vec<_>>();
    if rule.steps.is_empty() {
        all_fields(&names, &rule.fields).map_err(|what| format!("{what} of {}", rule.id))?;
        let case = case(exception, &rule.fields, rule.fields.get(HIDDEN_BY))?;
        rule.fields.insert(HIDDEN_BY.to_owned(), case);
        return Ok(());
    }
    // Each step has fields of its own; an event of any step can be the exception.
    let (mut missing, mut is_added) = (String::new(), false);
    for step in &mut rule.steps {
        let mut fields = rule.fields.clone();
        fields.extend(step.fields.clone());
        match all_fields(&names, &fields) {
            Ok(()) => {
                let case = case(exception, &fields, step.fields.get(HIDDEN_BY))?;
                step.fields.insert(HIDDEN_BY.to_owned(), case);
                is_added = true;
            }
            Err(what) => missing = what,
        }
    }
    if is_added { Ok(()) } else { Err(format!("{missing} of any step of {}", rule.id)) }
}

/// Whether all `names` are among `fields`.
fn all_fields(names: &[String], fields: &BTreeMap<String, String>) -> Result<(), String> {
    let Some(name) = names.iter().find(|name| !fields.contains_key(*name)) else { return Ok(()) };
    let tops = DOCUMENTED.iter().map(|name| name.split('.').next().unwrap_or(name));
    let near = crate::names::nearest(name, tops.chain(fields.keys().map(String::as_str)));
    let near = near.map(|near| format!(" (did you mean {near}?)")).unwrap_or_default();
    Err(format!("{name}{near} is no column, and no field"))
}

/// The label of `exception` for hits that meet it; `before` has what earlier exceptions hide, and stands.
fn case(
    exception: &Exception,
    fields: &BTreeMap<String, String>,
    before: Option<&String>,
) -> Result<String, String> {
    let mut fields = fields.clone();
    fields.remove(HIDDEN_BY);
    let predicate = with_fields(&exception.predicate, &fields)?;
    let case = format!("CASE WHEN ({predicate}) THEN '{}' END", exception.label().replace('\'', "''"));
    Ok(before.map_or(case.clone(), |before| format!("coalesce({before}, {case})")))
}
