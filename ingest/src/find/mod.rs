//! Sources as people name them → the log objects in them, in the order of their delivery.
//!
//! A source is a file, a folder or `s3://bucket/prefix`. Objects are sorted by the time in their key, so that a
//! backfill of months meets neighbouring events in neighbouring batches (which keeps the time ranges of the data
//! files narrow). Digests are counted where they are met, not returned.

pub mod folder;
pub mod key;
mod layout;
pub mod s3;
pub(crate) mod trouble;
mod whole;

use crate::error::Error;
use crate::lake::require_tls;
use key::TrailFolder;
use std::path::PathBuf;

/// Where an object is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Place {
    /// A file.
    Disk(PathBuf),
    /// An object in S3.
    S3 {
        /// Its bucket.
        bucket: String,
        /// Its key.
        key: String,
        /// Its `ETag`, without the quotes.
        etag: String,
    },
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Disk(path) => write!(f, "{}", path.display()),
            Self::S3 { bucket, key, .. } => write!(f, "s3://{bucket}/{key}"),
        }
    }
}

/// A log object, found but not read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogObject {
    /// Where it is.
    pub place: Place,
    /// Its size as stored, in bytes.
    pub size: u64,
    /// Its time of delivery in µs since 1970, where the key tells.
    pub time: Option<i64>,
}

/// What is looked for.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(crate) enum Wanted {
    /// Log files; digests are counted.
    #[default]
    Records,
    /// Digests.
    Digests,
}

impl Wanted {
    /// The folders it is in.
    pub(crate) const fn folder(self) -> TrailFolder {
        match self {
            Self::Records => TrailFolder::Records,
            Self::Digests => TrailFolder::Digest,
        }
    }
}

/// What was found.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Found {
    pub(crate) wanted: Wanted,
    /// The log objects, oldest delivery first.
    pub objects: Vec<LogObject>,
    /// Digest files, which hold hashes and no records.
    pub digests: u64,
    /// LIST requests that were made.
    pub list_requests: u64,
    /// What was passed over: other files, empty objects, and what is out of the time range.
    pub passed_over: u64,
    /// A line for each source, or part of one, that could not be listed.
    pub problems: Vec<String>,
}

/// Days of delivery to take, both ends included, in days since 1970-01-01.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Days {
    /// The first day.
    pub first: Option<i32>,
    /// The last day.
    pub last: Option<i32>,
}

impl Days {
    /// Whether `date` is one of them; what has no day always is.
    pub(crate) fn contain(self, date: Option<i32>) -> bool {
        let Some(date) = date else { return true };
        self.first.is_none_or(|first| date >= first) && self.last.is_none_or(|last| date <= last)
    }
}

/// Finds the log objects of all `sources`.
///
/// # Errors
/// None of the sources can be used.
pub async fn find(sources: &[String], days: Days) -> Result<Found, Error> {
    let (mut found, mut failed) = (Found::default(), Vec::new());
    for source in sources {
        match find_one(source, days, &mut found).await {
            Err(error) if sources.len() == 1 => return Err(error),
            Err(error) => failed.push(error.to_string()),
            Ok(()) => {}
        }
    }
    if failed.len() == sources.len() {
        return Err(Error::Sources(failed));
    }
    found.problems.splice(0..0, failed);
    found.sort();
    Ok(found)
}

async fn find_one(source: &str, days: Days, found: &mut Found) -> Result<(), Error> {
    match Source::parse(source)? {
        Source::S3 { bucket, prefix } => {
            require_tls("S3")?;
            s3::list(&bucket, &prefix, days, found).await
        }
        Source::Path(path) => folder::walk(&path, days, found),
    }
}

fn place_key(place: &Place) -> (&str, &std::ffi::OsStr) {
    match place {
        Place::Disk(path) => ("", path.as_os_str()),
        Place::S3 { bucket, key, .. } => (bucket, std::ffi::OsStr::new(key)),
    }
}

/// A source, parsed.
pub(crate) enum Source {
    S3 { bucket: String, prefix: String },
    Path(PathBuf),
}

impl Source {
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        match text.split_once("://") {
            Some(("s3", rest)) => {
                let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
                if bucket.is_empty() {
                    return Err(Error::Source { name: text.into(), why: "it names no bucket".into() });
                }
                Ok(Self::S3 { bucket: bucket.into(), prefix: prefix.into() })
            }
            Some((scheme, _)) => {
                let why =
                    format!("{scheme}:// is not supported\nhint: a file, a folder, or s3://bucket/prefix");
                Err(Error::Source { name: text.into(), why })
            }
            None => Ok(Self::Path(text.into())),
        }
    }
}

/// Whether the object of an announcement is a log file, going by its key.
pub(crate) fn is_log(key: &str) -> bool {
    key::parse(key).folder != TrailFolder::Digest && key::looks_like_log(key)
}

impl Found {
    /// Nothing yet, of what is looked for.
    pub(crate) fn of(wanted: Wanted) -> Self {
        Self { wanted, ..Self::default() }
    }

    /// Takes an object that was announced, if it is a log file.
    pub(crate) fn announce(&mut self, object: LogObject, key: &str) {
        self.take(object, key, false, Days::default());
    }

    /// Objects without a time in their key come first and in a fixed order, so that two runs see the same.
    pub(crate) fn sort(&mut self) {
        self.objects.sort_by(|a, b| (a.time, place_key(&a.place)).cmp(&(b.time, place_key(&b.place))));
        self.objects.dedup_by(|a, b| a.place == b.place);
    }

    /// Takes an object that a source listed, if it is a log object in the range. `named`: the person named it.
    fn take(&mut self, object: LogObject, key: &str, named: bool, days: Days) {
        let parts = key::parse(key);
        let is_digest = parts.folder == TrailFolder::Digest;
        self.digests += u64::from(is_digest);
        if is_digest && self.wanted == Wanted::Records {
            return;
        }
        if is_digest != (self.wanted == Wanted::Digests) {
            self.passed_over += 1;
        } else if named || (object.size > 0 && key::looks_like_log(key) && days.contain(parts.date)) {
            self.objects.push(LogObject { time: parts.time, ..object });
        } else {
            self.passed_over += 1;
        }
    }
}
