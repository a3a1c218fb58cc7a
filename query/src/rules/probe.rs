//! What a rule looks for in single events.
//!
//! Most rules have one probe, a sequence has one for each step, and a query has none. In: a rule. Out: for each probe its
//! events, its conditions and the values of a hit, as SQL. What must hold: author's SQL stands in brackets, so its
//! precedence cannot leak.

use super::file::{Outcome, Rule, Step};
use super::template::ALWAYS;
use std::collections::BTreeMap;
use std::fmt::Write;

/// One of the things that a rule looks for.
#[derive(Clone, Debug)]
pub struct Probe<'a> {
    /// Which events it looks at.
    pub events: &'a [String],
    /// Which results of the call.
    pub outcome: Outcome,
    /// The predicate.
    pub predicate: Option<&'a str>,
    /// Named values, by name.
    pub fields: BTreeMap<&'a str, &'a str>,
}

impl Rule {
    /// The probes, in the order of the steps.
    #[must_use]
    pub fn probes(&self) -> Vec<Probe<'_>> {
        if self.query.is_some() {
            return Vec::new();
        }
        if self.steps.is_empty() {
            let (events, outcome) = (&self.events[..], self.outcome);
            let fields = self.fields.iter().map(|(name, sql)| (name.as_str(), sql.as_str())).collect();
            return vec![Probe { events, outcome, predicate: self.predicate.as_deref(), fields }];
        }
        self.steps.iter().map(|step| self.of_step(step)).collect()
    }

    fn of_step<'a>(&'a self, step: &'a Step) -> Probe<'a> {
        let named = self.fields.iter().chain(&step.fields);
        Probe {
            events: &step.events,
            outcome: step.outcome,
            predicate: step.predicate.as_deref(),
            fields: named.map(|(name, sql)| (name.as_str(), sql.as_str())).collect(),
        }
    }

    /// The columns that a hit has besides its fields: what it counts for, and its severity.
    #[must_use]
    pub fn columns(&self) -> Vec<String> {
        let measured =
            self.threshold.as_ref().and_then(|threshold| match (&threshold.distinct, &threshold.sum) {
                (Some(distinct), _) => Some(format!("as_list({}) AS measured", distinct.trim())),
                (None, Some(sum)) => Some(format!("TRY_CAST(({}) AS DOUBLE) AS measured", sum.trim())),
                (None, None) => None,
            });
        measured.into_iter().chain(self.severity_column()).collect()
    }

    /// The severity of a hit, where conditions decide it.
    pub(super) fn severity_column(&self) -> Option<String> {
        let when = self.severity_when.iter();
        let when =
            when.map(|when| format!("WHEN ({}) THEN '{}'", when.condition.trim(), when.severity.name()));
        let when = when.collect::<Vec<_>>().join(" ");
        (!when.is_empty()).then(|| format!("CASE {when} END AS severity"))
    }

    /// All events that it looks at.
    pub fn all_events(&self) -> impl Iterator<Item = &str> {
        self.events.iter().chain(self.steps.iter().flat_map(|step| &step.events)).map(String::as_str)
    }
}

/// A column for who selects none.
pub const NOTHING: &str = "NULL AS nothing";

/// The statement of the columns that every hit has, before its own.
#[must_use]
pub fn every_hit() -> String {
    format!("SELECT {}, ingestTime\nFROM cloudtrail", ALWAYS.join(", "))
}

