//! Local policy: what differs from company to company, in one file beside the rules.
//!
//! In: `detections.local.toml` with shared params, settings of single rules, and exceptions. Out: the rules as they are
//! to run ([`Tuned`]), and what the person should know of their exceptions. What must hold: a rule file is never
//! touched, nothing in the policy is ignored silently, and an exception hides a finding but never loses it.

mod apply;
mod exception;

pub use exception::{Exception, HIDDEN_BY};

use super::duration::Seconds;
use super::file::Severity;
use super::params::{Value, Values};
use super::read::told;
use super::{Rule, RuleError};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use toml::Spanned;

/// A local policy.
#[derive(Clone, Debug, Default)]
pub struct Local {
    place: String,
    text: String,
    file: File,
    exceptions: Vec<Exception>,
}

/// A rule as it is to run.
#[derive(Clone, Debug)]
pub struct Tuned {
    /// The rule, with what the policy says instead.
    pub rule: Rule,
    /// Values of its params; the others have their defaults.
    pub set: Values,
}

/// What a policy makes of a pack.
#[derive(Clone, Debug)]
pub struct Applied {
    /// The rules that are not disabled, in the order of the pack.
    pub rules: Vec<Tuned>,
    /// What to tell the person on every run.
    pub notices: Vec<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    params: BTreeMap<Spanned<String>, Value>,
    #[serde(default)]
    rule: BTreeMap<Spanned<String>, Override>,
    #[serde(default, rename = "exception")]
    exceptions: Vec<exception::Written>,
}

/// What a policy says of one rule.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Override {
    severity: Option<Severity>,
    #[serde(default)]
    disabled: bool,
    threshold: Option<Spanned<Counts>>,
    #[serde(default)]
    params: BTreeMap<Spanned<String>, Value>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Counts {
    count: Option<i64>,
    within: Option<Seconds>,
}

impl Local {
    /// Reads the policy at `path`.
    ///
    /// # Errors
    /// It cannot be read, or is no policy; with the line.
    pub fn read(path: &Path) -> Result<Self, RuleError> {
        let place = path.display().to_string();
        let text = std::fs::read_to_string(path);
        let unread = |error: std::io::Error| {
            RuleError::new(
                &place,
                format!("{error}\nhint: --local, or TRAILHOUND_LOCAL, names the local policy"),
            )
        };
        Self::parse(&place, &text.map_err(unread)?)
    }

    /// Reads a policy. `place` names it in messages.
    ///
    /// # Errors
    /// It is no policy, with the line and the nearest right key.
    pub fn parse(place: &str, text: &str) -> Result<Self, RuleError> {
        let file = toml::from_str(text).map_err(|error| {
            let what = told(&error, text);
            // What serde says of a value that is none of ours means nothing to people.
            let what = match what.split_once("data did not match any variant") {
                Some((line, _)) => {
                    format!("{line}a value is a text, a whole number, true, false or a list of texts")
                }
                None => what,
            };
            RuleError::new(place, what)
        })?;
        let mut local = Self { place: place.to_owned(), text: text.to_owned(), file, exceptions: Vec::new() };
        local.exceptions =
            local.file.exceptions.iter().map(|written| local.exception(written)).collect::<Result<_, _>>()?;
        Ok(local)
    }

    /// Its exceptions, in the order of the file.
    #[must_use]
    pub fn exceptions(&self) -> &[Exception] {
        &self.exceptions
    }

    /// What is wrong at a place of the file.
    fn wrong(&self, span: Range<usize>, what: impl std::fmt::Display) -> RuleError {
        let line = self.text[..span.start.min(self.text.len())].matches('\n').count() + 1;
        RuleError::new(&self.place, format!("line {line}: {what}"))
    }
}

/// `\nhint: did you mean …?`, if a name is near.
fn hint<'a>(word: &str, names: impl Iterator<Item = &'a str>) -> String {
    crate::names::nearest(word, names).map(|name| format!("\nhint: did you mean {name}?")).unwrap_or_default()
}
