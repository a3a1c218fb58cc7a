//! The pipeline: objects are fetched ahead, workers turn them into batches, batches become commits.
//!
//! A worker owns its batch, from the first inflated byte to the Parquet file. Workers share the queue of objects
//! and, one at a time, the ledger. Memory is bounded by the bytes fetched ahead and the size of a batch, times the
//! workers.

use crate::ahead::{self, Queue, Queued};
use crate::batch::{Batch, Source};
use crate::books;
use crate::config::IngestConfig;
use crate::error::Error;
use crate::fetch::{self, Fetched, doubt};
use crate::find::Found;
use crate::lake::files::LakeTable;
use crate::lake::{Appender, Lake, ObjectId, Pending};
use crate::pending::{self, Part};
use crate::report::Report;
use crate::settled::Settled;
use crate::time::{day_of, now};
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Instant;
use tokio::sync::Mutex;

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

/// What all workers share.
struct Shared {
    lake: Lake,
    config: IngestConfig,
    /// What the lake held when the run began.
    known: HashSet<ObjectId>,
    events: Mutex<Appender>,
    aggregated: Mutex<Option<Appender>>,
    quarantine: Mutex<Option<Appender>>,
    settled: Settled,
    /// A worker could not write the lake: the others need not try.
    is_over: AtomicBool,
    progress: Arc<dyn Progress>,
}

/// Reads what was found into the lake. When the lake cannot be written, the report says so and names each object that
/// is not in it; what was committed stays, and a later run goes on from there.
///
/// # Errors
/// The lake cannot be read.
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
    let objects = Arc::from(objects);
    let (digests, list_requests, problems) = (found.digests, found.list_requests, found.problems);
    let mut report = Report { objects_skipped, digests, list_requests, problems, ..Report::default() };
    let settled = Settled::none_of(&objects);
    progress.found(objects.len() as u64, objects.iter().map(|object| object.size).sum());
    let shared = Arc::new(Shared {
        lake: lake.clone(),
        config: config.clone(),
        known,
        events: Mutex::new(events),
        aggregated: Mutex::new(None),
        quarantine: Mutex::new(None),
        settled,
        is_over: AtomicBool::new(false),
        progress,
    });
    let queue = ahead::start(shared.settled.objects(), config);
    let workers = (0..config.workers.max(1)).map(|_| {
        let (shared, queue) = (Arc::clone(&shared), queue.clone());
        tokio::task::spawn_blocking(move || work(&shared, &queue))
    });
    let workers = workers.collect::<Vec<_>>();
    // Whoever fetches ahead learns from it that nobody takes any more.
    drop(queue);
    for worker in workers {
        report += worker.await.map_err(|panic| Error::Worker(panic.to_string()))?;
    }
    if shared.is_over.load(Relaxed) {
        name_missing(&shared.settled, &mut report);
    } else if let Err(error) = lake.sync_logfiles().await {
        report.problems.push(format!("{error}\nlogfiles stays behind events until the next run"));
    }
    Ok(report)
}

/// A line for each object that was not committed, as far as we know: the answer to the last commit may be lost.
fn name_missing(settled: &Settled, report: &mut Report) {
    for object in settled.rest() {
        report.objects_failed += 1;
        report.problems.push(format!("not known to be in the lake: {}", object.place));
    }
}

/// One worker: object after object into a batch, batch after batch into the lake.
struct Worker<'a> {
    shared: &'a Shared,
    batch: Batch,
    /// The objects of the batch.
    held: HashSet<ObjectId>,
    /// Their numbers.
    numbers: Vec<usize>,
    /// When the batch got its first object.
    began: Instant,
    report: Report,
}

fn work(shared: &Shared, queue: &Queue) -> Report {
    let (batch, held, report) = (Batch::new(), HashSet::new(), Report::default());
    let mut worker = Worker { shared, batch, held, numbers: Vec::new(), began: Instant::now(), report };
    if let Err(error) = worker.work(queue) {
        shared.is_over.store(true, Relaxed);
        worker.report.problems.insert(0, error.to_string());
    }
    worker.report
}

