//! An object in S3 → its bytes, all of them.
//!
//! In: bucket, key, `ETag` and size as they were listed. Out: that many bytes of that very object. What must hold: a
//! response to another request, an object that was replaced, a body too short or too long are never taken for it.
//!
//! The SDK retries requests, not bodies; and its retries of one request know nothing of the others. So GETs are tried
//! again here and only here: a body that breaks off is continued where it broke off, by range, and a bucket that
//! wants us to slow down slows all fetches ([`Pace`]).

use super::pace::Pace;
use crate::error::Error;
use crate::find::s3::s3_client;
use crate::find::trouble::Trouble;
use crate::patience::{Patience, Tries};
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use bytes::Bytes;
use std::collections::HashMap;
use std::time::Instant;

/// How often in a row an object is asked for without getting much further, before it is given up although others come.
const ATTEMPTS: u32 = 8;

/// So many bytes more are much further.
const MUCH: usize = 1 << 20;

/// How fast this process may ask S3 for objects.
static PACE: Pace = Pace::new();

/// An object as it was listed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted<'a> {
    pub(super) bucket: &'a str,
    pub(super) key: &'a str,
    pub(super) etag: &'a str,
    pub(super) size: u64,
}

impl Wanted<'_> {
    fn name(&self) -> String {
        format!("s3://{}/{}", self.bucket, self.key)
    }
}

/// An object that came.
pub(super) struct Got {
    pub(super) body: Bytes,
    /// GET requests that it took.
    pub(super) requests: u32,
    /// What its owner noted beside it.
    pub(super) metadata: HashMap<String, String>,
}

/// Gets the whole object. While no object comes at all, S3 is at fault and not
/// this object, and it is asked for as long as we are patient.
///
/// # Errors
/// It is gone, replaced or closed to us; or trouble does not pass.
pub(super) async fn get(wanted: &Wanted<'_>) -> Result<Got, Error> {
    let patience = Patience::of_process();
    let given_up = |why| Error::Source { name: wanted.name(), why: format!("{why}\nhint: run again") };
    let mut body = Vec::new();
    let mut requests = 0;
    let mut tries = Tries::begin();
    loop {
        if PACE.is_down(patience) {
            let seconds = patience.give_up.as_secs();
            return Err(given_up(format!("given up, since S3 brought nothing for {seconds} s")));
        }
        PACE.wait().await;
        let (before, asked) = (body.len(), Instant::now());
        requests += 1;
        let why = match read_on(wanted, &mut body).await {
            Ok(metadata) => {
                PACE.ease();
                return Ok(Got { body: body.into(), requests, metadata });
            }
            Err(Trouble::Lasting(error)) => return Err(error),
            Err(Trouble::Passing(why)) => why,
            Err(Trouble::TooFast(why)) => {
                PACE.slow_down();
                why
            }
        };
        PACE.failed(asked);
        if body.len() >= before + MUCH {
            tries = Tries::begin();
        }
        let is_its_own_fault = tries.count() + 1 >= ATTEMPTS && PACE.brought_any_since(tries.since());
        if is_its_own_fault || !tries.again(patience.give_up).await {
            let (count, seconds) = (requests, tries.lasted().as_secs());
            return Err(given_up(format!("{why}; given up after {count} requests in {seconds} s")));
        }
        tracing::warn!(object = wanted.name(), tries = tries.count(), have = body.len(), why, "asking again");
    }
}

/// One request for what is missing of `body`, which keeps what came; gives the metadata.
async fn read_on(wanted: &Wanted<'_>, body: &mut Vec<u8>) -> Result<HashMap<String, String>, Trouble> {
    let silence = Patience::of_process().silence;
    let mut response = ask(wanted, body.len()).await?;
    if !continues(&response, body.len()) {
        body.clear();
    }
    if !is_of(&response, wanted) {
        return Err(Trouble::Passing("the response is that of another object".into()));
    }
    let size = usize::try_from(wanted.size).unwrap_or(usize::MAX);
    loop {
        match tokio::time::timeout(silence, response.body.next()).await {
            Ok(Some(Ok(piece))) => body.extend_from_slice(&piece),
            Ok(Some(Err(error))) => {
                // A checksum that is wrong is found at the end. Nobody knows which byte it is.
                if body.len() >= size {
                    body.clear();
                }
                return Err(Trouble::Passing(format!("its body breaks off or is damaged: {error}")));
            }
            Ok(None) if body.len() == size => return Ok(response.metadata.unwrap_or_default()),
            Ok(None) => {
                let why = format!("its body ends after {} of {size} bytes", body.len());
                return Err(Trouble::Passing(why));
            }
            Err(_) => {
                let why = format!("its body stalls for {} s", silence.as_secs());
                return Err(Trouble::Passing(why));
            }
        }
        if body.len() > size {
            body.clear();
            return Err(Trouble::Passing(format!("its body is longer than the {size} bytes listed")));
        }
    }
}

async fn ask(wanted: &Wanted<'_>, from: usize) -> Result<GetObjectOutput, Trouble> {
    // If-Match: an object that was replaced since it was listed must not pass under the old identity.
    let Wanted { bucket, key, etag, .. } = wanted;
    let mut get = s3_client().await.get_object().bucket(*bucket).key(*key).if_match(format!("\"{etag}\""));
    if from > 0 {
        get = get.range(format!("bytes={from}-"));
    }
    get.send().await.map_err(|error| Trouble::of(wanted.name(), &error))
}

/// Whether the body of `response` begins at `from`. A store may answer a range with the whole object.
fn continues(response: &GetObjectOutput, from: usize) -> bool {
    let starts = response.content_range().is_some_and(|range| range.starts_with(&format!("bytes {from}-")));
    starts || from == 0
}

/// Whether `response` is about the object that we asked for, as far as its `ETag` tells.
fn is_of(response: &GetObjectOutput, wanted: &Wanted<'_>) -> bool {
    response.e_tag().is_none_or(|etag| etag.trim_matches('"') == wanted.etag)
}
