//! Why the lake could not be opened, read or written: one variant per cause, with what to do about it.
//!
//! In: the errors of the storage and of the table format. Out: [`LakeError`], in which a missing bucket and a missing
//! permission are told apart from the rest, because those are the two that a person has to mend.

use super::files::LakeTable;
use deltalake::{DeltaTableError, ObjectStoreError};
use std::{error::Error, time::Duration};
use url::Url;

/// What went wrong with the lake.
#[derive(Debug, thiserror::Error)]
pub enum LakeError {
    /// The path of the lake names a file.
    #[error("lake '{path}' is a file\nhint: give a folder or s3://bucket/prefix")]
    IsAFile {
        /// The path.
        path: String,
    },
    /// The folder of the lake cannot be made or read.
    #[error("lake folder '{path}' cannot be used: {source}")]
    Folder {
        /// The path.
        path: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// Neither a path nor a URL that we can read.
    #[error("lake '{url}' is not a place we know\nhint: give a folder or s3://bucket/prefix")]
    BadUrl {
        /// The text.
        url: String,
    },
    /// An endpoint without TLS that is not this machine.
    #[error(
        "endpoint '{endpoint}' is neither TLS nor loopback\nhint: use https://, or http:// on 127.0.0.1 or localhost"
    )]
    InsecureEndpoint {
        /// The endpoint.
        endpoint: String,
    },
    /// There are no tables.
    #[error("no lake at {url}\nhint: `trailhound ingest SRC --lake {url}` makes one")]
    NoLake {
        /// Where.
        url: Url,
    },
    /// The bucket is not there.
    #[error("bucket of {url} does not exist\nhint: create it, or check the region and the endpoint")]
    NoBucket {
        /// The lake.
        url: Url,
    },
    /// The bucket is in another region than the one we ask.
    #[error("bucket of {url} is in another region\nhint: set AWS_REGION to the region of the bucket")]
    WrongRegion {
        /// The lake.
        url: Url,
    },
    /// The storage refuses us.
    #[error("access to {url} was denied: {source}\nhint: check the credentials and the policy of the bucket")]
    AccessDenied {
        /// The lake.
        url: Url,
        /// What the storage says.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The storage or the table format failed in another way.
    #[error("could not {action} {table} in {url}: {source}")]
    Storage {
        /// What we were at.
        action: &'static str,
        /// The table.
        table: &'static str,
        /// The lake.
        url: Url,
        /// What went wrong below.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The storage kept failing for as long as we are patient.
    #[error("{error}; given up after {} s\nhint: run again, what was committed stays; TRAILHOUND_S3_GIVE_UP allows more time", lasted.as_secs())]
    GivenUp {
        /// The last error.
        error: Box<LakeError>,
        /// How long it was tried.
        lasted: Duration,
    },
    /// A version that the table does not have.
    #[error("{table} has no version {version}\nhint: its newest is {newest}")]
    NoVersion {
        /// The table.
        table: &'static str,
        /// What was asked for.
        version: u64,
        /// What there is.
        newest: u64,
    },
    /// A commit that the ledger needs is not in the log any more.
    #[error(
        "commit {version} of {table} is missing, so its ledger is incomplete\nhint: rebuild the ledger from the column sourcehash before anything is ingested"
    )]
    LedgerIncomplete {
        /// The table.
        table: &'static str,
        /// The first missing commit.
        version: u64,
    },
    /// The table `events` is not the one that `logfiles` was made for.
    #[error(
        "events is table {found}, but logfiles keeps the ledger of {recorded}\nhint: events was dropped and made again; rebuild the ledger, or start a new lake"
    )]
    LedgerOfAnotherTable {
        /// The id in `events`.
        found: String,
        /// The id in `logfiles`.
        recorded: String,
    },
    /// Too much time between the look at the log and the commit: the log may have been cleaned in between, and a
    /// commit into the gap would be invisible.
    #[error("commit to {table} took longer than {} s, so it does not count\nhint: it is tried again; if this repeats, the machine or the storage stalls", limit.as_secs_f64())]
    TooOld {
        /// The table.
        table: &'static str,
        /// The age limit.
        limit: Duration,
    },
    /// A vacuum was asked to delete what a writer may be about to name.
    #[error(
        "versions must be kept for {} h at least, not {:.1} h\nhint: a writer may take that long to commit a file",
        least.as_secs() / 3600, keep.as_secs_f64() / 3600.0
    )]
    KeepTooShort {
        /// What was asked for.
        keep: Duration,
        /// The shortest time that is safe.
        least: Duration,
    },
    /// Another tool changed the table so that we must not write it.
    #[error(
        "{table} cannot be written: {source}\nhint: another tool upgraded the table; `trailhound` writes protocol (1,2) without features"
    )]
    Unwritable {
        /// The table.
        table: &'static str,
        /// The reason.
        source: DeltaTableError,
    },
    /// A commit whose ledger does not parse.
    #[error("commit {version} of {table} is damaged: {reason}")]
    BadCommit {
        /// The table.
        table: &'static str,
        /// The version.
        version: u64,
        /// What does not parse.
        reason: String,
    },
    /// A commit of `events` names objects, but not the files with their rows of `logfiles`.
    #[error("commit of events names {objects} log objects, but no file for logfiles")]
    NoLogfiles {
        /// How many objects.
        objects: usize,
    },
    /// What was to be committed could not be written.
    #[error(transparent)]
    Pending(Box<dyn Error + Send + Sync>),
    /// A test pulled the plug.
    #[cfg(test)]
    #[error("crashed at {0}")]
    Crash(String),
}