impl Probe<'_> {
    /// The events that meet it, with their values and `more` columns. `conditions` are added to its own.
    #[must_use]
    pub fn select(&self, more: &[String], conditions: &[String]) -> String {
        let mut text = format!("SELECT {}, ingestTime", ALWAYS.join(", "));
        for (name, sql) in &self.fields {
            let _ = write!(text, ",\n  ({}) AS \"{name}\"", sql.trim());
        }
        for column in more {
            let _ = write!(text, ",\n  {column}");
        }
        text.push_str("\nFROM cloudtrail");
        let all = self.named().into_iter().chain(self.result()).chain(conditions.iter().cloned());
        let all = all.chain(self.predicate.map(|sql| format!("({})", sql.trim())));
        for (number, condition) in all.enumerate() {
            let _ = write!(text, "\n{} {condition}", if number == 0 { "WHERE" } else { "  AND" });
        }
        text
    }

    /// The same without the names of events, and with no more than the values that are this probe's own: what every hit has
    /// stands in [`every_hit`].
    #[must_use]
    pub fn select_own(&self, more: &[String]) -> String {
        let fields = self.fields.iter().map(|(name, sql)| format!("({}) AS \"{name}\"", sql.trim()));
        let columns = fields.chain(more.iter().cloned()).collect::<Vec<_>>();
        let columns = if columns.is_empty() { NOTHING.to_owned() } else { columns.join(",\n  ") };
        let conditions =
            self.result().into_iter().chain(self.predicate.map(|sql| format!("({})", sql.trim())));
        let conditions = conditions.collect::<Vec<_>>();
        let filter = if conditions.is_empty() {
            String::new()
        } else {
            format!("\nWHERE {}", conditions.join("\n  AND "))
        };
        format!("SELECT {columns}\nFROM cloudtrail{filter}")
    }

    /// The condition that the names of events meet; none if all do.
    fn named(&self) -> Option<String> {
        if self.takes_all() {
            return None;
        }
        let events = self.events.iter().filter_map(|pattern| Some(Pattern::parse(pattern)?.condition()));
        Some(format!("({})", events.collect::<Vec<_>>().join("\n    OR ")))
    }

    /// The condition that the results of calls meet. Some derived logs write an empty error code where AWS writes none.
    fn result(&self) -> Option<String> {
        match self.outcome {
            Outcome::Success => Some("coalesce(errorCode, '') = ''".to_owned()),
            Outcome::Failure => Some("coalesce(errorCode, '') <> ''".to_owned()),
            Outcome::Any => None,
        }
    }

    /// Whether it looks at all events.
    #[must_use]
    pub fn takes_all(&self) -> bool {
        self.events.iter().any(|event| event == "*")
    }

    /// Whether it looks at events of this source and name.
    #[must_use]
    pub fn takes(&self, source: &str, name: &str) -> bool {
        self.events
            .iter()
            .filter_map(|pattern| Pattern::parse(pattern))
            .any(|pattern| pattern.takes(source, name))
    }
}

/// An entry of `events`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pattern<'a> {
    /// `eventSource` without `.amazonaws.com`; `None` for all.
    source: Option<&'a str>,
    /// `eventName`, or the beginning of it.
    name: &'a str,
    is_prefix: bool,
}

impl<'a> Pattern<'a> {
    /// Reads `ec2:RunInstances`, `ec2:Run*`, `ec2:*` or `*`.
    #[must_use]
    pub fn parse(pattern: &'a str) -> Option<Self> {
        if pattern == "*" {
            return Some(Self { source: None, name: "", is_prefix: true });
        }
        let (source, name) = pattern.split_once(':')?;
        let is_source =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte);
        let is_prefix = name.ends_with('*');
        let name = name.strip_suffix('*').unwrap_or(name);
        let is_fine = !source.is_empty()
            && source.bytes().all(is_source)
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
            && (is_prefix || !name.is_empty());
        is_fine.then_some(Self { source: Some(source), name, is_prefix })
    }

    fn condition(self) -> String {
        let Some(source) = self.source else { return "true".to_owned() };
        let source = format!("eventSource = '{source}.amazonaws.com'");
        match (self.name, self.is_prefix) {
            ("", _) => source,
            (prefix, true) => format!("{source} AND eventName LIKE '{prefix}%'"),
            (name, false) => format!("{source} AND eventName = '{name}'"),
        }
    }

    /// Whether an event of this source and name is meant.
    #[must_use]
    pub fn takes(self, source: &str, name: &str) -> bool {
        let Some(wanted) = self.source else { return true };
        source.strip_suffix(".amazonaws.com") == Some(wanted)
            && if self.is_prefix { name.starts_with(self.name) } else { name == self.name }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_take_what_their_conditions_take() {
        for (pattern, condition, takes) in [
            ("*", "true", [true, true, true]),
            (
                "s3:GetObject",
                "eventSource = 's3.amazonaws.com' AND eventName = 'GetObject'",
                [true, false, false],
            ),
            ("s3:Get*", "eventSource = 's3.amazonaws.com' AND eventName LIKE 'Get%'", [true, true, false]),
            ("ec2:*", "eventSource = 'ec2.amazonaws.com'", [false, false, true]),
        ] {
            let pattern = Pattern::parse(pattern).unwrap();
            assert_eq!(pattern.condition(), condition);
            let events = [("s3", "GetObject"), ("s3", "GetObjectAcl"), ("ec2", "GetObject")];
            let taken = events.map(|(source, name)| pattern.takes(&format!("{source}.amazonaws.com"), name));
            assert_eq!(taken, takes, "{condition}");
        }
        for bad in
            ["", "s3", "s3:", ":GetObject", "S3:GetObject", "s3:Get'Object", "s3:*Object", "*:GetObject"]
        {
            assert_eq!(Pattern::parse(bad), None, "{bad}");
        }
    }
}
