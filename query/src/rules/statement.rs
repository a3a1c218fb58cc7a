//! A rule → the statement that finds its hits, one row each in the order of event time.
//!
//! The statement has the rule's `$params` in it; their values are bound when it is planned, or written out for
//! `trailhound rules sql`. What must hold: author's SQL stands in brackets, so its precedence cannot leak.

use super::file::{Outcome, Rule, Threshold};
use super::template::ALWAYS;
use std::fmt::Write;

/// A bound on event time, in RFC 3339, which a run sets to what is new.
#[derive(Clone, Debug, Default)]
pub struct Range {
    /// Not before.
    pub from: Option<String>,
    /// Not after.
    pub until: Option<String>,
}

/// The statement of `rule` over the events of `range`.
#[must_use]
pub fn statement(rule: &Rule, range: &Range) -> String {
    match &rule.threshold {
        None => {
            let mut text = select(rule, None, range);
            text.push_str("\nORDER BY eventTime");
            text
        }
        Some(threshold) => counted(threshold, &select(rule, Some(threshold), range)),
    }
}

/// The statement that finds which groups of a threshold rule have events: the values it counts by, and the time of
/// their first and last event.
#[must_use]
pub fn touched(rule: &Rule, threshold: &Threshold) -> String {
    let by = threshold.by.iter().map(|name| quoted(name)).chain(["min(eventTime) AS \"first\"".to_owned()]);
    let columns = by.collect::<Vec<_>>().join(", ");
    let keys = (1..=threshold.by.len()).map(|number| number.to_string()).collect::<Vec<_>>().join(", ");
    let group = if keys.is_empty() { String::new() } else { format!("\nGROUP BY {keys}") };
    let matching = select(rule, None, &Range::default());
    format!("SELECT {columns}, max(eventTime) AS \"last\"\nFROM ({matching}) AS matching{group}")
}

/// The events that meet the predicate, with the rule's fields.
fn select(rule: &Rule, threshold: Option<&Threshold>, range: &Range) -> String {
    let mut text = format!("SELECT {}, ingestTime", ALWAYS.join(", "));
    for (name, sql) in &rule.fields {
        let _ = write!(text, ",\n  ({}) AS \"{name}\"", sql.trim());
    }
    match threshold.map(|threshold| (&threshold.distinct, &threshold.sum)) {
        // Each value of a list counts by itself.
        Some((Some(distinct), _)) => {
            let _ = write!(text, ",\n  unnest(as_list({})) AS measured", distinct.trim());
        }
        Some((None, Some(sum))) => {
            let _ = write!(text, ",\n  TRY_CAST(({}) AS DOUBLE) AS measured", sum.trim());
        }
        _ => {}
    }
    text.push_str("\nFROM cloudtrail");
    for (number, condition) in conditions(rule, range).iter().enumerate() {
        let _ = write!(text, "\n{} {condition}", if number == 0 { "WHERE" } else { "  AND" });
    }
    text
}

fn conditions(rule: &Rule, range: &Range) -> Vec<String> {
    let mut all = Vec::new();
    if !rule.events.iter().any(|event| event == "*") {
        let events = rule.events.iter().filter_map(|pattern| event(pattern)).collect::<Vec<_>>();
        all.push(format!("({})", events.join("\n    OR ")));
    }
    // Some derived logs write an empty error code where AWS writes none.
    match rule.outcome {
        Outcome::Success => all.push("coalesce(errorCode, '') = ''".to_owned()),
        Outcome::Failure => all.push("coalesce(errorCode, '') <> ''".to_owned()),
        Outcome::Any => {}
    }
    all.extend(range.from.iter().map(|from| format!("eventTime >= '{from}'")));
    all.extend(range.until.iter().map(|until| format!("eventTime <= '{until}'")));
    all.extend(rule.predicate.iter().map(|sql| format!("({})", sql.trim())));
    all
}

/// The condition of one entry of `events`; `None` if it is not well formed.
pub(super) fn event(pattern: &str) -> Option<String> {
    if pattern == "*" {
        return Some("true".to_owned());
    }
    let (source, name) = pattern.split_once(':')?;
    let is_source = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte);
    let prefix = name.strip_suffix('*');
    let bare = prefix.unwrap_or(name);
    if source.is_empty()
        || !source.bytes().all(is_source)
        || !bare.bytes().all(|byte| byte.is_ascii_alphanumeric())
    {
        return None;
    }
    let source = format!("eventSource = '{source}.amazonaws.com'");
    match prefix {
        Some("") => Some(source),
        Some(prefix) => Some(format!("{source} AND eventName LIKE '{prefix}%'")),
        None if name.is_empty() => None,
        None => Some(format!("{source} AND eventName = '{name}'")),
    }
}

/// Hits: the events at which the window that ends with them is full.
fn counted(threshold: &Threshold, matching: &str) -> String {
    let by = threshold.by.iter().map(|name| quoted(name)).collect::<Vec<_>>();
    let partition = if by.is_empty() { String::new() } else { format!("PARTITION BY {} ", by.join(", ")) };
    let seconds = threshold.within.0;
    let window = format!(
        "OVER ({partition}ORDER BY eventTime\n    RANGE BETWEEN INTERVAL '{seconds} seconds' PRECEDING AND CURRENT ROW)"
    );
    let measure = match (&threshold.distinct, &threshold.sum) {
        (Some(_), _) => "count(DISTINCT measured)",
        (None, Some(_)) => "sum(measured)",
        (None, None) => "count(*)",
    };
    let matching = matching.replace('\n', "\n  ");
    format!(
        "WITH matching AS (\n  {matching}\n), counted AS (\n  SELECT *, {measure} {window} AS \"count\",\n  \
         min(eventTime) {window} AS \"first\"\n  FROM matching\n)\nSELECT * FROM counted WHERE \"count\" >= {}\n\
         ORDER BY eventTime",
        threshold.count
    )
}

/// A column of the statement: AWS's own as it is, a field of the rule in its own case.
fn quoted(name: &str) -> String {
    if ALWAYS.contains(&name) { name.to_owned() } else { format!("\"{name}\"") }
}
