//! What rules of kind `first_seen` have seen: the table `baselines`.
//!
//! Each run adds rows for what is new, under the version of `events` that it has read up to. What must hold: a run that
//! dies before its findings are committed is run again over the same events, and must find the same; so a run takes only
//! rows of versions that its watermark covers.

use super::finding::{read, store};
use crate::engine::Engine;
use crate::error::Error;
use crate::rules::params::{Value, Values};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use trailhound_ingest::lake::{Lake, LakeTable, NewFile};
use trailhound_ingest::time;

/// The values of a rule's keys.
pub(super) type Key = Vec<String>;

/// The key under which a rule keeps the times of all events that it was run over, whether they met it or not.
pub(super) static WATCHED: Key = Key::new();

/// What one rule has seen.
pub(super) type Seen = BTreeMap<Key, Span>;

/// A combination that goes on is noted again when it is so much younger, in microseconds: whether something is forgotten
/// is a matter of days.
const NOTED_EACH: i64 = 86_400_000_000;

/// First and last event time, in microseconds since 1970.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Span {
    pub(super) first: i64,
    pub(super) last: i64,
}

impl Span {
    pub(super) fn with(self, other: Self) -> Self {
        Self { first: self.first.min(other.first), last: self.last.max(other.last) }
    }
}

/// What all rules have seen, by rule.
#[derive(Default)]
pub(super) struct State(BTreeMap<String, Seen>);

#[derive(Serialize, Deserialize)]
struct Row {
    rule: String,
    key: String,
    firsttime: String,
    lasttime: String,
    eventsversion: i64,
}

#[derive(Deserialize)]
struct Known {
    rule: String,
    key: String,
    firsttime: String,
    lasttime: String,
}

impl State {
    /// What `rules` have seen up to a version of `events`.
    ///
    /// # Errors
    /// The lake cannot be read.
    pub(super) async fn load(engine: &Engine, rules: Vec<String>, upto: i64) -> Result<Self, Error> {
        let mut state = Self::default();
        if rules.is_empty() {
            return Ok(state);
        }
        let values =
            Values::from([("rules".to_owned(), Value::Texts(rules)), ("upto".to_owned(), Value::Int(upto))]);
        let text = "SELECT rule, key, min(firsttime) AS firsttime, max(lasttime) AS lasttime FROM baselines \
                    WHERE eventsversion <= $upto AND in_list(rule, $rules) GROUP BY rule, key";
        for row in read::<Known>(&engine.rows(text, &values).await?)? {
            let micros = |text: &str| time::parse(&format!("\"{text}\"")).map_or(0, |(micros, _)| micros);
            let span = Span { first: micros(&row.firsttime), last: micros(&row.lasttime) };
            let key = serde_json::from_str(&row.key).unwrap_or_default();
            state.0.entry(row.rule).or_default().insert(key, span);
        }
        Ok(state)
    }

    /// What one rule has seen.
    pub(super) fn of(&self, rule: &str) -> &Seen {
        static NOTHING: Seen = BTreeMap::new();
        self.0.get(rule).unwrap_or(&NOTHING)
    }

    /// Adds what a rule has seen.
    pub(super) fn merge<'a>(&mut self, rule: &str, seen: impl Iterator<Item = (&'a Key, Span)>) {
        let of_rule = self.0.entry(rule.to_owned()).or_default();
        for (key, span) in seen {
            let known = of_rule.entry(key.clone()).or_insert(span);
            *known = known.with(span);
        }
    }

    /// Writes what is news beside `before` into a file of `baselines`; none if there is none.
    ///
    /// # Errors
    /// The lake cannot be written.
    pub(super) async fn write(&self, lake: &Lake, before: &Self, upto: i64) -> Result<Vec<NewFile>, Error> {
        let mut rows = Vec::new();
        for (rule, seen) in &self.0 {
            let known = before.of(rule);
            let is_news = |key: &Key, span: &Span| {
                known
                    .get(key)
                    .is_none_or(|known| span.first < known.first || span.last >= known.last + NOTED_EACH)
            };
            for (key, span) in seen.iter().filter(|(key, span)| is_news(key, span)) {
                rows.push(Row {
                    rule: rule.clone(),
                    key: serde_json::json!(key).to_string(),
                    firsttime: time::format(span.first),
                    lasttime: time::format(span.last),
                    eventsversion: upto,
                });
            }
        }
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        Ok(vec![store(lake, LakeTable::Baselines, time::day_of(time::now()), &rows).await?])
    }
}
