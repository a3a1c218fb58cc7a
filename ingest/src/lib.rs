#![doc = include_str!("../README.md")]

pub mod config;
pub mod limits;
pub mod patience;
mod unanswered;
pub mod find;
pub mod fetch;
pub mod gunzip;
pub mod unwrap;
pub mod parse;
pub mod record;
pub mod time;
pub mod nearest;
pub mod filter;
pub mod redact;
pub mod policy;
pub mod privacy;
pub mod batch;
pub mod schema;
pub mod searched;
pub mod transpose;
pub mod rebuild;
pub mod reject;
pub mod dedup;
pub mod write;
mod books;
mod pending;
pub mod lake;
mod ahead;
mod settled;
mod run;
pub mod raw;
pub mod notice;
pub mod session;
pub mod queue;
pub mod metrics;
pub mod compact;
pub mod info;
pub mod digest;
pub mod coverage;
pub mod report;
pub mod error;

pub use compact::{CompactConfig, Compacted, compact};
pub use config::IngestConfig;
pub use error::Error;
pub use report::Report;
pub use run::Progress;

use std::sync::Arc;
use std::time::Instant;

/// Reads the log objects of the sources into the lake: find → fetch → gunzip → unwrap → parse → transpose → write.
///
/// A source or object that cannot be read is a line in [`Report::problems`], and the others are read all the same. So
/// is each object that was not committed because the lake could not be written; what was committed stays, and a later
/// run goes on from it.
///
/// # Errors
/// No source can be read, or the lake cannot be opened: nothing was done.
pub async fn ingest(config: &IngestConfig, progress: Arc<dyn Progress>) -> Result<Report, Error> {
    let started = Instant::now();
    let found = find::find(&config.sources, config.days).await?;
    let lake = lake::Lake::create_or_open(&config.lake).await?;
    let writers = Arc::new(run::Writers::open(&lake).await?);
    let mut report = run::run(writers, config, found, progress).await?;
    report.filters = config.policy.filters.iter().map(ToString::to_string).collect();
    report.seconds = started.elapsed().as_secs_f64();
    Ok(report)
}
