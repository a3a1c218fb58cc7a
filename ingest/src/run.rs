//! The pipeline: objects are fetched ahead, workers turn them into batches, batches become commits.
//!
//! A worker owns its batch, from the first inflated byte to the Parquet file. Workers share the queue of objects
//! and, one at a time, the ledger. Memory is bounded by the bytes fetched ahead and the size of a batch, times the
//! workers.

use crate::ahead::{self, Queue, Queued};
use crate::batch::{Batch, Source};
use crate::books;
use crate::config::{IngestConfig, Limits};
use crate::error::Error;
use crate::fetch::{self, Fetched, doubt};
use crate::find::Found;
use crate::lake::files::LakeTable;
use crate::lake::{Appender, Lake, ObjectId, Pending};
use crate::pending::{self, Part};
use crate::report::Report;
use crate::time::{day_of, now};
use crate::write::Writer;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;
use tokio::runtime::Handle;
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};

/// Hears how a run gets on; called from several threads.
pub trait Progress: Send + Sync {
    /// The sources hold this many objects, with this many bytes as stored.
    fn found(&self, objects: u64, bytes: u64);
    /// An object is done: its records and its bytes as stored.
    fn done(&self, records: u64, bytes: u64);
}

/// Nobody listens.
impl Progress for () {
    fn found(&self, _: u64, _: u64) {}
    fn done(&self, _: u64, _: u64) {}
}

/// Batches that a run must have to be a long one.
const LONG_RUN: u64 = 16;

/// The last batches of a long run are at least this part of a full one.
const SMALLEST_SHARE: usize = 4;

/// What all workers share.
struct Shared {
    lake: Lake,
    config: IngestConfig,
    /// What the lake held when the run began.
    known: HashSet<ObjectId>,
    events: Mutex<Appender>,
    aggregated: Mutex<Option<Appender>>,
    quarantine: Mutex<Option<Appender>>,
    progress: Arc<dyn Progress>,
    /// The turn of an object that unwraps to more than a batch.
    large: Arc<Semaphore>,
    /// Bytes, as stored, of all objects; and of those that no worker has yet.
    stored: u64,
    left: AtomicU64,
}

impl Shared {
    /// A batch, empty. Every batch of a run is made here, so that none is without the filters and the redaction.
    fn batch(&self) -> Batch {
        Batch::with_policy(self.config.policy.clone())
    }
}

/// Reads what was found into the lake.
///
/// # Errors
/// The lake cannot be written. What was committed stays; a later run goes on from there.
pub(crate) async fn run(
    lake: Lake,
    config: &IngestConfig,
    found: Found,
    progress: Arc<dyn Progress>,
) -> Result<Report, Error> {
    let events = Appender::open(&lake, LakeTable::Events, lake.settings()).await?;
    let known = events.known();
    let mut objects = found.objects;
    let all = objects.len();
    objects.retain(|object| !fetch::known_identity(&object.place).is_some_and(|id| known.contains(&id)));
    let objects_skipped = (all - objects.len()) as u64;
    let (digests, list_requests) = (found.digests, found.list_requests);
    let mut report = Report { objects_skipped, digests, list_requests, ..Report::default() };
    let stored = objects.iter().map(|object| object.size).sum();
    progress.found(objects.len() as u64, stored);
    let shared = Arc::new(Shared {
        lake: lake.clone(),
        config: config.clone(),
        known,
        events: Mutex::new(events),
        aggregated: Mutex::new(None),
        quarantine: Mutex::new(None),
        progress,
        large: Arc::new(Semaphore::new(1)),
        stored,
        left: AtomicU64::new(stored),
    });
    let queue = ahead::start(objects, config);
    let workers = (0..config.workers.max(1)).map(|_| {
        let (shared, queue) = (Arc::clone(&shared), queue.clone());
        tokio::task::spawn_blocking(move || work(&shared, &queue))
    });
    for worker in workers.collect::<Vec<_>>() {
        report += worker.await.map_err(|panic| Error::Worker(panic.to_string()))??;
    }
    lake.sync_logfiles().await?;
    Ok(report)
}

/// One worker: object after object into a batch, batch after batch into the lake.
struct Worker<'a> {
    shared: &'a Shared,
    batch: Batch,
    writer: Writer,
    /// The batch is that of one large object.
    large: Option<OwnedSemaphorePermit>,
    /// The objects of the batch.
    held: HashSet<ObjectId>,
    /// Bytes, as stored, of its objects.
    stored: u64,
    /// When the batch got its first object.
    began: Instant,
    report: Report,
}

fn work(shared: &Shared, queue: &Queue) -> Result<Report, Error> {
    let mut worker = Worker {
        shared,
        batch: shared.batch(),
        writer: Writer::default(),
        large: None,
        held: HashSet::new(),
        stored: 0,
        began: Instant::now(),
        report: Report::default(),
    };
    while let Some(parcel) = queue.next()? {
        for next in parcel {
            match next {
                Ok(queued) => worker.take(&queued),
                Err(error) => worker.give_up(&error),
            }
            if worker.is_full() {
                worker.close()?;
            }
        }
    }
    worker.close()?;
    Ok(worker.report)
}

