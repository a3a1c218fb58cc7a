//! `s3://bucket/prefix` → its log objects; and the client with which they are listed and fetched.

use super::{Days, Found, LogObject, Place};
use crate::error::Error;
use aws_config::{BehaviorVersion, meta::region::RegionProviderChain};
use aws_sdk_s3::config::{retry::RetryConfig, timeout::TimeoutConfig};
use aws_sdk_s3::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_s3::types::Object;
use std::time::Duration;
use tokio::sync::OnceCell;

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);

/// How long S3 may be silent: before a response, and between two pieces of the body of an object.
pub(crate) const SILENCE: Duration = Duration::from_secs(15);

/// How long one attempt may take in all: a page of a listing; of an object, all but its body.
const ATTEMPT: Duration = Duration::from_secs(60);

/// How often a page is asked for; the SDK waits longer and longer in between, jittered.
const ATTEMPTS: u32 = 10;

/// Adds the log objects below `prefix` to `found`, page by page.
///
/// # Errors
/// The bucket is missing or closed to us, or S3 cannot be reached.
pub async fn list(bucket: &str, prefix: &str, days: Days, found: &mut Found) -> Result<(), Error> {
    let client = s3_client().await;
    let mut pages = client.list_objects_v2().bucket(bucket).prefix(prefix).into_paginator().send();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| s3_error(format!("s3://{bucket}/{prefix}"), &error))?;
        for object in page.contents.unwrap_or_default() {
            take(bucket, prefix, object, days, found);
        }
    }
    Ok(())
}

fn take(bucket: &str, prefix: &str, object: Object, days: Days, found: &mut Found) {
    let Some(key) = object.key else { return };
    let size = u64::try_from(object.size.unwrap_or(0)).unwrap_or(0);
    let etag = object.e_tag.unwrap_or_default().trim_matches('"').to_owned();
    let place = Place::S3 { bucket: bucket.into(), key: key.clone(), etag };
    found.take(LogObject { place, size, time: None }, &key, key == prefix, days);
}

/// The client, made once: region, credentials and endpoint as every AWS tool takes them.
pub async fn s3_client() -> &'static aws_sdk_s3::Client {
    static CLIENT: OnceCell<aws_sdk_s3::Client> = OnceCell::const_new();
    CLIENT
        .get_or_init(async || {
            let region = RegionProviderChain::default_provider().or_else("us-east-1");
            let shared = aws_config::defaults(BehaviorVersion::latest()).region(region).load().await;
            let config = aws_sdk_s3::config::Builder::from(&shared);
            // An endpoint of one's own has no DNS name per bucket.
            let own = has_own_endpoint();
            let timeouts = TimeoutConfig::builder()
                .connect_timeout(CONNECT)
                .read_timeout(SILENCE)
                .operation_attempt_timeout(ATTEMPT);
            let config = config
                .timeout_config(timeouts.build())
                .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS));
            aws_sdk_s3::Client::from_conf(config.force_path_style(own).build())
        })
        .await
}

/// What S3 said, in one line that names the object and, where we know it, the remedy.
pub fn s3_error<E, R>(name: String, error: &SdkError<E, R>) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug,
{
    let why = match error.code() {
        Some("NoSuchBucket") => "there is no such bucket\nhint: check the name and AWS_REGION".to_owned(),
        Some("AccessDenied") => {
            "access denied\nhint: s3:ListBucket and s3:GetObject are needed, and kms:Decrypt for SSE-KMS"
                .to_owned()
        }
        Some("PreconditionFailed") => "it was replaced while we read\nhint: run again".to_owned(),
        Some(code) => format!("{code}: {}", error.message().unwrap_or("no message")),
        None => DisplayErrorContext(error).to_string().replace('\n', " "),
    };
    Error::Source { name, why }
}

/// Whether the environment names an endpoint of one's own: an emulator, or a store that speaks S3.
fn has_own_endpoint() -> bool {
    ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"].iter().any(|name| std::env::var_os(name).is_some())
}
