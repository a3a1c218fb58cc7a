//! Objects → their bytes in memory, ahead of the workers.
//!
//! Objects in S3 are fetched by tasks, many at a time. Files are read by one thread, which hands over several at
//! once: waking a worker for each small file costs as much as reading it. What is in flight or waiting is bounded by
//! bytes, and for objects in S3 by number too.

use crate::config::{IngestConfig, Limits};
use crate::error::Error;
use crate::fetch::{self, Fetched};
use crate::find::{LogObject, Place};
use futures::StreamExt;
use std::sync::{Arc, Mutex};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

/// An object in memory, with its share of the memory for what is fetched ahead.
pub(crate) struct Queued {
    pub(crate) object: Fetched,
    pub(crate) share: OwnedSemaphorePermit,
}

/// Objects that are handed over together, by their place in the list of all, or why one of them is not there.
pub(crate) type Parcel = Vec<(usize, Result<Queued, Error>)>;

/// What the workers take parcels from.
#[derive(Clone)]
pub(crate) struct Queue(Arc<Mutex<mpsc::Receiver<Parcel>>>);

impl Queue {
    /// The next parcel; `None` when all objects were handed over. Blocks the thread.
    pub(crate) fn next(&self) -> Result<Option<Parcel>, Error> {
        let mut receiver = self.0.lock().map_err(|_| Error::Worker("another worker panicked".into()))?;
        Ok(receiver.blocking_recv())
    }
}

/// Files of a parcel, at most; and its bytes, about.
const PARCEL_FILES: usize = 32;
const PARCEL_BYTES: usize = 256 << 10;

/// Starts to fetch `objects`; at most `fetches` parcels and `fetch_ahead` bytes are in flight or waiting.
pub(crate) fn start(objects: &Arc<[LogObject]>, config: &IngestConfig) -> Queue {
    let (sender, receiver) = mpsc::channel(config.fetches);
    let is_file = |number: &usize| matches!(objects[*number].place, Place::Disk(_));
    let (files, remote): (Vec<_>, Vec<_>) = (0..objects.len()).partition(is_file);
    let ahead = Ahead {
        objects: Arc::clone(objects),
        room: Room { free: Arc::new(Semaphore::new(config.fetch_ahead / KIB + 1)), most: config.fetch_ahead },
        limits: config.limits.clone(),
        sender,
    };
    if !files.is_empty() {
        let (ahead, handle) = (ahead.clone(), Handle::current());
        tokio::task::spawn_blocking(move || ahead.read(&files, &handle));
    }
    tokio::spawn(ahead.get(remote, config.fetches));
    Queue(Arc::new(Mutex::new(receiver)))
}

#[derive(Clone)]
struct Ahead {
    objects: Arc<[LogObject]>,
    room: Room,
    limits: Limits,
    sender: mpsc::Sender<Parcel>,
}

impl Ahead {
    async fn get(self, numbers: Vec<usize>, fetches: usize) {
        let ahead = &self;
        let fetched = futures::stream::iter(numbers)
            .map(|number| async move { (number, ahead.get_one(&ahead.objects[number]).await) });
        let mut fetched = fetched.buffered(fetches);
        while let Some(queued) = fetched.next().await {
            // Nobody receives any more when all workers have failed.
            if self.sender.send(vec![queued]).await.is_err() {
                return;
            }
        }
    }

    async fn get_one(&self, object: &LogObject) -> Result<Queued, Error> {
        let share = self.room.take(object.size).await?;
        Ok(Queued { object: fetch::get(object, &self.limits).await?, share })
    }

    fn read(self, numbers: &[usize], handle: &Handle) {
        let (mut parcel, mut bytes) = (Parcel::new(), 0);
        for &number in numbers {
            let file = &self.objects[number];
            let share = match self.room.take_now(file.size) {
                Some(share) => Ok(share),
                // What is waiting must be handed over before there can be room.
                None if self.sender.blocking_send(std::mem::take(&mut parcel)).is_err() => return,
                None => handle.block_on(self.room.take(file.size)),
            };
            bytes += usize::try_from(file.size).unwrap_or(usize::MAX);
            let queued =
                share.and_then(|share| Ok(Queued { object: fetch::read(file, &self.limits)?, share }));
            parcel.push((number, queued));
            if parcel.len() >= PARCEL_FILES || bytes >= PARCEL_BYTES {
                bytes = 0;
                if self.sender.blocking_send(std::mem::take(&mut parcel)).is_err() {
                    return;
                }
            }
        }
        // The last send fails only when nobody is left to miss it.
        let _ = self.sender.blocking_send(parcel);
    }
}

const KIB: usize = 1024;

/// The memory for what is fetched ahead, in KiB.
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
