//! `s3://bucket/prefix` → its log objects; and the client with which they are listed and fetched.

use super::layout::{self, Way};
use super::{Days, Found, LogObject, Place};
use crate::error::Error;
use aws_config::{BehaviorVersion, meta::region::RegionProviderChain};
use aws_sdk_s3::config::{retry::RetryConfig, timeout::TimeoutConfig};
use aws_sdk_s3::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_s3::types::Object;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use std::time::Duration;
use tokio::sync::OnceCell;

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);

/// How long S3 may be silent: before a response, and between two pieces of the body of an object.
pub(crate) const SILENCE: Duration = Duration::from_secs(15);

/// How long one attempt may take in all: a page of a listing; of an object, all but its body.
const ATTEMPT: Duration = Duration::from_mins(1);

/// How often a page is asked for; the SDK waits longer and longer in between, jittered.
const ATTEMPTS: u32 = 10;

/// Requests that list, at most, at the same time.
const LISTINGS: usize = 32;

/// Adds the log objects below `prefix` to `found`. Every request is counted there.
///
/// # Errors
/// The bucket is missing or closed to us, or S3 cannot be reached.
pub async fn list(bucket: &str, prefix: &str, days: Days, found: &mut Found) -> Result<(), Error> {
    let listing = Listing { client: s3_client().await, bucket, root: prefix, days };
    let mut waiting = listing.plan(prefix.to_owned()).into_iter().collect::<Vec<_>>();
    let mut running = FuturesUnordered::new();
    loop {
        while running.len() < LISTINGS
            && let Some(step) = waiting.pop()
        {
            running.push(listing.request(step));
        }
        let Some(page) = running.next().await else { return Ok(()) };
        let page = page?;
        found.list_requests += 1;
        waiting.extend(page.next);
        for object in page.objects {
            take(bucket, prefix, object, days, found);
        }
    }
}

/// One request: a page of what is below a prefix.
struct Step {
    prefix: String,
    way: Way,
    token: Option<String>,
}

/// What it gave, and what is to be asked for next.
struct Page {
    objects: Vec<Object>,
    next: Vec<Step>,
}

/// One walk through a bucket.
struct Listing<'a> {
    client: &'static aws_sdk_s3::Client,
    bucket: &'a str,
    root: &'a str,
    days: Days,
}

impl Listing<'_> {
    fn plan(&self, prefix: String) -> Option<Step> {
        match layout::way(self.root, &prefix, self.days) {
            Way::Nothing => None,
            way => Some(Step { prefix, way, token: None }),
        }
    }

    async fn request(&self, step: Step) -> Result<Page, Error> {
        let request = self.client.list_objects_v2().bucket(self.bucket).prefix(&step.prefix);
        let request = request.set_continuation_token(step.token.clone());
        let request = match &step.way {
            Way::Folders => request.delimiter("/"),
            Way::Keys { start_after } => request.set_start_after(start_after.clone()),
            Way::Nothing => request,
        };
        let name = || format!("s3://{}/{}", self.bucket, step.prefix);
        let answer = request.send().await.map_err(|error| s3_error(name(), &error))?;
        let objects = answer.contents.unwrap_or_default();
        let folders = answer.common_prefixes.unwrap_or_default().into_iter().filter_map(|found| found.prefix);
        let mut next = folders.filter_map(|folder| self.plan(folder)).collect::<Vec<_>>();
        let last = objects.last().and_then(Object::key).unwrap_or_default();
        let ends = matches!(step.way, Way::Keys { .. }) && layout::is_behind(last, self.days);
        if let Some(token) = answer.next_continuation_token.filter(|_| !ends) {
            next.push(Step { token: Some(token), ..step });
        }
        Ok(Page { objects, next })
    }
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
