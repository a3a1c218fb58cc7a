//! The unit of work: log objects inflated onto one arena, split there into records.
//!
//! A record is offsets into the arena, never an owned string. Duplicates are found and rows are ordered on handles,
//! before any column exists. The bound of a batch is counted in inflated bytes.

use crate::find::key;
use crate::gunzip::{GunzipError, gunzip, gunzip_one};
use crate::lake::ObjectId;
use crate::parse::Scanner;
use crate::policy::Policy;
use crate::record::{self, Item, PAD, Record, State};
use crate::reject::{Place, Reject};
use crate::schema::Table;
use crate::time::Times;
use crate::unwrap::{Walk, behind_last_member};
use crate::write::values::Values;
use hashbrown::HashTable;
use reader::{Ids, Reader};
use sha2::{Digest, Sha256};
use sift::Begin;

mod reader;
mod sift;

pub use crate::limits::Limits;

/// Bad records of one object that have a row of their own in the quarantine; the others are counted.
const MAX_ROWS: u64 = 10_000;

/// A log object, as it comes in.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// Its identity.
    pub identity: ObjectId,
    /// Its key or path.
    pub key: &'a str,
    /// Its version: `ETag`, or hash of the content.
    pub etag: &'a str,
    /// Its day of delivery, where the key tells.
    pub key_date: Option<i32>,
    /// Today.
    pub ingest_date: i32,
}

/// A log object that was read.
#[derive(Clone, PartialEq, Debug)]
pub struct Object {
    /// Its identity.
    pub identity: ObjectId,
    /// Its key or path.
    pub key: String,
    /// Its version.
    pub etag: String,
    /// Bytes as delivered.
    pub size: u64,
    /// Its day of delivery, where the key tells.
    pub key_date: Option<i32>,
    /// Bytes inflated.
    pub inflated: u64,
    /// SHA-256 of the inflated bytes, which is what CloudTrail's digests hold.
    pub sha256: [u8; 32],
    /// Bytes behind the last gzip member; CloudTrail writes none.
    pub trailing: u64,
    /// Everything that should have been a record.
    pub records_read: u64,
    /// How many of them could not be used.
    pub quarantined: u64,
    /// How many of them the filters left out.
    pub filtered: u64,
    /// Times of the first and the last of those, in µs since 1970.
    pub filtered_times: Option<(i64, i64)>,
    /// Values that were redacted, by rule of [`crate::redact::Redaction`].
    pub redacted: Vec<u64>,
    /// Why the object could not be read to its end.
    pub failed: Option<String>,
}

impl Object {
    /// Remembers the time of a record that is left out.
    fn see_time(&mut self, time: Option<i64>) {
        if let Some(time) = time {
            let (first, last) = self.filtered_times.unwrap_or((time, time));
            self.filtered_times = Some((first.min(time), last.max(time)));
        }
    }
}

/// Log objects and the records in them.
#[derive(Debug)]
pub struct Batch {
    /// The documents, each followed by [`PAD`] zero bytes.
    pub arena: Vec<u8>,
    /// The objects.
    pub objects: Vec<Object>,
    /// Their records.
    pub records: Vec<Record>,
    /// The members of the records.
    pub items: Vec<Item>,
    /// What could not be used.
    pub rejects: Vec<Reject>,
    scanner: Scanner,
    ids: Ids,
    names: Values,
    policy: Policy,
}

impl Default for Batch {
    fn default() -> Self {
        Self::new()
    }
}

impl Batch {
    /// An empty batch that keeps everything.
    #[must_use]
    pub fn new() -> Self {
        Self::with_policy(Policy::default())
    }

    /// An empty batch for what `policy` keeps of records, and shows of them.
    #[must_use]
    pub fn with_policy(policy: Policy) -> Self {
        let (arena, objects, records, items, rejects) = (vec![], vec![], vec![], vec![], vec![]);
        Self {
            arena,
            objects,
            records,
            items,
            rejects,
            scanner: Scanner::new(),
            ids: Ids::new(),
            names: Values::default(),
            policy,
        }
    }

    /// Empties the batch and keeps its memory.
    pub fn clear(&mut self) {
        self.arena.clear();
        self.objects.clear();
        self.records.clear();
        self.items.clear();
        self.rejects.clear();
        self.scanner.forget();
        self.names.clear();
    }

