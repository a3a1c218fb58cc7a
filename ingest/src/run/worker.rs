//! A worker: object after object into its batch, batch after batch into the lake.

use super::{Shared, commit};
use crate::ahead::{Queue, Queued};
use crate::batch::Batch;
use crate::config::Limits;
use crate::error::Error;
use crate::fetch::{self, Fetched, doubt};
use crate::gunzip;
use crate::lake::ObjectId;
use crate::report::Report;
use crate::write::Writer;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;
use tokio::runtime::Handle;
use tokio::sync::OwnedSemaphorePermit;

/// Batches that a run must have to be a long one.
const LONG_RUN: u64 = 16;

/// The last batches of a long run are at least this part of a full one.
const SMALLEST_SHARE: usize = 4;

/// What a worker has at hand.
struct Worker<'a> {
    shared: &'a Shared,
    batch: Batch,
    writer: Writer,
    /// The batch is that of one large object.
    large: Option<Large>,
    /// The objects of the batch.
    held: HashSet<ObjectId>,
    /// Their numbers.
    numbers: Vec<usize>,
    /// Bytes, as stored, of the objects.
    stored: u64,
    /// When the batch got its first object.
    began: Instant,
    report: Report,
}

/// What a worker holds as long as its batch is that of one large object.
struct Large {
    /// Its turn among those of all workers.
    _turn: OwnedSemaphorePermit,
    /// Its share of the memory for what is fetched ahead, so that the next large one is not fetched meanwhile.
    share: Option<OwnedSemaphorePermit>,
}

/// Works until the queue is empty, or somebody could not write the lake.
pub(super) fn work(shared: &Shared, queue: &Queue) -> Report {
    let mut worker = Worker {
        shared,
        batch: shared.batch(),
        writer: Writer::default(),
        large: None,
        held: HashSet::new(),
        numbers: Vec::new(),
        stored: 0,
        began: Instant::now(),
        report: Report::default(),
    };
    if let Err(error) = worker.work(queue) {
        shared.is_over.store(true, Relaxed);
        worker.report.problems.insert(0, error.to_string());
    }
    worker.report
}

