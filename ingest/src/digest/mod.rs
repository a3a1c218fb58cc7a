//! CloudTrail's own proof: was any log file changed, removed or planted since it was delivered?
//!
//! In: a bucket or a folder, of one account or of an organisation, and CloudTrail's public keys. Out: a verdict for each
//! log file and each digest. Every hour CloudTrail delivers a digest for each trail, account and region, signed, with
//! the hash of each log file of that hour and of the digest before. What must hold: only what a signature of CloudTrail
//! vouches for is valid, and whatever such a digest names is looked at.
//!
//! source ([`store`]) → regions and days ([`run`]) → digests of a region ([`document`], [`signature`], [`keys`]) →
//! chains ([`chain`]) → log files ([`log`], [`content`]) and those that no digest names ([`spans`]) → verdicts ([`verdict`]),
//! kept in the lake ([`integrity`]). Verdicts are those of `aws cloudtrail validate-logs`, which looks at one account
//! and region at a time, and not at what no digest names.

mod verdict;
mod document;
mod keys;
mod signature;
mod signatures;
mod content;
mod place;
mod spans;
mod chain;
mod store;
mod log;
mod region;
mod run;
mod integrity;

pub use keys::{KeyFile, KeySource, PublicKey};
pub use run::Hear;
pub use signatures::Signatures;
pub use verdict::{Checked, Kind, Verdict, Verified};

use crate::config::Limits;
use crate::error::Error;
use crate::find::Days;
use crate::lake::Lake;
use crate::run::Progress;
use std::sync::Arc;
use std::time::Instant;

/// What a run does.
#[derive(Clone, Debug)]
pub struct VerifyConfig {
    /// A folder or `s3://bucket/prefix`: of a bucket, an organisation, an account, or a region.
    pub source: String,
    /// Days of delivery to look at.
    pub days: Days,
    /// For a folder: what was noted beside the digests in the bucket.
    pub signatures: Signatures,
    /// Limits on one file.
    pub limits: Limits,
}

/// Checks the digests of a source and the log files that they name, and tells `hear` of each. With a lake, hashes that
/// were computed at ingest are not computed again, and what is learnt is noted in `logfiles.integrity`.
///
/// What cannot be looked at is a line in [`Verified::problems`], and the rest is looked at all the same.
///
/// # Errors
/// The source cannot be listed, there is nothing of CloudTrail in it, or the lake cannot be used.
pub async fn verify(
    config: VerifyConfig,
    lake: Option<&Lake>,
    keys: Arc<dyn KeySource>,
    hear: Arc<Hear>,
    progress: Arc<dyn Progress>,
) -> Result<Verified, Error> {
    let began = Instant::now();
    let mut verified = run::run(config, lake, keys, hear, progress).await?;
    verified.seconds = began.elapsed().as_secs_f64();
    Ok(verified)
}
