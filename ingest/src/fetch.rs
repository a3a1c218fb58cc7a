//! A log object → its bytes and its identity.
//!
//! What comes from S3 has the size and the `ETag` that were listed ([`body`]); whether its bytes were changed on the
//! way can only be told once they were read ([`doubt`]). Memory is bounded by the caller, who counts the bytes that
//! are in flight.

mod body;
pub(crate) mod doubt;
mod pace;

use crate::config::Limits;
use crate::error::Error;
use crate::find::s3::s3_client;
use crate::find::trouble::Trouble;
use crate::find::{LogObject, Place, key};
use crate::lake::ObjectId;
use crate::notice::Version;
use crate::patience::{Patience, Tries};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use bytes::Bytes;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// An object that is in memory.
#[derive(Debug)]
pub struct Fetched {
    /// Its identity: the same bytes under the same name are the same object.
    pub identity: ObjectId,
    /// Key in the bucket, or path on disk.
    pub name: String,
    /// `ETag`; for a file, the SHA-256 of its content.
    pub etag: String,
    /// Day of delivery, where the key tells: days since 1970-01-01.
    pub date: Option<i32>,
    /// GET requests that it took; none for a file.
    pub requests: u32,
    /// As stored: gzip, usually.
    pub body: Bytes,
}

/// The identity of an object in S3, which is known before it is fetched; `None` for a file.
#[must_use]
pub fn known_identity(place: &Place) -> Option<ObjectId> {
    match place {
        Place::Disk(_) => None,
        Place::S3 { bucket, key, etag } => Some(identity(&["s3", bucket, key, etag])),
    }
}

