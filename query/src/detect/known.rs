//! Findings of earlier runs, so that what goes on is not told again.

use super::finding::read;
use crate::engine::Engine;
use crate::error::Error;
use crate::rules::Severity;
use crate::rules::params::Values;
use serde::Deserialize;
use std::collections::HashMap;
use std::fmt::Write;
use trailhound_ingest::time;

/// First and last event time of a finding, and how bad it is.
type Told = (i64, i64, Severity);

/// Findings by rule and dedup key.
#[derive(Default, Debug)]
pub(super) struct Known(HashMap<(String, String), Vec<Told>>);

#[derive(Deserialize)]
struct Span {
    rule: String,
    dedupkey: String,
    firsttime: String,
    lasttime: String,
    severity: String,
}

impl Known {
    /// The findings in the lake that end after `from`, in microseconds.
    pub(super) async fn load(engine: &Engine, from: Option<i64>) -> Result<Self, Error> {
        let mut text = "SELECT rule, dedupkey, firsttime, lasttime, severity FROM findings".to_owned();
        if let Some(from) = from {
            let _ = write!(text, " WHERE lasttime >= '{}'", time::format(from));
        }
        let mut known = Self::default();
        for span in read::<Span>(&engine.rows(&text, &Values::new()).await?)? {
            let micros = |text: &str| time::parse(&format!("\"{text}\"")).map_or(0, |(micros, _)| micros);
            let severity = Severity::parse(&span.severity).unwrap_or(Severity::High);
            let of_finding = (micros(&span.firsttime), micros(&span.lasttime), severity);
            known.0.entry((span.rule, span.dedupkey)).or_default().push(of_finding);
        }
        Ok(known)
    }

    /// How bad the finding is that an event of this key at `time` belongs to, if one is known: the event is in its time, or
    /// so shortly before that the finding would have begun with it.
    pub(super) fn covering(&self, rule: &str, key: &str, time: i64, span: i64) -> Option<Severity> {
        let findings = self.0.get(&(rule.to_owned(), key.to_owned())).into_iter().flatten();
        let covers = |&&(first, last, _): &&Told| first - span <= time && time <= last.max(first + span);
        findings.filter(covers).map(|&(.., severity)| severity).max()
    }
}
