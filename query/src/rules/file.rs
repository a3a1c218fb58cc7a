//! One rule, one TOML file → [`Rule`]. The keys are documented in `detections/README.md`.

use super::RuleError;
use super::duration::Seconds;
use super::params::{Param, Value, Values};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A rule.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Name of the file and of the rule, never reused.
    pub id: String,
    /// What happened, in a few words.
    pub title: String,
    /// How it looks at events.
    pub kind: Kind,
    /// How bad it is.
    pub severity: Severity,
    /// How far it can be relied on.
    pub status: Status,
    /// Goes up whenever the result can change.
    pub version: i64,
    /// MITRE ATT&CK, tactic and technique: `TA0010/T1537`.
    #[serde(default)]
    pub attack: Vec<String>,
    /// Free words, and references into frameworks such as `cis:4.3`.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Why it matters, for the analyst who is woken.
    pub description: String,
    /// What looks the same and is harmless.
    #[serde(default)]
    pub false_positives: Vec<String>,
    /// What to do, step by step; `{fields}` are filled in.
    pub runbook: String,
    /// Where the facts come from.
    #[serde(default)]
    pub references: Vec<String>,
    /// What must be recorded for the rule to see anything: `data:s3`.
    #[serde(default)]
    pub needs: Vec<String>,
    /// Which events it looks at: `eventSource` without `.amazonaws.com`, `:`, `eventName`; `*` ends a prefix. A sequence
    /// says it for each step, and a query by itself.
    #[serde(default)]
    pub events: Vec<String>,
    /// Which results of the call it looks at.
    #[serde(default)]
    pub outcome: Outcome,
    /// The predicate, in SQL.
    #[serde(default, rename = "where")]
    pub predicate: Option<String>,
    /// What it says; `{fields}` are filled in.
    pub alert: String,
    /// When two hits are one finding.
    #[serde(default)]
    pub dedup: Option<Dedup>,
    /// How many within what time; of `kind = "threshold"` only.
    #[serde(default)]
    pub threshold: Option<Threshold>,
    /// What belongs together within what time; of `kind = "sequence"` only.
    #[serde(default)]
    pub sequence: Option<Sequence>,
    /// What has to happen; of `kind = "sequence"` only.
    #[serde(default, rename = "step")]
    pub steps: Vec<Step>,
    /// What has to be new; of `kind = "first_seen"` only.
    #[serde(default)]
    pub first_seen: Option<FirstSeen>,
    /// A whole query with a column `eventTime`; of `kind = "sql"` only.
    #[serde(default)]
    pub query: Option<String>,
    /// Other severities, for hits that meet a condition; the first that is met counts.
    #[serde(default)]
    pub severity_when: Vec<SeverityWhen>,
    /// Rules whose findings say nothing more, where this one found the same event.
    #[serde(default)]
    pub supersedes: Vec<String>,
    /// Findings are kept, for other rules and for people, but not sent.
    #[serde(default)]
    pub signal: bool,
    /// Named values of its own, as SQL expressions.
    #[serde(default)]
    pub fields: BTreeMap<String, String>,
    /// Its settings.
    #[serde(default)]
    pub params: BTreeMap<String, Param>,
    /// Its proof.
    #[serde(default, rename = "test")]
    pub tests: Vec<Test>,
    /// The folder it is in.
    #[serde(skip)]
    pub family: String,
    /// The file, for messages.
    #[serde(skip)]
    pub place: String,
    /// The file as it is.
    #[serde(skip)]
    pub source: String,
}

/// How a rule looks at events.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub enum Kind {
    /// One event is enough.
    Match,
    /// Many events, or many different values, within a time.
    Threshold,
    /// Events of several kinds within a time, whichever arrives first.
    Sequence,
    /// Something that was not seen before, or not for long.
    FirstSeen,
    /// A whole query.
    Sql,
}

impl Kind {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Match => "match",
            Self::Threshold => "threshold",
            Self::Sequence => "sequence",
            Self::FirstSeen => "first_seen",
            Self::Sql => "sql",
        }
    }
}

/// How bad a finding is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Deserialize, Serialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// For the record.
    Info,
    /// Worth a look some day.
    Low,
    /// Worth a look this week.
    Medium,
    /// Worth a look today.
    High,
    /// Worth waking somebody.
    Critical,
}

/// How far a rule can be relied on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// May change, may be noisy.
    Experimental,
    /// In use.
    Stable,
    /// To be replaced.
    Deprecated,
}

/// Which results of a call a rule looks at.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// No `errorCode`.
    #[default]
    Success,
    /// An `errorCode`.
    Failure,
    /// Both.
    Any,
}

/// When two hits are one finding.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dedup {
    /// The values that must be the same.
    pub by: Vec<String>,
    /// For how long after the first hit.
    #[serde(rename = "for")]
    pub span: Seconds,
}

