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
    /// Which events it looks at: `eventSource` without `.amazonaws.com`, `:`, `eventName`; `*` ends a prefix.
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
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// One event is enough.
    Match,
    /// Many events, or many different values, within a time.
    Threshold,
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

    /// When two hits are one finding: as the rule says; else as it counts, or by actor and account for a day.
    #[must_use]
    pub fn dedup(&self) -> Dedup {
        let by = match &self.threshold {
            Some(threshold) => threshold.by.clone(),
            None => ["actor", "recipientAccountId"].map(str::to_owned).to_vec(),
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
