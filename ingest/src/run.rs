//! The pipeline: objects are fetched ahead, workers turn them into batches, batches become commits.
//!
//! A worker owns its batch, from the first inflated byte to the Parquet file. Workers share the queue of objects
//! and, one at a time, the ledger. Memory is bounded by the bytes fetched ahead and the size of a batch, times the
//! workers.

use crate::ahead;
use crate::batch::Batch;
use crate::books;
use crate::config::IngestConfig;
use crate::error::Error;
use crate::fetch;
use crate::find::{Found, Place};
use crate::lake::files::LakeTable;
use crate::lake::{Appender, Lake, ObjectId, Pending};
use crate::pending::{self, Part};
use crate::report::Report;
use crate::settled::Settled;
use crate::time::now;
use crate::write::Writer;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use tokio::sync::{Mutex, Semaphore};

mod worker;

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

/// The writers of a lake. They know its ledgers, so whoever runs again and again keeps them.
pub(crate) struct Writers {
    lake: Lake,
    events: Mutex<Appender>,
    aggregated: Mutex<Option<Appender>>,
    quarantine: Mutex<Option<Appender>>,
}

impl Writers {
    /// # Errors
    /// The lake cannot be read.
    pub(crate) async fn open(lake: &Lake) -> Result<Self, Error> {
        let events = Mutex::new(Appender::open(lake, LakeTable::Events, lake.settings()).await?);
        Ok(Self { lake: lake.clone(), events, aggregated: Mutex::new(None), quarantine: Mutex::new(None) })
    }

    /// The version of `events` that was seen or written last.
    pub(crate) async fn version(&self) -> u64 {
        self.events.lock().await.version()
    }
}

/// What all workers share.
struct Shared {
    writers: Arc<Writers>,
    config: IngestConfig,
    /// What the lake held when the run began; objects in S3 that it held are not among those of the run.
    known: HashSet<ObjectId>,
    settled: Settled,
    /// A worker could not write the lake: the others need not try.
    is_over: AtomicBool,
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

/// Reads what was found into the lake. When the lake cannot be written, or `until` has come, the report says so and names
/// each object that is not in it; what was committed stays, and a later run goes on from there.
///
/// # Errors
/// The lake cannot be read.
pub(crate) async fn run(
    writers: Arc<Writers>,
    config: &IngestConfig,
    found: Found,
    progress: Arc<dyn Progress>,
) -> Result<Report, Error> {
    let mut objects = found.objects;
    let all = objects.len();
    let known = {
        let mut events = writers.events.lock().await;
        events.look_up(&objects.iter().map(|object| fetch::known_day(&object.place)).collect()).await?;
        objects.retain(|object| !fetch::known_identity(&object.place).is_some_and(|id| events.knows(id)));
        // Which object a file is, nobody knows before it is read.
        let any_file = objects.iter().any(|object| matches!(object.place, Place::Disk(_)));
        if any_file { events.known() } else { HashSet::new() }
    };
    let objects_skipped = (all - objects.len()) as u64;
    let (digests, list_requests, problems) = (found.digests, found.list_requests, found.problems);
    let mut report = Report { objects_skipped, digests, list_requests, problems, ..Report::default() };
    let most = config.most_in_memory;
    for object in objects.extract_if(.., |object| object.size > most as u64) {
        report.objects_failed += 1;
        report.problems.push(worker::too_large(&object.place.to_string(), most).to_string());
        report.open.push(object.place);
    }
    let objects = Arc::from(objects);
    let settled = Settled::none_of(&objects);
    let stored = objects.iter().map(|object| object.size).sum();
    progress.found(objects.len() as u64, stored);
    let shared = Arc::new(Shared {
        writers,
        config: config.clone(),
        known,
        settled,
        is_over: AtomicBool::new(false),
        progress,
        large: Arc::new(Semaphore::new(1)),
        stored,
        left: AtomicU64::new(stored),
    });
    let queue = ahead::start(shared.settled.objects(), config);
    let workers = (0..config.workers.max(1)).map(|_| {
        let (shared, queue) = (Arc::clone(&shared), queue.clone());
        tokio::task::spawn_blocking(move || worker::work(&shared, &queue))
    });
    let workers = workers.collect::<Vec<_>>();
    // Whoever fetches ahead learns from it that nobody takes any more.
    drop(queue);
    for worker in workers {
        report += worker.await.map_err(|panic| Error::Worker(panic.to_string()))?;
    }
    if shared.is_over.load(Relaxed) {
        name_missing(&shared.settled, &mut report);
        return Ok(report);
    }
    name_left(&shared.settled, &mut report);
    let writers = &shared.writers;
    if writers.version().await.is_multiple_of(config.sync_every)
        && let Err(error) = writers.lake.sync_logfiles().await
    {
        report.problems.push(format!("{error}\nlogfiles stays behind events until the next run"));
    }
    Ok(report)
}

/// Objects that nobody has begun with when the time was up.
fn name_left(settled: &Settled, report: &mut Report) {
    for object in settled.rest() {
        report.objects_left += 1;
        report.open.push(object.place.clone());
    }
}

/// A line for each object that was not committed, as far as we know: the answer to the last commit may be lost.
fn name_missing(settled: &Settled, report: &mut Report) {
    for object in settled.rest() {
        report.objects_failed += 1;
        report.open.push(object.place.clone());
        report.problems.push(format!("not known to be in the lake: {}", object.place));
    }
}

/// `quarantine` and `aggregated` first: an object counts as read when `events` names it.
async fn commit(shared: &Shared, batch: &mut Batch, writer: &mut Writer) -> Result<Report, Error> {
    let now = now();
    let before = batch.objects.len() as u64;
    let mut bytes_out = 0;
    let lake = &shared.writers.lake;
    let side_tables = [
        (LakeTable::Quarantine, &shared.writers.quarantine),
        (LakeTable::Aggregated, &shared.writers.aggregated),
    ];
    for (table, appender) in side_tables {
        if !pending::has_rows(batch, table) {
            continue;
        }
        let mut appender = appender.lock().await;
        let appender = match &mut *appender {
            Some(appender) => appender,
            none => none.insert(Appender::open(lake, table, lake.settings()).await?),
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
    let files = shared.writers.events.lock().await.files().to_vec();
    let mut part = Part::new(batch, writer, LakeTable::Events, now);
    part.drop_duplicates(&shared.writers.lake, &files).await?;
    part.write(&shared.writers.lake).await?;
    let mut events = shared.writers.events.lock().await;
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
