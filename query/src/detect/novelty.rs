//! What was never seen before, or not for long.
//!
//! A rule keeps for each combination of its keys the first and the last event time, in the table `baselines`
//! ([`super::state`]). Of the new events it needs no more than the first one of each combination, so memory is bounded by
//! what differs. A late event of a combination that is known moves its first time back and says nothing.
//!
//! A rule has learnt enough when it has watched for long enough, whatever it has seen: where nobody ever did a thing, the
//! first to do it is the news.

use super::hits::{Hit, Hits};
use super::rows::Columns;
use super::state::{Key, Seen, Span};
use crate::rules::Rule;
use crate::rules::file::FirstSeen;
use std::collections::BTreeMap;

/// Rows that are kept in vain, besides as many as are needed.
const MOST_LEFT: usize = 1000;

/// What a rule has seen among the new events.
pub(super) struct Novelty<'a> {
    first_seen: &'a FirstSeen,
    /// The first event of each combination, as a row of `rows`, and the times of all of them.
    seen: BTreeMap<Key, (usize, Span)>,
    rows: Columns,
}

impl<'a> Novelty<'a> {
    /// `None` for a rule of another kind.
    pub(super) fn of(rule: &'a Rule) -> Option<Self> {
        let first_seen = rule.first_seen.as_ref()?;
        Some(Self { first_seen, seen: BTreeMap::new(), rows: Columns::default() })
    }

    /// Takes rows of new events. A row that lacks one of the keys says nothing.
    pub(super) fn take(&mut self, columns: &Columns) {
        let (names, mut key) = (&self.first_seen.keys, None);
        for (row, is_same) in columns.runs(names, 0) {
            if !is_same {
                let values = columns.key(names, row);
                key = values.into_iter().map(|value| value.map(str::to_owned)).collect::<Option<Key>>();
            }
            let Some(key) = &key else { continue };
            let span = Span { first: columns.time(row), last: columns.time(row) };
            match self.seen.get_mut(key) {
                None => {
                    self.rows.push(columns, row);
                    self.seen.insert(key.clone(), (self.rows.len() - 1, span));
                }
                Some((first, known)) => {
                    let is_earlier = (span.first, columns.value("eventID", row))
                        < (known.first, self.rows.value("eventID", *first));
                    if is_earlier {
                        self.rows.push(columns, row);
                        *first = self.rows.len() - 1;
                    }
                    *known = known.with(span);
                }
            }
        }
        self.tidy();
    }

    /// Forgets rows that an earlier event has taken the place of, when they are most of them.
    fn tidy(&mut self) {
        if self.rows.len() < 2 * self.seen.len() + MOST_LEFT {
            return;
        }
        let mut rows = Columns::default();
        for (first, _) in self.seen.values_mut() {
            rows.push(&self.rows, *first);
            *first = rows.len() - 1;
        }
        self.rows = rows;
    }

    /// Tells of what is new beside what was seen `before`; the new events of all kinds begin at `watched`.
    pub(super) fn judge(&self, before: &Seen, watched: Option<i64>, hits: &mut Hits<'_>) {
        let began = before.values().map(|span| span.first).chain(watched);
        let began = began.chain(self.seen.values().map(|(_, span)| span.first)).min().unwrap_or(0);
        let (learn, forget) = (self.first_seen.learn.micros(), self.first_seen.forget_after.micros());
        let news = self.seen.iter().filter(|(key, (_, span))| {
            span.first >= began.saturating_add(learn)
                && before.get(*key).is_none_or(|known| known.last < span.first.saturating_sub(forget))
        });
        let mut news = news.map(|(_, (row, _))| Hit::of(&self.rows, *row)).collect::<Vec<_>>();
        news.sort_by_key(|hit| (hit.time, hit.event()));
        for hit in &news {
            hits.hit(hit);
        }
    }

    /// What the new events add to the baseline.
    pub(super) fn seen(&self) -> impl Iterator<Item = (&Key, Span)> {
        self.seen.iter().map(|(key, (_, span))| (key, *span))
    }
}
