//! A rule → the statement that finds its hits, one row each in the order of event time.
//!
//! The statement has the rule's `$params` in it; their values are bound when it is planned, or written out for
//! `trailhound rules sql`. A run of `detect` finds the same by one pass over the new events for all rules
//! ([`crate::detect::scan`]), and is held against these statements by its tests; where a rule has more hits than memory
//! is for, the run falls back to them.

use super::QUERY_VALUES;
use super::file::{FirstSeen, Order, Rule, Sequence, Threshold};
use super::params::{Value, Values};
use super::template::ALWAYS;
use crate::error::Error;
use crate::names::bind::written_out;
use std::collections::BTreeSet;
use std::fmt::Write;
use trailhound_ingest::time;

/// In microseconds.
const DAY: i64 = 86_400_000_000;

/// A bound on event time, in RFC 3339, which a run sets to what is new.
#[derive(Clone, Debug, Default)]
pub struct Range {
    /// Not before.
    pub from: Option<String>,
    /// Not after.
    pub until: Option<String>,
}

impl Range {
    /// As conditions on an event.
    #[must_use]
    pub fn conditions(&self) -> Vec<String> {
        let from = self.from.iter().map(|from| format!("eventTime >= '{from}'"));
        from.chain(self.until.iter().map(|until| format!("eventTime <= '{until}'"))).collect()
    }
}

/// The statement of `rule` over the events of `range`; a query has its own range.
#[must_use]
pub fn statement(rule: &Rule, range: &Range) -> String {
    if let Some(query) = &rule.query {
        return query.trim().to_owned();
    }
    if let Some(sequence) = &rule.sequence {
        return joined(rule, sequence, range);
    }
    let probes = rule.probes();
    let mut columns = rule.columns();
    // Each value of a list counts by itself.
    for column in &mut columns {
        if let Some(list) =
            column.strip_suffix(" AS measured").filter(|column| column.starts_with("as_list("))
        {
            *column = format!("unnest({list}) AS measured");
        }
    }
    let matching = probes[0].select(&columns, &range.conditions());
    match (&rule.threshold, &rule.first_seen) {
        (Some(threshold), _) => counted(threshold, &matching),
        (_, Some(first_seen)) => novel(first_seen, &matching, range),
        _ => format!("{matching}\nORDER BY eventTime, eventID"),
    }
}

/// The statement of `rule` with the values of its params written out, for people to copy. A query is told that the day before
/// now is what is new.
///
/// # Errors
/// A value is not of the type of its param, or the SQL of the rule is none.
pub fn written(rule: &Rule, set: &Values) -> Result<String, Error> {
    let mut values = rule.values(set)?;
    let now = time::now();
    for (name, micros) in QUERY_VALUES.into_iter().zip([now - DAY, now]) {
        values.insert(name.to_owned(), Value::Text(time::format(micros)));
    }
    Ok(written_out(&statement(rule, &Range::default()), &values)?)
}

/// Hits: the events at which the window that ends with them is full.
fn counted(threshold: &Threshold, matching: &str) -> String {
    let partition = partition(&threshold.by);
    let window = format!("OVER ({partition}ORDER BY eventTime\n    {})", preceding(threshold.within.0));
    let measure = match (&threshold.distinct, &threshold.sum) {
        (Some(_), _) => "count(DISTINCT measured)",
        (None, Some(_)) => "sum(measured)",
        (None, None) => "count(*)",
    };
    format!(
        "WITH matching AS (\n  {}\n), counted AS (\n  SELECT *, {measure} {window} AS \"count\",\n  \
         min(eventTime) {window} AS \"first\"\n  FROM matching\n)\nSELECT * FROM counted WHERE \"count\" >= {}\n\
         ORDER BY eventTime, eventID",
        indented(matching),
        threshold.count
    )
}

/// Hits: the events at which the last step, or the last that was missing, has happened.
fn joined(rule: &Rule, sequence: &Sequence, range: &Range) -> String {
    let probes = rule.probes();
    let names = probes.iter().flat_map(|probe| probe.fields.keys().copied()).collect::<BTreeSet<_>>();
    let mut text = String::from("WITH");
    let mut steps = Vec::new();
    for (number, probe) in (1..).zip(&probes) {
        let absent = names.iter().filter(|name| !probe.fields.contains_key(*name));
        let absent = absent.map(|name| format!("CAST(NULL AS VARCHAR) AS \"{name}\""));
        let more = absent.chain(rule.severity_column()).collect::<Vec<_>>();
        let select = probe.select(&more, &range.conditions());
        let _ = write!(text, " step_{number} AS (\n  {}\n),", indented(&select));
        let columns = ALWAYS.iter().map(|name| (*name).to_owned());
        let columns = columns.chain(names.iter().map(|name| format!("\"{name}\"")));
        let columns =
            columns.chain(rule.severity_column().map(|_| "severity".to_owned())).collect::<Vec<_>>();
        steps.push(format!("SELECT {number} AS step, {} FROM step_{number}", columns.join(", ")));
    }
    let known = sequence.by.iter().map(|name| format!("{} IS NOT NULL", quoted(name))).collect::<Vec<_>>();
    let known = if known.is_empty() { "true".to_owned() } else { known.join(" AND ") };
    let _ = write!(
        text,
        " happened AS (\n  SELECT * FROM (\n    {}\n  ) AS steps WHERE {known}\n),",
        steps.join("\n    UNION ALL ")
    );
    let last = match sequence.order {
        Order::Strict => in_order(rule, sequence, &mut text),
        Order::Any => in_any_order(rule, sequence, &mut text),
    };
    format!("{}\n{last}\nORDER BY eventTime, eventID", text.trim_end_matches(','))
}

