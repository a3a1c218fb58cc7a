//! The environment → an open lake. The variables are those of `trailhound ingest`.

use std::path::Path;
use std::str::FromStr;
use std::time::Duration;
use trailhound_ingest::Error;
use trailhound_ingest::config::{IngestConfig, Policy};
use trailhound_ingest::metrics;
use trailhound_ingest::patience::Patience;
use trailhound_ingest::privacy::Privacy;
use trailhound_ingest::session::Session;

/// MB that the process takes whatever it reads.
const BASE_MB: usize = 80;

/// MB of a function that does not say how many it has.
const LEAST_MB: usize = 128;

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
    let file = File::read(text("TRAILHOUND_CONFIG"))?;
    let memory = text("AWS_LAMBDA_FUNCTION_MEMORY_SIZE").and_then(|text| text.parse::<usize>().ok());
    let most_in_memory = (memory.unwrap_or(LEAST_MB) << 20).saturating_sub(BASE_MB << 20) / TIMES;
    let mut config = IngestConfig {
        workers: 1,
        batch_bytes: most_in_memory.min(64 << 20),
        fetch_ahead: most_in_memory.clamp(1 << 20, 32 << 20) / 4,
        sync_every: SYNC_EVERY,
        most_in_memory,
        policy: Policy { filters: file.values("filter")?, redaction: file.privacy.redaction()? },
        ..IngestConfig::new(vec![], lake)
    };
    let limits = &mut config.limits;
    let settings = [
        ("batch_bytes", &mut config.batch_bytes),
        ("max_inflated", &mut limits.max_inflated),
        ("max_ratio", &mut limits.max_ratio),
        ("max_record_bytes", &mut limits.max_record_bytes),
        ("max_depth", &mut limits.max_depth),
        ("max_records", &mut limits.max_records),
    ];
    for (key, setting) in settings {
        if let Some(value) = file.values(key)?.pop() {
            *setting = value;
        }
    }
    Ok(config)
}

/// What `trailhound.toml` says to an ingest, where there is such a file.
#[derive(Default)]
struct File {
    path: String,
    ingest: toml::Table,
    privacy: Privacy,
}

impl File {
    fn read(path: Option<String>) -> Result<Self, Error> {
        let Some(path) = path else { return Ok(Self::default()) };
        let text = std::fs::read_to_string(&path);
        let text = text.map_err(|source| Error::Io { doing: "read", name: path.clone(), source })?;
        let bad = |why: String| Error::Settings(format!("{path}: {why}"));
        let privacy = Privacy::read(&text, Path::new(&path)).map_err(|error| bad(error.to_string()))?;
        let mut table = text.parse::<toml::Table>().map_err(|error| bad(error.message().to_owned()))?;
        let ingest = match table.remove("ingest") {
            Some(toml::Value::Table(ingest)) => ingest,
            Some(_) => return Err(bad("ingest is no table".to_owned())),
            None => toml::Table::new(),
        };
        Ok(Self { path, ingest, privacy })
    }

    /// The values of a setting: what its variable says, else what the file does.
    fn values<T: FromStr<Err: std::fmt::Display>>(&self, key: &str) -> Result<Vec<T>, Error> {
        let variable = format!("TRAILHOUND_INGEST_{}", key.to_uppercase());
        let (place, texts) = match (text(&variable), self.ingest.get(key)) {
            (Some(text), _) => (variable, vec![text]),
            (None, Some(toml::Value::Array(several))) => {
                (format!("{}: ingest.{key}", self.path), several.iter().map(plain).collect())
            }
            (None, Some(one)) => (format!("{}: ingest.{key}", self.path), vec![plain(one)]),
            (None, None) => return Ok(vec![]),
        };
        let parsed = texts.iter().map(|text| text.parse::<T>()).collect::<Result<Vec<_>, _>>();
        parsed.map_err(|error| Error::Settings(format!("{place}: {error}")))
    }
}

fn plain(value: &toml::Value) -> String {
    match value {
        toml::Value::String(text) => text.clone(),
        toml::Value::Integer(number) => number.to_string(),
        other => format!("{other:?}"),
    }
}

fn text(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// `15s`, `3m`.
fn seconds(name: &str) -> Result<Option<Duration>, Error> {
    let Some(text) = text(name) else { return Ok(None) };
    let number = |unit: char| text.strip_suffix(unit)?.parse::<u64>().ok();
    let seconds = number('s').or_else(|| number('m')?.checked_mul(60));
    let why = || Error::Settings(format!("{name}: {text:?} is no time such as 15s or 3m"));
    seconds.filter(|seconds| *seconds > 0).map(Duration::from_secs).ok_or_else(why).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use trailhound_ingest::filter::Filter;

    #[test]
    fn the_file_says_what_no_variable_does() {
        let ingest = r#"filter = ["readOnly = false", "awsRegion = 'eu-west-1'"]
            max_ratio = 7
            max_depth = "deep""#;
        let file = File { path: "f".into(), ingest: ingest.parse().unwrap(), privacy: Privacy::default() };
        assert_eq!(file.values::<Filter>("filter").unwrap().len(), 2);
        assert_eq!(file.values::<usize>("max_ratio").unwrap(), [7]);
        assert!(file.values::<usize>("batch_bytes").unwrap().is_empty());
        let error = file.values::<usize>("max_depth").unwrap_err().to_string();
        assert!(error.starts_with("f: ingest.max_depth: "), "{error}");
    }
}
