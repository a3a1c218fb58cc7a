//! Where digests and log files are: a bucket, or a folder that was copied from one.

use super::place::{self, Region};
use super::signatures::Signatures;
use crate::config::Limits;
use crate::error::Error;
use crate::fetch;
use crate::find::{Days, Found, LogObject, Place, Source, Wanted, folder, key, s3};
use crate::lake::require_tls;
use crate::time;
use bytes::Bytes;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// How CloudTrail's signature is noted beside a digest.
const SIGNATURE: &str = "signature";
const BACKFILLED: &str = "backfill-generation-timestamp";

/// A source, opened.
#[derive(Debug)]
pub(super) enum Store {
    S3 {
        bucket: String,
    },
    /// Signatures are not in files: a copy of a bucket comes without them.
    Disk {
        signatures: Signatures,
    },
}

/// What is noted beside a digest.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub(super) struct Notes {
    /// In hex.
    pub(super) signature: Option<String>,
    /// When a backfill digest was made, which says when its key was valid.
    pub(super) backfilled: Option<String>,
}

impl Store {
    /// Opens a source; with it, the prefixes below which its digests and its log files are.
    pub(super) fn open(source: &str, signatures: Signatures) -> Result<(Self, String, String), Error> {
        let unusable = |why| Error::Source { name: source.to_owned(), why };
        match Source::parse(source)? {
            Source::S3 { bucket, prefix } => {
                require_tls("S3")?;
                let (digests, logs) = place::aim(&prefix).map_err(unusable)?;
                Ok((Self::S3 { bucket }, digests, logs))
            }
            Source::Path(path) => {
                let failed = |why| Error::Io { doing: "read", name: source.to_owned(), source: why };
                let whole = std::fs::canonicalize(&path).map_err(failed)?;
                let (digests, logs) = place::aim(&whole.to_string_lossy()).map_err(unusable)?;
                Ok((Self::Disk { signatures }, digests, logs))
            }
        }
    }

    /// What is wanted below a prefix, of some days.
    pub(super) async fn list(&self, prefix: &str, wanted: Wanted, days: Days) -> Result<Found, Error> {
        let mut found = Found::of(wanted);
        match self {
            Self::S3 { bucket } => s3::list(bucket, prefix, days, &mut found).await?,
            Self::Disk { .. } => walk(prefix, days, &mut found)?,
        }
        found.sort();
        Ok(found)
    }

    /// At least one object of each region below a prefix, the first of them among these.
    pub(super) async fn first(&self, prefix: &str, wanted: Wanted) -> Result<Found, Error> {
        let mut found = Found::of(wanted);
        match self {
            Self::S3 { bucket } => s3::first(bucket, prefix, &mut found).await?,
            Self::Disk { .. } => walk(prefix, Days::default(), &mut found)?,
        }
        Ok(found)
    }

    /// The last day that may have anything: of a folder, all is in what was found first.
    pub(super) fn last_day(&self, digests: &Found, logs: &Found) -> i32 {
        match self {
            Self::S3 { .. } => time::day_of(time::now()) + 1,
            Self::Disk { .. } => {
                let days = digests.objects.iter().chain(&logs.objects).filter_map(|object| object.time);
                days.max().map_or(0, time::day_of)
            }
        }
    }

    /// The object that a digest names; `None` if it is gone.
    pub(super) async fn find(
        &self,
        region: &Region,
        bucket: &str,
        key: &str,
    ) -> Result<Option<LogObject>, Error> {
        match self {
            Self::S3 { .. } => {
                let version = fetch::find(bucket, key).await?;
                let place = |etag| Place::S3 { bucket: bucket.to_owned(), key: key.to_owned(), etag };
                Ok(version.map(|it| LogObject { place: place(it.etag), size: it.size, time: None }))
            }
            Self::Disk { .. } => {
                let Some(path) = region.copy_of(key) else { return Ok(None) };
                let unpacked = path.strip_suffix(".gz").map(PathBuf::from);
                let paths = [Some(PathBuf::from(&path)), unpacked];
                let there = |path: PathBuf| Some((std::fs::metadata(&path).ok()?.len(), path));
                let found = paths.into_iter().flatten().find_map(there);
                Ok(found.map(|(size, path)| LogObject { place: Place::Disk(path), size, time: None }))
            }
        }
    }