/// The day of delivery of an object, where its key tells: days since 1970-01-01.
#[must_use]
pub fn known_day(place: &Place) -> Option<i32> {
    match place {
        Place::Disk(path) => key::parse(&absolute(path).to_string_lossy()).date,
        Place::S3 { key, .. } => key::parse(key).date,
    }
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// Reads a file.
///
/// # Errors
/// It is gone, closed to us, or larger than `limits` allow.
pub fn read(object: &LogObject, limits: &Limits) -> Result<Fetched, Error> {
    check_size(object, limits)?;
    let Place::Disk(path) = &object.place else { return Err(elsewhere(object)) };
    let failed = |source| Error::Io { doing: "read", name: path.display().to_string(), source };
    let body = std::fs::read(path).map_err(failed)?;
    Ok(from_disk(&path.to_string_lossy(), &absolute(path).to_string_lossy(), body.into()))
}

/// Fetches an object from S3.
///
/// # Errors
/// It is gone, closed to us, larger than `limits` allow, or S3 does not bring all of it, however often it is asked.
pub async fn get(object: &LogObject, limits: &Limits) -> Result<Fetched, Error> {
    check_size(object, limits)?;
    let Place::S3 { bucket, key, etag } = &object.place else { return Err(elsewhere(object)) };
    let got = body::get(&body::Wanted { bucket, key, etag, size: object.size }).await?;
    let identity = identity(&["s3", bucket, key, etag]);
    let date = key::parse(key).date;
    let (requests, body) = (got.requests, got.body);
    Ok(Fetched { identity, name: key.clone(), etag: etag.clone(), date, requests, body })
}

/// Fetches an object from S3 with the metadata that its owner gave it.
///
/// # Errors
/// As [`get`].
pub(crate) async fn get_with_metadata(
    object: &LogObject,
    limits: &Limits,
) -> Result<(Bytes, HashMap<String, String>), Error> {
    check_size(object, limits)?;
    let Place::S3 { bucket, key, etag } = &object.place else { return Err(elsewhere(object)) };
    let got = body::get(&body::Wanted { bucket, key, etag, size: object.size }).await?;
    Ok((got.body, got.metadata))
}

/// Asks S3 for the version of an object that it has now.
///
/// # Errors
/// It is gone or closed to us, or S3 does not answer, however often it is asked.
pub async fn head(bucket: &str, key: &str) -> Result<Version, Error> {
    let gone =
        || Error::Source { name: format!("s3://{bucket}/{key}"), why: "there is no such object".into() };
    find(bucket, key).await?.ok_or_else(gone)
}

/// The same, where an object that is not there is none.
///
/// # Errors
/// It is closed to us, or S3 does not answer, however often it is asked.
pub(crate) async fn find(bucket: &str, key: &str) -> Result<Option<Version>, Error> {
    let name = format!("s3://{bucket}/{key}");
    let mut tries = Tries::begin();
    loop {
        let answer = s3_client().await.head_object().bucket(bucket).key(key).send().await;
        if let Err(SdkError::ServiceError(error)) = &answer
            && matches!(error.err().code(), Some("NoSuchKey" | "NotFound"))
        {
            return Ok(None);
        }
        let why = match answer.map_err(|error| Trouble::of(name.clone(), &error)) {
            Ok(head) => {
                let etag = head.e_tag().unwrap_or_default().trim_matches('"').to_owned();
                let size = head.content_length().and_then(|size| u64::try_from(size).ok());
                let lacks = || Error::Source { name, why: "S3 does not tell its size".into() };
                return Ok(Some(Version { etag, size: size.ok_or_else(lacks)? }));
            }
            Err(Trouble::Lasting(error)) => return Err(error),
            Err(Trouble::Passing(why) | Trouble::TooFast(why)) => why,
        };
        if !tries.again(Patience::of_process().give_up).await {
            return Err(Error::Source { name, why: format!("{why}\nhint: run again") });
        }
    }
}

fn elsewhere(object: &LogObject) -> Error {
    Error::Source { name: object.place.to_string(), why: "it is not where it was looked for".into() }
}

fn check_size(object: &LogObject, limits: &Limits) -> Result<(), Error> {
    let most = limits.max_inflated as u64;
    if object.size <= most {
        return Ok(());
    }
    let why = format!(
        "{} bytes are more than {most}\nhint: raise --max-inflated if this is a true log file",
        object.size
    );
    Err(Error::Source { name: object.place.to_string(), why })
}

/// A file's identity is its key from `AWSLogs/` on, so that a synced copy is the same object, else its absolute
/// path; with its size and content in place of the `ETag`.
fn from_disk(name: &str, absolute: &str, body: Bytes) -> Fetched {
    let parts = key::parse(absolute);
    let content = hex(&Sha256::digest(&body));
    let identity = identity(&["file", parts.canonical, &body.len().to_string(), &content]);
    Fetched { identity, name: name.to_owned(), etag: content, date: parts.date, requests: 0, body }
}

/// 128 bits of SHA-256 over the parts, each led by its length so that no two lists collide.
fn identity(parts: &[&str]) -> ObjectId {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    let digest: [u8; 32] = hash.finalize().into();
    let (first, _) = digest.split_first_chunk::<16>().expect("32 bytes begin with 16");
    ObjectId(u128::from_be_bytes(*first))
}

/// Lower-case hex.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_synced_copy_is_the_same_object() {
        let at = |path: &str, body: &'static [u8]| from_disk(path, path, Bytes::from_static(body)).identity;
        assert_eq!(at("/a/AWSLogs/1/CloudTrail/x.gz", b"1"), at("/b/c/AWSLogs/1/CloudTrail/x.gz", b"1"));
        assert_ne!(at("/a/AWSLogs/1/CloudTrail/x.gz", b"1"), at("/a/AWSLogs/1/CloudTrail/x.gz", b"2"));
        assert_ne!(at("/a/x.gz", b"1"), at("/b/x.gz", b"1"));
    }

    #[test]
    fn parts_cannot_be_shifted_into_each_other() {
        assert_ne!(identity(&["s3", "ab", "c"]), identity(&["s3", "a", "bc"]));
    }
}
