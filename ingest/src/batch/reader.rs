//! What the walk over an object finds → records and rejects of the batch.

use super::{MAX_ROWS, Object, one_line};
use crate::limits::Limits;
use crate::parse::Scanner;
use crate::record::{Item, KEY, NOBODY, Record, SHARED, State};
use crate::reject::{Place, Reject};
use crate::schema::{NodeId, SCHEMA, Table};
use crate::time::{self, Times};
use crate::unwrap::Hear;
use crate::write::values::Values;
use foldhash::fast::FixedState;
use std::hash::BuildHasher;

/// Bytes of bad records of one object that the quarantine keeps.
const MAX_KEPT: usize = 8 << 20;

/// Bytes that are no UTF-8 of which the quarantine shows what they were.
const MAX_OVERWRITTEN: usize = 64 << 10;

/// Bytes of an event name, with its quote, that rows are sorted by. AWS's longest has 70 or so.
const MAX_NAME: usize = 100;

/// The nodes that tell a record's id, time and name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ids {
    event_id: NodeId,
    event_time: NodeId,
    window_id: NodeId,
    window_start: NodeId,
    name: NodeId,
}

impl Ids {
    pub(super) fn new() -> Self {
        let node = |path: &str| SCHEMA.find(path).unwrap_or(0);
        Self {
            event_id: node("eventID"),
            event_time: node("eventTime"),
            window_id: node("eventId"),
            window_start: node("timeWindow.windowStart"),
            name: node("eventName"),
        }
    }
}

/// Turns what the walk finds into records and rejects of one object.
pub(super) struct Reader<'a> {
    pub(super) records: &'a mut Vec<Record>,
    pub(super) rejects: &'a mut Vec<Reject>,
    pub(super) object: &'a mut Object,
    pub(super) number: u32,
    /// Where the object begins in the arena.
    pub(super) start: usize,
    /// The day of records without a time.
    pub(super) fallback: i32,
    pub(super) ids: Ids,
    pub(super) names: &'a mut Values,
    pub(super) times: Times,
    /// Places in the arena, and the bytes that were there.
    pub(super) overwritten: Vec<(usize, u8)>,
    /// Bytes of bad records that are kept.
    pub(super) kept: usize,
    pub(super) limits: &'a Limits,
}

impl Reader<'_> {
    fn next_index(&mut self) -> u32 {
        self.object.records_read += 1;
        u32::try_from(self.object.records_read - 1).unwrap_or(u32::MAX)
    }
}

impl Hear for Reader<'_> {
    fn record(
        &mut self,
        arena: &[u8],
        start: usize,
        end: usize,
        first: usize,
        items: &mut Vec<Item>,
        scanner: &Scanner,
    ) {
        let table = if scanner.is_aggregated() { Table::Aggregated } else { Table::Events };
        let (id_node, time_node) = match table {
            Table::Events => (self.ids.event_id, self.ids.event_time),
            Table::Aggregated => (self.ids.window_id, self.ids.window_start),
        };
        let (mut id, mut when, mut name, mut principal) = (0, None, &[][..], NOBODY);
        for item in items[first..].iter().filter(|item| item.flag & KEY == 0) {
            let text = || arena.get(item.start as usize..item.end as usize).unwrap_or_default();
            if item.node == id_node && text().len() > 2 && text()[0] == b'"' {
                id = FixedState::default().hash_one(text()).max(1);
            } else if item.node == time_node {
                when = self.times.parse(text()).map(|(micros, _)| micros);
            } else if item.node == self.ids.name {
                name = text();
            } else if item.flag & SHARED != 0 {
                principal = item.number;
            }
        }
        if scanner.whole {
            keep_known(items, first);
        }
        let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        let index = self.next_index();
        self.records.push(Record {
            start: offset(start),
            end: offset(end),
            first: offset(first),
            last: offset(items.len()),
            object: self.number,
            index,
            table,
            whole: scanner.whole,
            time: when,
            date: when.map_or(self.fallback, time::day_of),
            name: self.names.key(&name[..name.len().min(MAX_NAME)]),
            principal,
            id,
            state: State::Kept,
        });
    }

    fn reject(&mut self, arena: &[u8], start: usize, end: usize, reason: &str) {
        self.object.quarantined += 1;
        let index = self.next_index();
        if self.object.quarantined > MAX_ROWS {
            return;
        }
        let most = self.limits.max_quarantine_bytes.min(MAX_KEPT - self.kept);
        let mut bytes = arena.get(start..end.min(start + most)).unwrap_or_default().to_vec();
        self.kept += bytes.len();
        // The quarantine keeps what was really there.
        let from = self.overwritten.partition_point(|&(at, _)| at < start);
        for &(at, was) in &self.overwritten[from..] {
            let Some(slot) = bytes.get_mut(at - start) else { break };
            *slot = was;
        }
        let offset = u32::try_from(start.saturating_sub(self.start)).unwrap_or(u32::MAX);
        let length = u32::try_from(end - start).unwrap_or(u32::MAX);
        let place = Place::Record { index, offset, length };
        self.rejects.push(Reject { object: self.number, place, reason: one_line(reason), bytes });
    }

    fn overwritten(&mut self, at: usize, was: u8) {
        if self.overwritten.len() < MAX_OVERWRITTEN {
            self.overwritten.push((at, was));
        }
    }
}

/// Drops the members that are not in the node table: the record keeps its text, and there may be very many of them.
pub(super) fn keep_known(items: &mut Vec<Item>, first: usize) {
    let mut is_value = false;
    let mut keep = first;
    for at in first..items.len() {
        let item = items[at];
        let is_key = item.flag & KEY != 0;
        if !is_key && !is_value {
            items[keep] = item;
            keep += 1;
        }
        is_value = is_key;
    }
    items.truncate(keep);
}