    /// The bytes of a digest, and what is noted beside it.
    pub(super) async fn digest(&self, object: &LogObject, limits: &Limits) -> Result<(Bytes, Notes), Error> {
        match self {
            Self::S3 { .. } => {
                let (body, metadata) = fetch::get_with_metadata(object, limits).await?;
                Ok((body, Notes::from(metadata)))
            }
            Self::Disk { signatures } => {
                let fetched = fetch::read(object, limits)?;
                let notes = signatures.of(place::stem(&fetched.name)).cloned().unwrap_or_default();
                Ok((fetched.body, notes))
            }
        }
    }

    /// The bytes of a log file.
    pub(super) async fn log(&self, object: &LogObject, limits: &Limits) -> Result<Bytes, Error> {
        match &object.place {
            Place::S3 { .. } => Ok(fetch::get(object, limits).await?.body),
            Place::Disk(path) => {
                let path = path.clone();
                let read = tokio::task::spawn_blocking(move || {
                    let failed =
                        |source| Error::Io { doing: "read", name: path.display().to_string(), source };
                    std::fs::read(&path).map(Bytes::from).map_err(failed)
                });
                read.await.map_err(|error| Error::Worker(error.to_string()))?
            }
        }
    }

    /// Whether a file may have been unpacked by whoever copied it.
    pub(super) const fn may_be_plain(&self) -> bool {
        matches!(self, Self::Disk { .. })
    }

    /// What tells two objects of the source apart.
    pub(super) fn id<'a>(&self, key: &'a str) -> &'a str {
        match self {
            Self::S3 { .. } => key,
            Self::Disk { .. } => key::parse(key).canonical,
        }
    }

    /// The ids that the object which a digest names may have: a copy may be unpacked.
    pub(super) fn ids<'a>(&self, key: &'a str) -> impl Iterator<Item = &'a str> + use<'a> {
        let unpacked = matches!(self, Self::Disk { .. }).then(|| place::stem(key));
        [Some(self.id(key)), unpacked].into_iter().flatten()
    }

    /// How people know a key of the source, or a path.
    pub(super) fn name(&self, key: &str) -> String {
        match self {
            Self::S3 { bucket } => format!("s3://{bucket}/{key}"),
            Self::Disk { .. } => key.to_owned(),
        }
    }

    /// The same for an object that a digest names.
    pub(super) fn name_of(&self, region: &Region, bucket: &str, key: &str) -> String {
        let copy = matches!(self, Self::Disk { .. }).then(|| region.copy_of(key)).flatten();
        copy.unwrap_or_else(|| format!("s3://{bucket}/{key}"))
    }

    /// Whether an object in this bucket is one of the source. A folder does not know its bucket.
    pub(super) fn is_own(&self, other: &str) -> bool {
        match self {
            Self::S3 { bucket } => bucket == other,
            Self::Disk { .. } => true,
        }
    }
}

/// A folder without a folder is empty.
fn walk(prefix: &str, days: Days, found: &mut Found) -> Result<(), Error> {
    let path = Path::new(prefix);
    if path.exists() { folder::walk(path, days, found) } else { Ok(()) }
}

impl From<HashMap<String, String>> for Notes {
    fn from(mut metadata: HashMap<String, String>) -> Self {
        Self { signature: metadata.remove(SIGNATURE), backfilled: metadata.remove(BACKFILLED) }
    }
}

/// The key of an object, or its path.
pub(super) fn key_of(object: &LogObject) -> String {
    match &object.place {
        Place::Disk(path) => path.to_string_lossy().into_owned(),
        Place::S3 { key, .. } => key.clone(),
    }
}