impl LakeError {
    /// Wraps an error of the stage that fills a commit.
    pub fn pending(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Pending(error.into())
    }

    /// Tells the errors of a storage apart; `action` completes "could not … the table".
    pub(super) fn storage(
        url: &Url,
        table: LakeTable,
        action: &'static str,
        error: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        let (source, url, table) = (error.into(), url.clone(), table.name());
        match cause(source.as_ref()) {
            Cause::NoBucket => Self::NoBucket { url },
            Cause::WrongRegion => Self::WrongRegion { url },
            Cause::Denied => Self::AccessDenied { url, source },
            Cause::Other => Self::Storage { action, table, url, source },
        }
    }

    /// The same, where it was tried for as long as we are patient.
    pub(super) fn given_up(self, lasted: Duration) -> Self {
        match self {
            error @ Self::Storage { .. } => Self::GivenUp { error: Box::new(error), lasted },
            other => other,
        }
    }

    /// Whether a look at the log from the start may help.
    pub(super) fn wants_reload(&self) -> bool {
        matches!(self, Self::TooOld { .. } | Self::LedgerIncomplete { .. })
    }

    /// Whether the same call may succeed later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Storage { .. } | Self::GivenUp { .. } | Self::TooOld { .. })
    }
}

enum Cause {
    NoBucket,
    WrongRegion,
    Denied,
    Other,
}

/// Looks for the error of the object store below; where a library passes only its text on, the text has to do.
fn cause(error: &(dyn Error + 'static)) -> Cause {
    let mut below = Some(error);
    while let Some(error) = below {
        match error.downcast_ref::<ObjectStoreError>() {
            Some(ObjectStoreError::PermissionDenied { .. } | ObjectStoreError::Unauthenticated { .. }) => {
                return Cause::Denied;
            }
            _ => below = error.source(),
        }
    }
    let text = error.to_string();
    if text.contains("NoSuchBucket") {
        Cause::NoBucket
    } else if text.contains("redirect without LOCATION") {
        Cause::WrongRegion
    } else if ["AccessDenied", "403 Forbidden", "InvalidAccessKeyId", "credential"]
        .iter()
        .any(|sign| text.contains(sign))
    {
        Cause::Denied
    } else {
        Cause::Other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(error: impl Into<Box<dyn Error + Send + Sync>>, expected: &str) {
        let url = Url::parse("s3://logs/lake/").unwrap();
        let message = LakeError::storage(&url, LakeTable::Events, "read", error).to_string();
        assert!(message.starts_with(expected), "{message}");
    }

    #[test]
    fn what_a_person_must_mend_is_told_apart() {
        let denied = || ObjectStoreError::PermissionDenied { path: "x".into(), source: "no".into() };
        check(denied(), "access to s3://logs/lake/ was denied");
        check("the credential provider was not enabled", "access to s3://logs/lake/ was denied");
        check(DeltaTableError::from(denied()), "access to s3://logs/lake/ was denied");
        check("<Code>NoSuchBucket</Code>", "bucket of s3://logs/lake/ does not exist\nhint: ");
        check("Received redirect without LOCATION", "bucket of s3://logs/lake/ is in another region\nhint: ");
        check("connection reset", "could not read events in s3://logs/lake/: connection reset");
    }
}
