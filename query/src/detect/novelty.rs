//! What was never seen before, or not for long.
//!
//! A rule keeps for each combination of its keys the first and the last event time, in the table `baselines`
//! ([`super::state`]). Of the new events it needs no more than the first one of each combination, so memory is bounded by
//! what differs. A late event of a combination that is known moves its first time back and says nothing.

use super::hits::{Hit, Hits};
use super::rows::Columns;
use super::state::{Key, Seen, Span};
use crate::rules::Rule;
use crate::rules::file::FirstSeen;
use std::collections::BTreeMap;

/// What a rule has seen among the new events.
pub(super) struct Novelty<'a> {
    first_seen: &'a FirstSeen,
    /// The first event of each combination, and the times of all of them.
    seen: BTreeMap<Key, (Hit, Span)>,
}

impl<'a> Novelty<'a> {
    /// `None` for a rule of another kind.
    pub(super) fn of(rule: &'a Rule) -> Option<Self> {
        let first_seen = rule.first_seen.as_ref()?;
        Some(Self { first_seen, seen: BTreeMap::new() })
    }

    /// Takes rows of new events. A row that lacks one of the keys says nothing.
    pub(super) fn take(&mut self, columns: &Columns) {
        for (row, key) in columns.keys(&self.first_seen.keys).enumerate() {
            let Some(key) = key.into_iter().map(|value| value.map(str::to_owned)).collect::<Option<Key>>()
            else {
                continue;
            };
            let time = columns.time(row);
            let span = Span { first: time, last: time };
            match self.seen.get_mut(&key) {
                None => {
                    self.seen.insert(key, (Hit::of(columns, row), span));
                }
                Some((hit, known)) => {
                    let is_earlier = (time, columns.value("eventID", row))
                        < (known.first, hit.values.get("eventID").map(String::as_str));
                    if is_earlier {
                        *hit = Hit::of(columns, row);
                    }
                    *known = known.with(span);
                }
            }
        }
    }

    /// Tells of what is new beside what was seen `before`.
    pub(super) fn judge(&self, before: &Seen, hits: &mut Hits<'_>) {
        let began = before.values().map(|span| span.first);
        let began = began.chain(self.seen.values().map(|(_, span)| span.first)).min().unwrap_or(0);
        let (learn, forget) = (self.first_seen.learn.micros(), self.first_seen.forget_after.micros());
        let news = self.seen.iter().filter(|(key, (hit, _))| {
            hit.time >= began.saturating_add(learn)
                && before.get(*key).is_none_or(|known| known.last < hit.time.saturating_sub(forget))
        });
        let mut news = news.map(|(_, (hit, _))| hit).collect::<Vec<_>>();
        news.sort_by(|a, b| (a.time, &a.events).cmp(&(b.time, &b.events)));
        for hit in news {
            hits.hit(hit.clone());
        }
    }

    /// What the new events add to the baseline.
    pub(super) fn seen(&self) -> impl Iterator<Item = (&Key, Span)> {
        self.seen.iter().map(|(key, (_, span))| (key, *span))
    }
}