/// How many within what time.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Threshold {
    /// The least number that is a hit.
    pub count: i64,
    /// In a window of this length that slides over event time.
    pub within: Seconds,
    /// Counted separately for each combination of these.
    pub by: Vec<String>,
    /// Count different values of this expression, a text or a list of texts, instead of events.
    #[serde(default)]
    pub distinct: Option<String>,
    /// Add up this expression instead of counting events.
    #[serde(default)]
    pub sum: Option<String>,
}

/// What makes the steps of a sequence one.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sequence {
    /// The values that must be the same in all steps. A field may come from another place in each step.
    pub by: Vec<String>,
    /// From the first step to the last, in event time.
    pub within: Seconds,
    /// Whether the steps must happen in this order. Events of one second are in any order.
    #[serde(default)]
    pub order: Order,
}

/// In which order the steps of a sequence happen; in which order they arrive never matters.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// As they are written.
    #[default]
    Strict,
    /// In any.
    Any,
}

/// A step of a sequence.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// What it is called.
    pub name: String,
    /// Which events it looks at.
    pub events: Vec<String>,
    /// Which results of the call it looks at.
    #[serde(default)]
    pub outcome: Outcome,
    /// The predicate, in SQL.
    #[serde(default, rename = "where")]
    pub predicate: Option<String>,
    /// Named values of this step, as SQL expressions; those of the rule are there as well.
    #[serde(default)]
    pub fields: BTreeMap<String, String>,
    /// How often it has to happen; more than once in a first step, or where the order is any.
    #[serde(default = "once")]
    pub at_least: u32,
}

fn once() -> u32 {
    1
}

/// What has to be new.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FirstSeen {
    /// The values that were not seen together before.
    pub keys: Vec<String>,
    /// For how long a rule only learns what there is, in event time from the first event that it sees.
    #[serde(default = "fortnight")]
    pub learn: Seconds,
    /// After how long without an event something is new again.
    #[serde(default = "quarter")]
    pub forget_after: Seconds,
}

fn fortnight() -> Seconds {
    Seconds(14 * 86_400)
}

fn quarter() -> Seconds {
    Seconds(90 * 86_400)
}

/// A severity for some hits.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeverityWhen {
    /// The condition, in SQL; of a sequence, on the event of the last step.
    #[serde(rename = "if")]
    pub condition: String,
    /// How bad it is then.
    pub severity: Severity,
}

/// An example that the rule must, or must not, find.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Test {
    /// What it shows.
    pub name: String,
    /// Whether the rule must find something.
    pub fires: bool,
    /// Settings for this test.
    #[serde(default)]
    pub params: Values,
    /// Partial records; see [`crate::detect::harness`].
    pub events: String,
    /// What happened, and was looked at, before: partial records as well.
    #[serde(default)]
    pub baseline: Option<String>,
    /// Findings of other rules that are there before: partial rows of `findings`.
    #[serde(default)]
    pub findings: Option<String>,
    /// What exactly is found.
    #[serde(default)]
    pub expect: Expect,
}

/// What exactly a test finds.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// How many findings.
    #[serde(default)]
    pub findings: Option<usize>,
    /// The count of the first.
    #[serde(default)]
    pub count: Option<i64>,
    /// The alert of the first.
    #[serde(default)]
    pub title: Option<String>,
    /// The severity of the first.
    #[serde(default)]
    pub severity: Option<Severity>,
    /// Whether the first came late.
    #[serde(default)]
    pub late: Option<bool>,
}

impl Rule {
    /// The settings: the defaults, and what `set` says instead.
    ///
    /// # Errors
    /// A value has the wrong type, or its name is not declared.
    pub fn values(&self, set: &Values) -> Result<Values, RuleError> {
        if let Some(name) = set.keys().find(|name| !self.params.contains_key(*name)) {
            return Err(RuleError::new(&self.place, format!("there is no param {name:?}")));
        }
        let value = |(name, param): (&String, &Param)| {
            let value: &Value = set.get(name).unwrap_or(&param.default);
            let accepted = param.kind.accept(value);
            let accepted =
                accepted.map_err(|why| RuleError::new(&self.place, format!("param {name}: {why}")))?;
            Ok((name.clone(), accepted))
        };
        self.params.iter().map(value).collect()
    }

    /// When two hits are one finding: as the rule says; else as it counts or joins, or by actor and account for a day.
    #[must_use]
    pub fn dedup(&self) -> Dedup {
        let by = match (&self.threshold, &self.sequence, &self.first_seen) {
            (Some(threshold), ..) => threshold.by.clone(),
            (_, Some(sequence), _) => sequence.by.clone(),
            (.., Some(first_seen)) => first_seen.keys.clone(),
            _ => ["actor", "recipientAccountId"].map(str::to_owned).to_vec(),
        };
        self.dedup.clone().unwrap_or(Dedup { by, span: Seconds(86_400) })
    }
}

impl Severity {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    /// The severity of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Info, Self::Low, Self::Medium, Self::High, Self::Critical]
            .into_iter()
            .find(|s| s.name() == name)
    }
}
