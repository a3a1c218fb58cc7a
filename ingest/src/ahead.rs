//! Objects → their bytes in memory, for the workers.
//!
//! In: the objects of a run. Out: one object after the other, each with its share of the memory for what is in flight.
//! What must hold: what is in flight or waiting is bounded by bytes, and for objects in S3 by number too.
//!
//! A worker reads files by itself: their bytes are then in the cache of the core that inflates them, and no thread has
//! to be woken. Two workers are 1.88 times as fast as one that way, 1.65 with a thread that reads ahead; with a cold
//! page cache on a local disk it takes 7 % longer. Objects in S3 are fetched by tasks, many at a time, ahead of the
//! workers; they begin when no file is left, so that files and objects never wait for each other's memory.

use crate::config::{IngestConfig, Limits};
use crate::error::Error;
use crate::fetch::{self, Fetched};
use crate::find::{LogObject, Place};
use futures::StreamExt;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use tokio::runtime::Handle;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc};

/// An object in memory, with its share of the memory for what is in flight.
pub(crate) struct Queued {
    pub(crate) object: Fetched,
    pub(crate) share: OwnedSemaphorePermit,
}

/// An object, by its place in the list of all, or why it is not there.
pub(crate) type Parcel = (usize, Result<Queued, Error>);

/// What the workers take objects from.
#[derive(Clone)]
pub(crate) struct Queue {
    files: Arc<Files>,
    fetched: Arc<Mutex<mpsc::Receiver<Parcel>>>,
}

impl Queue {
    /// The next object; `None` when all were handed over. Blocks the thread.
    pub(crate) fn next(&self) -> Result<Option<Parcel>, Error> {
        if let Some(file) = self.files.next() {
            return Ok(Some(file));
        }
        let mut receiver =
            self.fetched.lock().map_err(|_| Error::Worker("another worker panicked".into()))?;
        Ok(receiver.blocking_recv())
    }
}

/// Starts to hand over `objects`; at most `fetches` objects in S3 and `fetch_ahead` bytes are in flight or waiting.
pub(crate) fn start(objects: &Arc<[LogObject]>, config: &IngestConfig) -> Queue {
    let (sender, receiver) = mpsc::channel(config.fetches);
    let is_file = |number: &usize| matches!(objects[*number].place, Place::Disk(_));
    let (files, remote): (Vec<_>, Vec<_>) = (0..objects.len()).partition(is_file);
    let room =
        Room { free: Arc::new(Semaphore::new(config.fetch_ahead / KIB + 1)), most: config.fetch_ahead };
    let limits = &config.limits;
    let no_file_left = Arc::new(Notify::new());
    let ahead = Ahead { objects: Arc::clone(objects), room: room.clone(), limits: limits.clone(), sender };
    tokio::spawn(ahead.get(remote, config.fetches, Arc::clone(&no_file_left)));
    let files = Files {
        objects: Arc::clone(objects),
        numbers: files,
        next: AtomicUsize::new(0),
        room,
        limits: limits.clone(),
        none_left: no_file_left,
    };
    Queue { files: Arc::new(files), fetched: Arc::new(Mutex::new(receiver)) }
}

/// Files, read by whoever takes them.
struct Files {
    objects: Arc<[LogObject]>,
    numbers: Vec<usize>,
    /// How many were taken.
    next: AtomicUsize,
    room: Room,
    limits: Limits,
    none_left: Arc<Notify>,
}

impl Files {
    fn next(&self) -> Option<Parcel> {
        let taken = self.next.fetch_add(1, Relaxed);
        let Some(&number) = self.numbers.get(taken) else {
            self.none_left.notify_one();
            return None;
        };
        Some((number, self.read(&self.objects[number])))
    }

    fn read(&self, file: &LogObject) -> Result<Queued, Error> {
        let share = match self.room.take_now(file.size) {
            Some(share) => share,
            None => Handle::current().block_on(self.room.take(file.size))?,
        };
        Ok(Queued { object: fetch::read(file, &self.limits)?, share })
    }
}

/// Objects in S3, fetched before they are taken.
struct Ahead {
    objects: Arc<[LogObject]>,
    room: Room,
    limits: Limits,
    sender: mpsc::Sender<Parcel>,
}

impl Ahead {
    async fn get(self, numbers: Vec<usize>, fetches: usize, no_file_left: Arc<Notify>) {
        if numbers.is_empty() {
            return;
        }
        no_file_left.notified().await;
        let ahead = &self;
        let fetched = futures::stream::iter(numbers)
            .map(|number| async move { (number, ahead.get_one(&ahead.objects[number]).await) });
        let mut fetched = fetched.buffered(fetches);
        while let Some(queued) = fetched.next().await {
            // Nobody receives any more when all workers have failed.
            if self.sender.send(queued).await.is_err() {
                return;
            }
        }
    }

    async fn get_one(&self, object: &LogObject) -> Result<Queued, Error> {
        let share = self.room.take(object.size).await?;
        Ok(Queued { object: fetch::get(object, &self.limits).await?, share })
    }
}

const KIB: usize = 1024;

/// The memory for what is in flight, in KiB.
#[derive(Clone)]
struct Room {
    free: Arc<Semaphore>,
    most: usize,
}

impl Room {
    /// An object larger than all the room takes all of it.
    fn share(&self, size: u64) -> u32 {
        let size = usize::try_from(size).unwrap_or(usize::MAX).min(self.most);
        u32::try_from(size / KIB + 1).unwrap_or(u32::MAX)
    }

    async fn take(&self, size: u64) -> Result<OwnedSemaphorePermit, Error> {
        let share = Arc::clone(&self.free).acquire_many_owned(self.share(size)).await;
        share.map_err(|closed| Error::Worker(closed.to_string()))
    }

    fn take_now(&self, size: u64) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.free).try_acquire_many_owned(self.share(size)).ok()
    }
}