impl Worker<'_> {
    fn work(&mut self, queue: &Queue) -> Result<(), Error> {
        while let Some(parcel) = queue.next()? {
            for (number, next) in parcel {
                if self.shared.is_over.load(Relaxed) {
                    return Ok(());
                }
                match next {
                    Ok(queued) => self.take(number, &queued),
                    Err(error) => self.give_up(number, &error),
                }
                if self.is_full() {
                    self.close()?;
                }
            }
        }
        self.close()
    }

    fn is_full(&self) -> bool {
        let config = &self.shared.config;
        self.batch.bytes() >= config.batch_bytes || self.began.elapsed() >= config.batch_age
    }

    /// Reads an object into the batch, unless the lake or the batch has it.
    fn take(&mut self, number: usize, queued: &Queued) {
        let object = &queued.object;
        let bytes = object.body.len() as u64;
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
            self.began = Instant::now();
        }
        let records = match self.read_surely(number, queued) {
            Ok(()) => self.batch.objects.last().map_or(0, |object| object.records_read),
            Err(error) => {
                self.held.remove(&object.identity);
                self.batch.remove_object(object.identity);
                self.give_up(number, &error);
                0
            }
        };
        self.shared.progress.done(records, bytes);
    }

    /// Reads an object, and fetches it again as long as its bytes may have been changed on the way.
    fn read_surely(&mut self, number: usize, queued: &Queued) -> Result<(), Error> {
        let limits = &self.shared.config.limits;
        let listed = &self.shared.settled.objects()[number];
        let mut again: Option<Fetched> = None;
        for _ in 0..=doubt::SECOND_LOOKS {
            let object = again.as_ref().unwrap_or(&queued.object);
            let source = source_of(object);
            self.batch.read(&source, &object.body, limits);
            let read = self.batch.objects.last();
            if !read.is_some_and(|read| doubt::is_doubtful(listed, object, read)) {
                return Ok(());
            }
            tracing::warn!(object = %listed.place, "its bytes may have been damaged on the way, fetching it again");
            let next = tokio::runtime::Handle::current().block_on(fetch::get(listed, limits))?;
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

    fn give_up(&mut self, number: usize, error: &Error) {
        self.shared.settled.mark(number);
        self.report.objects_failed += 1;
        self.report.problems.push(error.to_string());
    }

    /// Commits the batch and empties it.
    fn close(&mut self) -> Result<(), Error> {
        if !self.batch.is_empty() {
            self.batch.mark_duplicates();
            let commit = commit(self.shared, &mut self.batch);
            self.report += tokio::runtime::Handle::current().block_on(commit)?;
            self.batch.clear();
            self.held.clear();
        }
        for number in self.numbers.drain(..) {
            self.shared.settled.mark(number);
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
async fn commit(shared: &Shared, batch: &mut Batch) -> Result<Report, Error> {
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
        let mut part = Part::new(batch, table, now);
        appender.append(&mut part).await?;
        bytes_out += part.bytes_out();
    }
    bytes_out += commit_events(shared, batch, now).await?;
    let skipped = before - batch.objects.len() as u64;
    let mut report = books::report(batch);
    report += Report { bytes_out, objects_skipped: skipped, ..Report::default() };
    Ok(report)
}

/// Builds the files before it asks for the ledger, so that workers wait for each other only to commit.
async fn commit_events(shared: &Shared, batch: &mut Batch, now: i64) -> Result<u64, Error> {
    let files = shared.events.lock().await.files().to_vec();
    let mut part = Part::new(batch, LakeTable::Events, now);
    part.drop_duplicates(&shared.lake, &files).await?;
    part.write(&shared.lake).await?;
    let mut events = shared.events.lock().await;
    if shared.is_over.load(Relaxed) {
        return Err(Error::Worker("another could not write the lake".to_owned()));
    }
    let appended = events.append(&mut part).await;
    // Said before the next one gets the ledger, so that a dead store is waited for once.
    shared.is_over.fetch_or(appended.is_err(), Relaxed);
    appended?;
    Ok(part.bytes_out())
}

#[cfg(test)]
mod matrix;