    /// Empties the batch and keeps the memory that one of `most` bytes of documents would take.
    pub fn clear_to(&mut self, most: usize) {
        self.clear();
        self.arena.shrink_to(most);
        self.items.shrink_to(most / size_of::<Item>());
        self.records.shrink_to(most / size_of::<Record>());
    }

    /// The event names of the records as they stand in the documents, by number.
    pub(crate) fn names(&self) -> &Values {
        &self.names
    }

    /// Inflated bytes held.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.arena.len()
    }

    /// Whether no object was read since the last [`Batch::clear`].
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    /// The JSON text of a record.
    #[must_use]
    pub fn text(&self, record: &Record) -> &str {
        simdutf8::basic::from_utf8(self.bytes_of(record)).unwrap_or_default()
    }

    /// The same as bytes, which are UTF-8: documents are made so when they are read.
    #[must_use]
    pub fn bytes_of(&self, record: &Record) -> &[u8] {
        self.arena.get(record.start as usize..record.end as usize).unwrap_or_default()
    }

    /// The members of one of the principals that records share.
    #[must_use]
    pub fn principal(&self, number: u16) -> &[Item] {
        self.scanner.principals().items(number)
    }

    /// The text of an item.
    #[must_use]
    pub fn bytes_at(&self, item: &Item) -> &[u8] {
        self.arena.get(item.start as usize..item.end as usize).unwrap_or_default()
    }

    /// The members of a record; those of its `userIdentity` may stand elsewhere, see [`SHARED`](record::SHARED).
    #[must_use]
    pub fn items(&self, record: &Record) -> &[Item] {
        self.items.get(record.first as usize..record.last as usize).unwrap_or_default()
    }

    /// Reads one object. What is bad in it becomes rejects; nothing is an error.
    pub fn read(&mut self, source: &Source<'_>, body: &[u8], limits: &Limits) {
        let (start, begin) = (self.arena.len(), Begin::of(self));
        // Offsets are 32 bits wide.
        let room = limits.max_inflated.min((u32::MAX as usize).saturating_sub(start + 2 * PAD));
        let (mut faults, trailing) = inflate(body, source.key, room, limits, &mut self.arena);
        let end = self.arena.len();
        let text = &self.arena[start..];
        let number = u32::try_from(self.objects.len()).unwrap_or(u32::MAX);
        let mut object = Object {
            identity: source.identity,
            key: source.key.to_owned(),
            etag: source.etag.to_owned(),
            size: body.len() as u64,
            key_date: source.key_date,
            inflated: text.len() as u64,
            sha256: Sha256::digest(text).into(),
            trailing,
            records_read: 0,
            quarantined: 0,
            filtered: 0,
            filtered_times: None,
            redacted: vec![],
            failed: None,
        };
        self.arena.resize(end + PAD, 0);
        // Texts that will be redacted do not stay where they are.
        self.scanner.shares = self.policy.redaction.is_none();
        let mut hear = Reader {
            records: &mut self.records,
            rejects: &mut self.rejects,
            object: &mut object,
            number,
            start,
            fallback: source.key_date.unwrap_or(source.ingest_date),
            ids: self.ids,
            names: &mut self.names,
            times: Times::default(),
            overwritten: Vec::new(),
            kept: 0,
            limits,
        };
        let left = room - (end - start);
        let (arena, items, scanner) = (&mut self.arena, &mut self.items, &mut self.scanner);
        let found = Walk::new(arena, items, scanner, &mut hear, limits, left).read(start..end);
        self.sift(begin, &mut object, limits);
        // What an object cut short or refused is not, it need not be told as well.
        if faults.is_empty() || end > start {
            faults.extend(found.into_iter().map(|reason| (reason, body)));
        }
        if object.quarantined > MAX_ROWS {
            let more = object.quarantined - MAX_ROWS;
            faults.push((format!("{more} more bad records have no row of their own"), &[]));
        }
        object.failed = faults.first().map(|(reason, _)| reason.clone());
        self.reject_file(number, &faults, limits);
        self.hide_rejects(begin);
        self.objects.push(object);
    }

    /// What is wrong with a file as a whole has rows of its own.
    fn reject_file(&mut self, number: u32, faults: &[(String, &[u8])], limits: &Limits) {
        for (reason, bytes) in faults {
            let bytes = bytes[..bytes.len().min(limits.max_quarantine_bytes)].to_vec();
            let reason = one_line(reason);
            self.rejects.push(Reject { object: number, place: Place::File, reason, bytes });
        }
    }

    /// Marks the records that repeat an earlier one of the batch: same id, same content.
    pub fn mark_duplicates(&mut self) {
        let mut seen = HashTable::<usize>::with_capacity(self.records.len());
        for at in 0..self.records.len() {
            let record = &self.records[at];
            if record.id == 0 || record.state == State::Repeated {
                continue;
            }
            let id = record.id;
            let equal = |&other: &usize| {
                let other = &self.records[other];
                other.id == id
                    && other.table == record.table
                    && record::same(self.text(other), self.text(record))
            };
            if seen.find(id, equal).is_some() {
                if record.state == State::Kept {
                    self.records[at].state = State::Repeated;
                }
            } else {
                seen.insert_unique(id, at, |&other| self.records[other].id);
            }
        }
    }

    /// Marks the records of an object in one table.
    pub fn mark_object(&mut self, identity: ObjectId, table: Table, state: State) {
        let Some(number) = self.number_of(identity) else { return };
        for record in self.records.iter_mut().filter(|r| r.object == number && r.table == table) {
            record.state = state;
        }
    }

    /// Takes an object out of the batch: somebody else brought it. Records that repeated one of its records are looked
    /// at again.
    pub fn remove_object(&mut self, identity: ObjectId) {
        let Some(number) = self.number_of(identity) else { return };
        self.objects.remove(number as usize);
        self.records.retain(|record| record.object != number);
        self.rejects.retain(|reject| reject.object != number);
        for record in &mut self.records {
            record.object -= u32::from(record.object > number);
            if record.state == State::Repeated {
                record.state = State::Kept;
            }
        }
        for reject in &mut self.rejects {
            reject.object -= u32::from(reject.object > number);
        }
        self.mark_duplicates();
    }

    /// Whether the object read last would take more bytes than `limits` let it unwrap.
    #[must_use]
    pub fn lacks_room(&self, limits: &Limits) -> bool {
        let why = one_line(&limits.no_room());
        let last = self.objects.len().saturating_sub(1);
        let of_last = self.rejects.iter().rev().take_while(|reject| reject.object as usize == last);
        of_last.into_iter().any(|reject| reject.reason.starts_with(&why))
    }

    fn number_of(&self, identity: ObjectId) -> Option<u32> {
        let at = self.objects.iter().position(|object| object.identity == identity)?;
        u32::try_from(at).ok()
    }
}