/// Each step knows when the latest chain that it completes has begun.
fn in_order(rule: &Rule, sequence: &Sequence, text: &mut String) -> String {
    let partition = partition(&sequence.by);
    let within = sequence.within.0;
    for (number, step) in (1..).zip(&rule.steps) {
        let (from, begin) = if number == 1 {
            let by_step = self::partition(&[&sequence.by[..], &["step".to_owned()]].concat());
            let times = step.at_least.max(1) - 1;
            ("happened".to_owned(), format!("lag(eventTime, {times}) OVER ({by_step}ORDER BY eventTime)"))
        } else {
            let window = preceding(within);
            let begin = format!("max(begin_{}) OVER ({partition}ORDER BY eventTime {window})", number - 1);
            (format!("begun_{}", number - 1), begin)
        };
        let _ = write!(
            text,
            " begun_{number} AS (\n  SELECT *, CASE WHEN step = {number} THEN {begin} END AS begin_{number} FROM {from}\n),"
        );
    }
    let last = rule.steps.len();
    format!(
        "SELECT *, begin_{last} AS \"first\" FROM begun_{last}\nWHERE step = {last} AND begin_{last} >= eventTime - INTERVAL '{within} seconds'"
    )
}

/// Each event knows how often each step has happened lately.
fn in_any_order(rule: &Rule, sequence: &Sequence, text: &mut String) -> String {
    let window =
        format!("OVER ({}ORDER BY eventTime {})", partition(&sequence.by), preceding(sequence.within.0));
    let numbers = 1..=rule.steps.len();
    let times = numbers
        .map(|number| format!("sum(CASE WHEN step = {number} THEN 1 ELSE 0 END) {window} AS times_{number}"));
    let times = times.collect::<Vec<_>>().join(",\n    ");
    let _ = write!(
        text,
        " lately AS (\n  SELECT *, min(eventTime) {window} AS \"first\",\n    {times}\n  FROM happened\n),"
    );
    let enough = (1..).zip(&rule.steps).map(|(number, step)| format!("times_{number} >= {}", step.at_least));
    format!("SELECT * FROM lately\nWHERE {}", enough.collect::<Vec<_>>().join(" AND "))
}

/// Hits: the events whose keys nobody has seen, or not for long.
fn novel(first_seen: &FirstSeen, matching: &str, range: &Range) -> String {
    let conditions = range.conditions();
    let within =
        if conditions.is_empty() { String::new() } else { format!(" WHERE {}", conditions.join(" AND ")) };
    let known = first_seen.keys.iter().map(|name| format!("{} IS NOT NULL", quoted(name)));
    let known = known.collect::<Vec<_>>().join(" AND ");
    format!(
        "WITH matching AS (\n  {}\n), seen AS (\n  SELECT *, lag(eventTime) OVER ({}ORDER BY eventTime) AS before,\n  \
         (SELECT min(eventTime) FROM cloudtrail{within}) AS since\n  FROM matching WHERE {known}\n)\nSELECT * FROM seen\n\
         WHERE (before IS NULL OR before < eventTime - INTERVAL '{} seconds')\n  \
         AND since <= eventTime - INTERVAL '{} seconds'\nORDER BY eventTime, eventID",
        indented(matching),
        partition(&first_seen.keys),
        first_seen.forget_after.0,
        first_seen.learn.0
    )
}

fn preceding(seconds: i64) -> String {
    format!("RANGE BETWEEN INTERVAL '{seconds} seconds' PRECEDING AND CURRENT ROW")
}

fn partition(by: &[String]) -> String {
    let by = by.iter().map(|name| quoted(name)).collect::<Vec<_>>();
    if by.is_empty() { String::new() } else { format!("PARTITION BY {} ", by.join(", ")) }
}

fn indented(text: &str) -> String {
    text.replace('\n', "\n  ")
}

/// A column of the statement: AWS's own as it is, a field of the rule in its own case.
fn quoted(name: &str) -> String {
    if ALWAYS.contains(&name) { name.to_owned() } else { format!("\"{name}\"") }
}
