//! An object in S3 → its bytes, all of them.
//!
//! In: bucket, key, `ETag` and size as they were listed. Out: that many bytes of that very object. What must hold: a
//! response to another request, an object that was replaced, a body too short or too long are never taken for it.
//!
//! The SDK retries requests, not bodies; and its retries of one request know nothing of the others. So GETs are tried
//! again here and only here: a body that breaks off is continued where it broke off, by range, and a bucket that
//! wants us to slow down slows all fetches ([`Pace`]).

use super::pace::{Pace, jittered};
use crate::error::Error;
use crate::find::s3::{SILENCE, s3_client, s3_error};
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::get_object::{GetObjectError, GetObjectOutput};
use bytes::Bytes;
use std::time::Duration;
use tokio::sync::OnceCell;

/// How often in a row an object is asked for without getting much further, before it is given up.
const ATTEMPTS: u32 = 8;

/// So many bytes more are much further.
const MUCH: usize = 1 << 20;

/// The first pause before an object is asked for again; it doubles each time, up to [`LONGEST`], and is jittered.
const PAUSE: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_secs(5);

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

/// What can come between us and an object.
enum Trouble {
    /// Asking again is of no use.
    Lasting(Error),
    /// Asking again may help.
    Passing(String),
    /// So it may, but later: S3 has more requests than it wants.
    TooFast(String),
}

/// Gets the whole object, and tells how many requests it took.
///
/// # Errors
/// It is gone, replaced or closed to us; or trouble does not pass.
pub(super) async fn get(wanted: &Wanted<'_>) -> Result<(Bytes, u32), Error> {
    let mut body = Vec::new();
    let mut requests = 0;
    let mut tries = 0;
    loop {
        PACE.wait().await;
        let before = body.len();
        requests += 1;
        let why = match read_on(wanted, &mut body).await {
            Ok(()) => {
                PACE.ease();
                return Ok((body.into(), requests));
            }
            Err(Trouble::Lasting(error)) => return Err(error),
            Err(Trouble::Passing(why)) => why,
            Err(Trouble::TooFast(why)) => {
                PACE.slow_down();
                why
            }
        };
        tries = if body.len() >= before + MUCH { 1 } else { tries + 1 };
        if tries == ATTEMPTS {
            let why = format!("{why}; given up after {ATTEMPTS} attempts\nhint: run again");
            return Err(Error::Source { name: wanted.name(), why });
        }
        tracing::warn!(object = wanted.name(), tries, have = body.len(), why, "asking again");
        tokio::time::sleep(jittered(LONGEST.min(PAUSE * 2u32.pow(tries)))).await;
    }
}

/// One request for what is missing of `body`, which keeps what came.
async fn read_on(wanted: &Wanted<'_>, body: &mut Vec<u8>) -> Result<(), Trouble> {
    let mut response = ask(wanted, body.len()).await?;
    if !continues(&response, body.len()) {
        body.clear();
    }
    if !is_of(&response, wanted) {
        return Err(Trouble::Passing("the response is that of another object".into()));
    }
    let size = usize::try_from(wanted.size).unwrap_or(usize::MAX);
    loop {
        match tokio::time::timeout(SILENCE, response.body.next()).await {
            Ok(Some(Ok(piece))) => body.extend_from_slice(&piece),
            Ok(Some(Err(error))) => {
                // A checksum that is wrong is found at the end. Nobody knows which byte it is.
                if body.len() >= size {
                    body.clear();
                }
                return Err(Trouble::Passing(format!("its body breaks off or is damaged: {error}")));
            }
            Ok(None) if body.len() == size => return Ok(()),
            Ok(None) => {
                let why = format!("its body ends after {} of {size} bytes", body.len());
                return Err(Trouble::Passing(why));
            }
            Err(_) => {
                let why = format!("its body stalls for {} s", SILENCE.as_secs());
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
    let mut get = client().await.get_object().bucket(*bucket).key(*key).if_match(format!("\"{etag}\""));
    if from > 0 {
        get = get.range(format!("bytes={from}-"));
    }
    get.send().await.map_err(|error| trouble(wanted, &error))
}

/// The client that tries once.
async fn client() -> &'static aws_sdk_s3::Client {
    static CLIENT: OnceCell<aws_sdk_s3::Client> = OnceCell::const_new();
    let make = async || {
        let config = s3_client().await.config().to_builder().retry_config(RetryConfig::disabled());
        aws_sdk_s3::Client::from_conf(config.build())
    };
    CLIENT.get_or_init(make).await
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

fn trouble(wanted: &Wanted<'_>, error: &SdkError<GetObjectError>) -> Trouble {
    let lasting = s3_error(wanted.name(), error);
    let Error::Source { why, .. } = &lasting else { return Trouble::Lasting(lasting) };
    match error {
        SdkError::ServiceError(answer) => match (answer.raw().status().as_u16(), answer.err().code()) {
            (429 | 503, _) | (_, Some("SlowDown" | "Throttling" | "ThrottlingException")) => {
                Trouble::TooFast(why.clone())
            }
            (408 | 409 | 500..=599, _) | (_, Some("RequestTimeout")) => Trouble::Passing(why.clone()),
            _ => Trouble::Lasting(lasting),
        },
        SdkError::TimeoutError(_) | SdkError::ResponseError(_) => Trouble::Passing(why.clone()),
        SdkError::DispatchFailure(failure) if !failure.is_user() => {
            let of_connection = failure.is_io() || failure.is_timeout();
            // The SDK knows some as passing; credentials that are missing are not.
            let known = failure.as_connector_error().is_some_and(|error| error.as_other().is_some());
            if of_connection || known { Trouble::Passing(why.clone()) } else { Trouble::Lasting(lasting) }
        }
        _ => Trouble::Lasting(lasting),
    }
}
