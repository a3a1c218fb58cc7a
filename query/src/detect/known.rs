//! Findings of earlier runs, so that what goes on is not told again.

use super::finding::read;
use crate::engine::Engine;
use crate::error::Error;
use crate::rules::params::Values;
use serde::Deserialize;
use std::collections::HashMap;
use std::fmt::Write;
use trailhound_ingest::time;

/// Findings by rule and dedup key: first and last event time of each.
#[derive(Default, Debug)]
pub(super) struct Known(HashMap<(String, String), Vec<(i64, i64)>>);

#[derive(Deserialize)]
struct Span {
    rule: String,
    dedupkey: String,
    firsttime: String,
    lasttime: String,
}

impl Known {
    /// The findings in the lake that end after `from`, in microseconds.
    pub(super) async fn load(engine: &Engine, from: Option<i64>) -> Result<Self, Error> {
        let mut text = "SELECT rule, dedupkey, firsttime, lasttime FROM findings".to_owned();
        if let Some(from) = from {
            let _ = write!(text, " WHERE lasttime >= '{}'", time::format(from));
        }
        let mut known = Self::default();
        for span in read::<Span>(&engine.rows(&text, &Values::new()).await?)? {
            let micros = |text: &str| time::parse(&format!("\"{text}\"")).map_or(0, |(micros, _)| micros);
            let times = (micros(&span.firsttime), micros(&span.lasttime));
            known.0.entry((span.rule, span.dedupkey)).or_default().push(times);
        }
        Ok(known)
    }

    /// Whether an event of this key at `time` belongs to a finding that is known: it is in its time, or so shortly
    /// before that the finding would have begun with it.
    pub(super) fn covers(&self, rule: &str, key: &str, time: i64, span: i64) -> bool {
        let spans = self.0.get(&(rule.to_owned(), key.to_owned()));
        spans
            .into_iter()
            .flatten()
            .any(|&(first, last)| first - span <= time && time <= last.max(first + span))
    }
}