impl Worker<'_> {
    fn work(&mut self, queue: &Queue) -> Result<(), Error> {
        while let Some((number, next)) = queue.next()? {
            if self.shared.is_over.load(Relaxed) {
                return Ok(());
            }
            if self.shared.config.until.is_some_and(|until| Instant::now() >= until) {
                break;
            }
            match next {
                Ok(queued) => self.take(number, queued),
                Err(error) => self.give_up(number, &error),
            }
            if self.is_full() {
                self.close()?;
            }
        }
        self.close()
    }

    fn is_full(&self) -> bool {
        let config = &self.shared.config;
        self.batch.bytes() >= config.batch_bytes
            || self.began.elapsed() >= config.batch_age
            || self.large.is_some()
            || self.is_last_share()
    }

    /// Near the end of a long run batches get smaller, so that no worker is still at a full one when the others have
    /// nothing left to do. A short run has no files to spare.
    fn is_last_share(&self) -> bool {
        let (workers, full) = (self.shared.config.workers as u64, self.shared.config.batch_bytes);
        if workers < 2 || self.batch.bytes() < full / SMALLEST_SHARE {
            return false;
        }
        let stored = self.stored.saturating_mul(full as u64) / self.batch.bytes().max(1) as u64;
        self.shared.stored > LONG_RUN * stored && self.stored > self.shared.left.load(Relaxed) / workers
    }

    /// Reads an object into the batch, unless the lake or the batch has it.
    fn take(&mut self, number: usize, queued: Queued) {
        let object = &queued.object;
        let bytes = object.body.len() as u64;
        self.shared.left.fetch_sub(self.shared.settled.objects()[number].size, Relaxed);
        self.report.get_requests += u64::from(object.requests);
        let is_known = self.shared.known.contains(&object.identity);
        if is_known {
            self.shared.settled.mark(number);
        } else {
            self.numbers.push(number);
        }
        if is_known || !self.held.insert(object.identity) {
            self.report.objects_skipped += 1;
            self.shared.progress.done(0, bytes);
            return;
        }
        if self.batch.is_empty() {
            (self.began, self.stored) = (Instant::now(), 0);
        }
        self.stored += bytes;
        let records = match self.read_surely(number, object) {
            Ok(()) => self.batch.objects.last().map_or(0, |object| object.records_read),
            Err(error) => {
                self.held.remove(&object.identity);
                self.batch.remove_object(object.identity);
                self.give_up(number, &error);
                0
            }
        };
        self.shared.progress.done(records, bytes);
        if let Some(large) = &mut self.large {
            large.share = Some(queued.share);
        }
    }

    /// Reads an object, and fetches it again as long as its bytes may have been changed on the way.
    fn read_surely(&mut self, number: usize, fetched: &Fetched) -> Result<(), Error> {
        let limits = &self.shared.config.limits;
        let listed = &self.shared.settled.objects()[number];
        let mut again: Option<Fetched> = None;
        for _ in 0..=doubt::SECOND_LOOKS {
            let object = again.as_ref().unwrap_or(fetched);
            self.read(number, object)?;
            let read = self.batch.objects.last();
            if !read.is_some_and(|read| doubt::is_doubtful(listed, object, read)) {
                return Ok(());
            }
            tracing::warn!(object = %listed.place, "its bytes may have been damaged on the way, fetching it again");
            let next = Handle::current().block_on(fetch::get(listed, limits))?;
            self.report.get_requests += u64::from(next.requests);
            if next.body == object.body {
                return Ok(());
            }
            self.batch.remove_object(object.identity);
            again = Some(next);
        }
        let why = "every fetch brings other bytes\nhint: run again; check the network and proxies on the way";
        Err(Error::Source { name: listed.place.to_string(), why: why.to_owned() })
    }

    /// Reads an object into the batch. One that unwraps to more than a batch gets a batch of its own, and its turn among
    /// those of all workers, so that what a run holds is bounded.
    fn read(&mut self, number: usize, object: &Fetched) -> Result<(), Error> {
        let config = &self.shared.config;
        let most = config.limits.max_inflated.min(config.most_in_memory);
        let share = most.min(config.batch_bytes);
        let limits = |most| Limits { max_inflated: most, ..config.limits.clone() };
        if self.large.is_none() && share < most {
            // Most large objects say that they are large; the others are found out by reading as much as a batch.
            if gunzip::expected_len(&object.body) <= share {
                let limits = limits(share);
                self.batch.read(&object.source(), &object.body, &limits);
                if !self.batch.lacks_room(&limits) {
                    return Ok(());
                }
                self.batch.remove_object(object.identity);
            }
            self.make_room(number, object.identity)?;
        }
        let limits = limits(most);
        self.batch.read(&object.source(), &object.body, &limits);
        if most < config.limits.max_inflated && self.batch.lacks_room(&limits) {
            return Err(too_large(&object.name, most));
        }
        Ok(())
    }

    /// Commits what the batch has, and waits for the turn of a large object.
    fn make_room(&mut self, number: usize, identity: ObjectId) -> Result<(), Error> {
        // What is committed now does not settle this one.
        self.numbers.retain(|&of_batch| of_batch != number);
        self.close()?;
        self.batch.clear();
        self.held.insert(identity);
        self.numbers.push(number);
        let turns = &self.shared.large;
        let turn = if let Ok(turn) = Arc::clone(turns).try_acquire_owned() {
            turn
        } else {
            // Whoever waits holds nothing but the object.
            (self.batch, self.writer) = (self.shared.batch(), Writer::default());
            let turn = Handle::current().block_on(Arc::clone(turns).acquire_owned());
            turn.map_err(|closed| Error::Worker(closed.to_string()))?
        };
        self.large = Some(Large { _turn: turn, share: None });
        Ok(())
    }

    fn give_up(&mut self, number: usize, error: &Error) {
        self.shared.settled.mark(number);
        self.report.open.push(self.shared.settled.objects()[number].place.clone());
        self.report.objects_failed += 1;
        self.report.problems.push(error.to_string());
    }

    /// Commits the batch and empties it.
    fn close(&mut self) -> Result<(), Error> {
        let bytes = self.batch.bytes();
        if !self.batch.is_empty() {
            self.batch.mark_duplicates();
            let commit = commit(self.shared, &mut self.batch, &mut self.writer);
            self.report += Handle::current().block_on(commit)?;
            self.batch.clear();
            self.held.clear();
        }
        for number in self.numbers.drain(..) {
            self.shared.settled.mark(number);
        }
        if self.large.is_some() {
            // The memory first, then the turn of the next. What an ordinary batch may take as well is kept.
            if bytes > 2 * self.shared.config.batch_bytes {
                (self.batch, self.writer) = (self.shared.batch(), Writer::default());
            }
            self.batch.clear_to(2 * self.shared.config.batch_bytes);
            self.large = None;
        }
        Ok(())
    }
}

/// The error of an object that takes more memory than there is.
pub(super) fn too_large(name: &str, most: usize) -> Error {
    let why = format!(
        "it unwraps to more than the {most} bytes that this memory is enough for\nhint: give the function more memory, \
         or read it with `trailhound ingest`"
    );
    Error::Source { name: name.to_owned(), why }
}
