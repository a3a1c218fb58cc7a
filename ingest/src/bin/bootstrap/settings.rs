//! The environment → an open lake. The variables are those of `trailhound ingest`.

use std::path::Path;
use std::str::FromStr;
use std::time::Duration;
use trailhound_ingest::config::{IngestConfig, Policy};
use trailhound_ingest::metrics;
use trailhound_ingest::patience::Patience;
use trailhound_ingest::privacy::Privacy;
use trailhound_ingest::session::Session;
use trailhound_ingest::{Error, filter::Filter};

/// MB that the process takes whatever it reads.
const BASE_MB: usize = 80;

/// Times its inflated size that an object takes while it is read and written.
const TIMES: usize = 3;

/// Versions of `events` after which `logfiles` is brought up to it.
const SYNC_EVERY: u64 = 10;

/// Opens the lake that the environment names.
///
/// # Errors
/// A variable is missing or means nothing; or the lake cannot be opened.
pub(crate) async fn open() -> Result<Session, Error> {
    let silence = seconds("TRAILHOUND_S3_TIMEOUT")?.unwrap_or(Duration::from_secs(5));
    let give_up = seconds("TRAILHOUND_S3_GIVE_UP")?.unwrap_or(Duration::from_secs(20));
    Patience { silence, give_up }.set();
    Session::open(config()?).await
}

/// Where metrics go.
pub(crate) fn namespace() -> String {
    text("TRAILHOUND_METRICS_NAMESPACE").unwrap_or_else(|| metrics::NAMESPACE.to_owned())
}

fn config() -> Result<IngestConfig, Error> {
    let lake = text("TRAILHOUND_LAKE").ok_or_else(|| {
        Error::Settings("TRAILHOUND_LAKE is not set\nhint: give the function s3://bucket/prefix".into())
    })?;
    let memory = value::<usize>("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")?.unwrap_or(512) << 20;
    let most_in_memory = memory.saturating_sub(BASE_MB << 20) / TIMES;
    let mut config = IngestConfig {
        workers: 1,
        batch_bytes: most_in_memory.min(64 << 20),
        fetch_ahead: most_in_memory.clamp(1 << 20, 32 << 20) / 4,
        sync_every: SYNC_EVERY,
        most_in_memory,
        policy: policy()?,
        ..IngestConfig::new(vec![], lake)
    };
    set(&mut config.batch_bytes, "TRAILHOUND_INGEST_BATCH_BYTES")?;
    set(&mut config.limits.max_inflated, "TRAILHOUND_INGEST_MAX_INFLATED")?;
    set(&mut config.limits.max_ratio, "TRAILHOUND_INGEST_MAX_RATIO")?;
    set(&mut config.limits.max_record_bytes, "TRAILHOUND_INGEST_MAX_RECORD_BYTES")?;
    set(&mut config.limits.max_depth, "TRAILHOUND_INGEST_MAX_DEPTH")?;
    set(&mut config.limits.max_records, "TRAILHOUND_INGEST_MAX_RECORDS")?;
    Ok(config)
}

/// What is kept of the records, and what is shown of them.
fn policy() -> Result<Policy, Error> {
    let filters = value::<Filter>("TRAILHOUND_INGEST_FILTER")?.into_iter().collect();
    let Some(file) = text("TRAILHOUND_CONFIG") else { return Ok(Policy { filters, redaction: None }) };
    let read = std::fs::read_to_string(&file);
    let read = read.map_err(|source| Error::Io { doing: "read", name: file.clone(), source })?;
    let privacy = Privacy::read(&read, Path::new(&file));
    let privacy = privacy.map_err(|error| Error::Settings(format!("{file}: {error}")))?;
    Ok(Policy { filters, redaction: privacy.redaction()? })
}

fn text(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn value<T: FromStr<Err: std::fmt::Display>>(name: &str) -> Result<Option<T>, Error> {
    let parsed = text(name).map(|text| text.parse::<T>()).transpose();
    parsed.map_err(|error| Error::Settings(format!("{name}: {error}")))
}

fn set(setting: &mut usize, name: &str) -> Result<(), Error> {
    if let Some(value) = value(name)? {
        *setting = value;
    }
    Ok(())
}

/// `15s`, `3m`.
fn seconds(name: &str) -> Result<Option<Duration>, Error> {
    let Some(text) = text(name) else { return Ok(None) };
    let number = |unit: char| text.strip_suffix(unit)?.parse::<u64>().ok();
    let seconds = number('s').or_else(|| number('m')?.checked_mul(60));
    let why = || Error::Settings(format!("{name}: {text:?} is no time such as 15s or 3m"));
    seconds.filter(|seconds| *seconds > 0).map(Duration::from_secs).ok_or_else(why).map(Some)
}