impl Worker<'_> {
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
        self.shared.stored > LONG_RUN * stored
            && self.stored > self.shared.left.load(Ordering::Relaxed) / workers
    }

    /// Reads an object into the batch, unless the lake or the batch has it.
    fn take(&mut self, queued: &Queued) {
        let object = &queued.object;
        let bytes = object.body.len() as u64;
        self.shared.left.fetch_sub(queued.listed.size, Ordering::Relaxed);
        self.report.get_requests += u64::from(object.requests);
        if self.shared.known.contains(&object.identity) || !self.held.insert(object.identity) {
            self.report.objects_skipped += 1;
            self.shared.progress.done(0, bytes);
            return;
        }
        if self.batch.is_empty() {
            (self.began, self.stored) = (Instant::now(), 0);
        }
        self.stored += bytes;
        let records = match self.read_surely(queued) {
            Ok(()) => self.batch.objects.last().map_or(0, |object| object.records_read),
            Err(error) => {
                self.held.remove(&object.identity);
                self.batch.remove_object(object.identity);
                self.give_up(&error);
                0
            }
        };
        self.shared.progress.done(records, bytes);
    }

    /// Reads an object, and fetches it again as long as its bytes may have been changed on the way.
    fn read_surely(&mut self, queued: &Queued) -> Result<(), Error> {
        let limits = &self.shared.config.limits;
        let mut again: Option<Fetched> = None;
        for _ in 0..=doubt::SECOND_LOOKS {
            let object = again.as_ref().unwrap_or(&queued.object);
            self.read(object)?;
            let read = self.batch.objects.last();
            if !read.is_some_and(|read| doubt::is_doubtful(&queued.listed, object, read)) {
                return Ok(());
            }
            tracing::warn!(object = %queued.listed.place, "its bytes may have been damaged on the way, fetching it again");
            let next = Handle::current().block_on(fetch::get(&queued.listed, limits))?;
            self.report.get_requests += u64::from(next.requests);
            if next.body == object.body {
                return Ok(());
            }
            self.batch.remove_object(object.identity);
            again = Some(next);
        }
        let why = "every fetch brings other bytes\nhint: run again; check the network and proxies on the way";
        Err(Error::Source { name: queued.listed.place.to_string(), why: why.to_owned() })
    }

    /// Reads an object into the batch. One that unwraps to more than a batch gets a batch of its own, and its turn among
    /// those of all workers, so that what a run holds is bounded.
    fn read(&mut self, object: &Fetched) -> Result<(), Error> {
        let config = &self.shared.config;
        let share = config.limits.max_inflated.min(config.batch_bytes);
        if self.large.is_none() && share < config.limits.max_inflated {
            let limits = Limits { max_inflated: share, ..config.limits.clone() };
            self.batch.read(&source_of(object), &object.body, &limits);
            if !self.batch.lacks_room(&limits) {
                return Ok(());
            }
            self.batch.remove_object(object.identity);
            self.close()?;
            self.batch = self.shared.batch();
            self.held.insert(object.identity);
            let turn = Handle::current().block_on(Arc::clone(&self.shared.large).acquire_owned());
            self.large = Some(turn.map_err(|closed| Error::Worker(closed.to_string()))?);
        }
        self.batch.read(&source_of(object), &object.body, &config.limits);
        Ok(())
    }

    fn give_up(&mut self, error: &Error) {
        self.report.objects_failed += 1;
        self.report.problems.push(error.to_string());
    }

    /// Commits the batch and empties it.
    fn close(&mut self) -> Result<(), Error> {
        if !self.batch.is_empty() {
            self.batch.mark_duplicates();
            let commit = commit(self.shared, &mut self.batch, &mut self.writer);
            self.report += Handle::current().block_on(commit)?;
            self.batch.clear();
            self.held.clear();
        }
        if self.large.is_some() {
            // The memory first, then the turn of the next.
            (self.batch, self.writer) = (self.shared.batch(), Writer::default());
            self.large = None;
        }
        Ok(())
    }
}

fn source_of(object: &Fetched) -> Source<'_> {
    Source {
        identity: object.identity,
        key: &object.name,
        etag: &object.etag,
        key_date: object.date,
        ingest_date: day_of(now()),
    }
}

/// `quarantine` and `aggregated` first: an object counts as read when `events` names it.
async fn commit(shared: &Shared, batch: &mut Batch, writer: &mut Writer) -> Result<Report, Error> {
    let now = now();
    let before = batch.objects.len() as u64;
    let mut bytes_out = 0;
    let side_tables =
        [(LakeTable::Quarantine, &shared.quarantine), (LakeTable::Aggregated, &shared.aggregated)];
    for (table, appender) in side_tables {
        if !pending::has_rows(batch, table) {
            continue;
        }
        let mut appender = appender.lock().await;
        let appender = match &mut *appender {
            Some(appender) => appender,
            none => none.insert(Appender::open(&shared.lake, table, shared.lake.settings()).await?),
        };
        let mut part = Part::new(batch, writer, table, now);
        appender.append(&mut part).await?;
        bytes_out += part.bytes_out();
    }
    bytes_out += commit_events(shared, batch, writer, now).await?;
    let skipped = before - batch.objects.len() as u64;
    let mut report = books::report(batch, &shared.config.policy);
    report += Report { bytes_out, objects_skipped: skipped, ..Report::default() };
    Ok(report)
}

/// Builds the files before it asks for the ledger, so that workers wait for each other only to commit.
async fn commit_events(
    shared: &Shared,
    batch: &mut Batch,
    writer: &mut Writer,
    now: i64,
) -> Result<u64, Error> {
    let files = shared.events.lock().await.files().to_vec();
    let mut part = Part::new(batch, writer, LakeTable::Events, now);
    part.drop_duplicates(&shared.lake, &files).await?;
    part.write(&shared.lake).await?;
    shared.events.lock().await.append(&mut part).await?;
    Ok(part.bytes_out())
}

#[cfg(test)]
mod matrix;
