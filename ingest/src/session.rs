//! A lake that stays open: batches of announced objects, one run after the other.
//!
//! In: what notices announce. Out: a report for each batch, which names the objects that are not in the lake. Who is
//! called again and again (a function, a worker of a queue) reads the ledger once and follows it from then on.

use crate::config::IngestConfig;
use crate::error::Error;
use crate::fetch;
use crate::find::{Found, LogObject, Place, is_log, key};
use crate::lake::Lake;
use crate::notice::{Announced, Message, Version};
use crate::report::Report;
use crate::run::{self, Progress, Writers};
use futures::{StreamExt, stream};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

/// HEAD requests at the same time, for objects of which a notice does not tell the version.
const HEADS: usize = 16;

/// An open lake.
pub struct Session {
    config: IngestConfig,
    writers: Arc<Writers>,
}

impl Session {
    /// Opens the lake that `config` names, or makes it; its sources do not matter.
    ///
    /// # Errors
    /// The lake cannot be read or made.
    pub async fn open(config: IngestConfig) -> Result<Self, Error> {
        let lake = Lake::create_or_open(&config.lake).await?;
        Ok(Self { config, writers: Arc::new(Writers::open(&lake).await?) })
    }

    /// Reads announced objects into the lake, beginning with none after `until`.
    ///
    /// What is no log file (a digest, a folder, a file of somebody else) is counted and left alone. [`Report::open`] has
    /// the objects that are not in the lake when it ends.
    ///
    /// # Errors
    /// The lake cannot be read, and nothing was done.
    pub async fn ingest(
        &self,
        announced: Vec<Announced>,
        until: Option<Instant>,
        progress: Arc<dyn Progress>,
    ) -> Result<Report, Error> {
        let started = Instant::now();
        let mut found = Found::default();
        let mut unknown = Vec::new();
        let mut versions = stream::iter(announced).map(version_of).buffer_unordered(HEADS);
        while let Some((object, version)) = versions.next().await {
            let Announced { bucket, key, .. } = object;
            match version {
                Ok(Version { etag, size }) => {
                    let place = Place::S3 { bucket, key: key.clone(), etag };
                    found.announce(LogObject { place, size, time: None }, &key);
                }
                Err(error) => unknown.push((Place::S3 { bucket, key, etag: String::new() }, error)),
            }
        }
        drop(versions);
        found.sort();
        let config = IngestConfig { until, ..self.config.clone() };
        let passed_over = found.passed_over;
        let mut report = run::run(Arc::clone(&self.writers), &config, found, progress).await?;
        report.passed_over = passed_over;
        for (place, error) in unknown {
            report.objects_failed += 1;
            report.problems.push(error.to_string());
            report.open.push(place);
        }
        report.seconds = started.elapsed().as_secs_f64();
        Ok(report)
    }
}

/// What became of messages.
#[derive(Clone, Debug, Default)]
pub struct Delivered {
    /// What was read, and what could not be.
    pub report: Report,
    /// The messages, by their place, that have to come again: one of their objects is not in the lake, or nobody knows
    /// what they say.
    pub again: Vec<usize>,
    /// When the oldest log file that they name was delivered, in µs since 1970, where its key tells.
    pub oldest: Option<i64>,
    /// What was no news of an object.
    pub ignored: u64,
}

impl Session {
    /// Reads what `messages` announce into the lake, beginning with no object after `until`.
    ///
    /// # Errors
    /// As [`Session::ingest`]; all messages have to come again.
    pub async fn deliver(&self, messages: &[Message], until: Option<Instant>) -> Result<Delivered, Error> {
        let known = messages.iter().filter_map(|message| message.notice.as_ref().ok());
        let announced = known.clone().flat_map(|notice| &notice.objects).cloned().collect::<Vec<_>>();
        let ignored = known.map(|notice| notice.ignored).sum();
        let times = announced.iter().map(|object| &object.key).filter(|key| is_log(key));
        let oldest = times.filter_map(|key| key::parse(key).time).min();
        let mut report = self.ingest(announced, until, Arc::new(())).await?;
        let open = report.open.iter().filter_map(|place| match place {
            Place::S3 { bucket, key, .. } => Some((bucket.as_str(), key.as_str())),
            Place::Disk(_) => None,
        });
        let open = open.collect::<HashSet<_>>();
        let (mut again, mut problems) = (Vec::new(), Vec::new());
        for (at, message) in messages.iter().enumerate() {
            let is_open = |object: &Announced| open.contains(&(object.bucket.as_str(), object.key.as_str()));
            match &message.notice {
                Ok(notice) if !notice.objects.iter().any(is_open) => {}
                Ok(_) => again.push(at),
                Err(error) => {
                    let id = message.id.as_deref().unwrap_or("the event");
                    problems.push(format!("message {id} {error}"));
                    again.push(at);
                }
            }
        }
        drop(open);
        report.problems.extend(problems);
        Ok(Delivered { report, again, oldest, ignored })
    }
}

/// The version of an object: as it was announced, or as it is now. One that will not be read needs none.
async fn version_of(object: Announced) -> (Announced, Result<Version, Error>) {
    let version = match &object.version {
        Some(version) => Ok(version.clone()),
        None if !is_log(&object.key) => Ok(Version { etag: String::new(), size: 0 }),
        None => fetch::head(&object.bucket, &object.key).await,
    };
    (object, version)
}
