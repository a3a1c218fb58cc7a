//! Every setting of an ingest run, with its default.

use crate::find::Days;
use std::time::{Duration, Instant};

pub use crate::limits::Limits;
pub use crate::policy::Policy;

/// What a run does.
#[derive(Clone, Debug)]
pub struct IngestConfig {
    /// Files, folders, `s3://bucket/prefix`.
    pub sources: Vec<String>,
    /// The lake: a folder or `s3://bucket/prefix`.
    pub lake: String,
    /// Days of delivery to read.
    pub days: Days,
    /// Batches that are worked on at the same time.
    pub workers: usize,
    /// A batch is closed when it holds this many inflated bytes.
    pub batch_bytes: usize,
    /// A batch is closed when it is this old, so that a slow source is committed as it comes.
    pub batch_age: Duration,
    /// Bytes, as stored, that may be fetched ahead of the workers.
    pub fetch_ahead: usize,
    /// Objects that may be fetched at the same time.
    pub fetches: usize,
    /// `logfiles` is brought up to `events` after a run that left `events` at a multiple of this version. In between it
    /// stays behind, which costs whoever opens the ledger next a look at so many commits.
    pub sync_every: u64,
    /// When to begin with no further object: what was begun is committed, the others are [`Report::open`].
    ///
    /// [`Report::open`]: crate::Report::open
    pub until: Option<Instant>,
    /// Limits on one object.
    pub limits: Limits,
    /// Bytes that an object may unwrap to before it is left for somebody with more memory; it is not quarantined, so
    /// that it can be read later.
    pub most_in_memory: usize,
    /// What is kept of the records.
    pub policy: Policy,
}

impl IngestConfig {
    /// The defaults for `sources` and `lake`: two workers with batches of 64 MiB keep a run below 512 MiB.
    #[must_use]
    pub fn new(sources: Vec<String>, lake: String) -> Self {
        Self {
            sources,
            lake,
            days: Days::default(),
            workers: std::thread::available_parallelism().map_or(1, std::num::NonZero::get).min(2),
            batch_bytes: 64 << 20,
            batch_age: Duration::from_secs(5),
            fetch_ahead: 32 << 20,
            fetches: 64,
            sync_every: 1,
            until: None,
            limits: Limits::default(),
            most_in_memory: usize::MAX,
            policy: Policy::default(),
        }
    }
}
