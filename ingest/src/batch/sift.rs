//! The records of one object, as they were found → those that are kept, without what is private.
//!
//! It comes right behind the walk, before anything looks at the records: whatever reads into a batch goes through it.
//! What must hold: every record is kept, counted as filtered, or rejected; where there are rules of privacy, nothing
//! that was not redacted is left in the batch, be it as bytes of a reject.

use super::reader::keep_known;
use super::{Batch, MAX_ROWS, Object, one_line};
use crate::limits::Limits;
use crate::record::{PAD, Record};
use crate::redact::{Redaction, Rewriter};
use crate::reject::{Place, Reject};

/// Where what an object brought begins in its batch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Begin {
    arena: usize,
    records: usize,
    items: usize,
    rejects: usize,
}

impl Begin {
    pub(super) fn of(batch: &Batch) -> Self {
        Self {
            arena: batch.arena.len(),
            records: batch.records.len(),
            items: batch.items.len(),
            rejects: batch.rejects.len(),
        }
    }
}

impl Batch {
    /// Takes out what the policy of the batch leaves out.
    pub(super) fn sift(&mut self, begin: Begin, object: &mut Object, limits: &Limits) {
        if !self.policy.filters.is_empty() {
            self.filter(begin, object);
        }
        if let Some(redaction) = self.policy.redaction.clone() {
            self.redact(&redaction, begin, object, limits);
        }
    }

    fn filter(&mut self, begin: Begin, object: &mut Object) {
        let mut kept = begin.records;
        for at in begin.records..self.records.len() {
            let record = &self.records[at];
            if self.policy.filters.iter().all(|filter| filter.keeps(self, record)) {
                self.records.swap(kept, at);
                kept += 1;
            } else {
                object.filtered += 1;
                object.see_time(record.time);
            }
        }
        self.records.truncate(kept);
    }

    /// Puts the redacted texts in the place of all that the object brought.
    fn redact(&mut self, redaction: &Redaction, begin: Begin, object: &mut Object, limits: &Limits) {
        let records = self.records.split_off(begin.records);
        let mut fresh = Fresh {
            text: Vec::with_capacity(
                records.iter().map(|record| (record.end - record.start) as usize + 64).sum(),
            ),
            room: limits.max_inflated.min((u32::MAX as usize).saturating_sub(begin.arena + 2 * PAD)),
            no_room: limits.no_room(),
            most: limits.max_record_bytes,
        };
        let mut counts = redaction.counts();
        let mut rewriter = Rewriter::new(redaction, &mut counts);
        let written = records.into_iter().map(|record| {
            let span = fresh.write(&mut rewriter, &self.arena, record.start as usize);
            (record, span)
        });
        let written = written.collect::<Vec<_>>();
        self.arena.truncate(begin.arena);
        self.items.truncate(begin.items);
        self.scanner.shares = true;
        self.arena.extend_from_slice(&fresh.text);
        self.arena.resize(self.arena.len() + PAD, 0);
        for (record, span) in written {
            match span
                .and_then(|span| self.scanned(&record, begin.arena + span.start, begin.arena + span.end))
            {
                Ok(record) => self.records.push(record),
                Err(reason) => self.reject_record(&record, &reason, begin, object),
            }
        }
        object.redacted = counts;
    }

    /// The same record with its new text.
    fn scanned(&mut self, record: &Record, start: usize, end: usize) -> Result<Record, String> {
        let broken = || "it cannot be read any more when it is redacted".to_owned();
        let first = self.items.len();
        if self.scanner.object::<true>(&self.arena, start, &mut self.items) != Ok(end) {
            self.items.truncate(first);
            return Err(broken());
        }
        if self.scanner.whole {
            keep_known(&mut self.items, first);
        }
        let offset = |at: usize| u32::try_from(at).map_err(|_| broken());
        let (start, end) = (offset(start)?, offset(end)?);
        let (first, last) = (offset(first)?, offset(self.items.len())?);
        Ok(Record { start, end, first, last, whole: self.scanner.whole, ..record.clone() })
    }

    fn reject_record(&mut self, record: &Record, reason: &str, begin: Begin, object: &mut Object) {
        object.quarantined += 1;
        if object.quarantined <= MAX_ROWS {
            let offset = record.start.saturating_sub(u32::try_from(begin.arena).unwrap_or(u32::MAX));
            let place = Place::Record { index: record.index, offset, length: record.end - record.start };
            let (object, bytes) = (record.object, vec![]);
            self.rejects.push(Reject { object, place, reason: one_line(reason), bytes });
        }
    }

    /// What could not be read cannot be redacted, so its bytes are not kept. Its place leads back to them.
    pub(super) fn hide_rejects(&mut self, begin: Begin) {
        if self.policy.redaction.is_some() {
            for reject in &mut self.rejects[begin.rejects..] {
                if !reject.bytes.is_empty() {
                    reject.bytes = Vec::new();
                    reject.reason.push_str("; its bytes are not kept, because there are rules in [privacy]");
                }
            }
        }
    }
}

/// Redacted texts, one behind the other.
struct Fresh {
    text: Vec<u8>,
    /// Bytes that all of them may come to, and what is said where they come to more.
    room: usize,
    no_room: String,
    /// Bytes of one of them.
    most: usize,
}

impl Fresh {
    /// Redacts the record at `start`; where its text is.
    fn write(
        &mut self,
        rewriter: &mut Rewriter<'_>,
        arena: &[u8],
        start: usize,
    ) -> Result<std::ops::Range<usize>, String> {
        let from = self.text.len();
        let written = rewriter.record(arena, start, &mut self.text);
        let length = self.text.len() - from;
        let reason = if written.is_err() {
            "it cannot be redacted".to_owned()
        } else if length > self.most {
            format!("redacted, it is longer than {} bytes\nhint: raise --max-record-bytes", self.most)
        } else if self.text.len() > self.room {
            self.no_room.clone()
        } else {
            return Ok(from..self.text.len());
        };
        self.text.truncate(from);
        Err(reason)
    }
}