/// What is wrong with an object, and the bytes that show it.
type Fault<'a> = (String, &'a [u8]);

/// Puts the content of an object onto the arena; says what is wrong with it, and how many bytes follow the last member.
///
/// CloudTrail writes one member and nothing behind it, so in a file of its own making whatever follows was put there by
/// somebody else (aws/aws-cli#10324) and is kept out.
fn inflate<'a>(
    body: &'a [u8],
    key: &str,
    left: usize,
    limits: &Limits,
    arena: &mut Vec<u8>,
) -> (Vec<Fault<'a>>, u64) {
    let native = key::is_native(key);
    let gunzip = if native { gunzip_one } else { gunzip };
    match gunzip(body, limits.room(body.len(), left), arena) {
        Ok(inflated) => {
            let behind = inflated.trailing;
            let fault = if native {
                let why = "bytes behind the one gzip member that CloudTrail writes: a sign of tampering, they are kept out";
                (behind > 0).then(|| format!("{behind} {why}"))
            } else {
                behind_last_member(body, behind)
            };
            let tail = &body[body.len() - behind..];
            (fault.into_iter().map(|reason| (reason, tail)).collect(), behind as u64)
        }
        Err(GunzipError::NotGzip) if body.len() <= left => {
            arena.extend_from_slice(body);
            (vec![], 0)
        }
        Err(GunzipError::NotGzip) => (vec![(limits.no_room(), body)], 0),
        Err(error) => (vec![(limits.reason(&error, left), body)], 0),
    }
}

/// A reason without line feeds.
fn one_line(reason: &str) -> String {
    reason.replace('\n', "; ")
}
