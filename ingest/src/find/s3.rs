//! `s3://bucket/prefix` → its log objects; and the client with which they are listed and fetched.

use super::layout::{self, Way};
use super::trouble::Trouble;
use super::whole::{WholeXml, is_whole};
use super::{Days, Found, LogObject, Place, Wanted};
use crate::error::Error;
use crate::patience::{Patience, Tries};
use crate::unanswered::unanswered;
use aws_config::{BehaviorVersion, meta::region::RegionProviderChain};
use aws_sdk_s3::config::{retry::RetryConfig, timeout::TimeoutConfig};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use aws_sdk_s3::types::Object;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::sync::OnceCell;

/// How long one attempt may take in all, in silences: a page of a listing; of an object, all but its body.
const ATTEMPT: u32 = 4;

/// Requests that list, at most, at the same time.
const LISTINGS: usize = 32;

/// Adds the log objects below `prefix` to `found`, and a line for each part of the bucket that could not be listed.
/// Every request is counted there.
///
/// # Errors
/// The bucket is missing or closed to us, or S3 cannot be reached: not even the first page came.
pub async fn list(bucket: &str, prefix: &str, days: Days, found: &mut Found) -> Result<(), Error> {
    let (client, wanted) = (s3_client().await, found.wanted);
    Listing { client, bucket, root: prefix, days, wanted, only_first: false }.walk(found).await
}

/// Adds the first object of each region below `prefix` to `found`.
///
/// # Errors
/// As for [`list`].
pub(crate) async fn first(bucket: &str, prefix: &str, found: &mut Found) -> Result<(), Error> {
    let (client, wanted, days) = (s3_client().await, found.wanted, Days::default());
    Listing { client, bucket, root: prefix, days, wanted, only_first: true }.walk(found).await
}

/// One request: a page of what is below a prefix.
struct Step {
    prefix: String,
    way: Way,
    token: Option<String>,
    /// The last key of the page before.
    behind: Option<String>,
}

impl Step {
    /// What is not known when the page does not come.
    fn name(&self, bucket: &str) -> String {
        let behind = self.behind.as_ref().map(|key| format!(" behind {key}")).unwrap_or_default();
        format!("s3://{bucket}/{}{behind}", self.prefix)
    }
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
    wanted: Wanted,
    /// Of all keys in a region, one will do.
    only_first: bool,
}

impl Listing<'_> {
    async fn walk(&self, found: &mut Found) -> Result<(), Error> {
        let mut waiting = self.plan(self.root.to_owned()).into_iter().collect::<Vec<_>>();
        let mut running = FuturesUnordered::new();
        let mut is_reached = false;
        loop {
            while running.len() < LISTINGS
                && let Some(step) = waiting.pop()
            {
                running.push(self.request(step));
            }
            let Some((page, requests)) = running.next().await else { return Ok(()) };
            found.list_requests += u64::from(requests);
            match page {
                Err(error) if !is_reached => return Err(error),
                // What is in the other parts is brought all the same.
                Err(error) => found.problems.push(error.to_string()),
                Ok(page) => {
                    is_reached = true;
                    waiting.extend(page.next);
                    for object in page.objects {
                        take(self.bucket, self.root, object, self.days, found);
                    }
                }
            }
        }
    }

    fn plan(&self, prefix: String) -> Option<Step> {
        match layout::way(self.root, &prefix, self.days, self.wanted) {
            Way::Nothing => None,
            way => Some(Step { prefix, way, token: None, behind: None }),
        }
    }

    /// Asks for a page until it comes, and tells how many requests it took.
    async fn request(&self, step: Step) -> (Result<Page, Error>, u32) {
        let patience = Patience::of_process();
        let mut tries = Tries::begin();
        loop {
            let why = match self.ask(&step).await {
                Ok(answer) => return (Ok(self.page(answer, step)), tries.count() + 1),
                Err(Trouble::Lasting(error)) => return (Err(error), tries.count() + 1),
                Err(Trouble::Passing(why) | Trouble::TooFast(why)) => why,
            };
            tracing::warn!(listing = step.name(self.bucket), tries = tries.count(), why, "asking again");
            if !tries.again(patience.give_up).await {
                let seconds = tries.lasted().as_secs();
                let why = format!("cannot be listed: {why}; given up after {seconds} s\nhint: run again");
                return (Err(Error::Source { name: step.name(self.bucket), why }), tries.count());
            }
        }
    }

    async fn ask(&self, step: &Step) -> Result<ListObjectsV2Output, Trouble> {
        let request = self.client.list_objects_v2().bucket(self.bucket).prefix(&step.prefix);
        let request = request.set_continuation_token(step.token.clone());
        let request = match &step.way {
            Way::Folders => request.delimiter("/"),
            Way::Keys { start_after } => {
                request.set_start_after(start_after.clone()).set_max_keys(self.only_first.then_some(1))
            }
            Way::Nothing => request,
        };
        let answer = request.customize().interceptor(WholeXml).send().await;
        let answer = answer.map_err(|error| Trouble::of(step.name(self.bucket), &error))?;
        if is_whole(&answer) {
            Ok(answer)
        } else {
            Err(Trouble::Passing("the page does not hold what it says".to_owned()))
        }
    }

    fn page(&self, answer: ListObjectsV2Output, step: Step) -> Page {
        let objects = answer.contents.unwrap_or_default();
        let folders = answer.common_prefixes.unwrap_or_default().into_iter().filter_map(|found| found.prefix);
        let mut next = folders.filter_map(|folder| self.plan(folder)).collect::<Vec<_>>();
        let behind = objects.last().and_then(Object::key).map(str::to_owned);
        let ends = matches!(step.way, Way::Keys { .. })
            && (self.only_first || layout::is_behind(behind.as_deref().unwrap_or_default(), self.days));
        if let Some(token) = answer.next_continuation_token.filter(|_| !ends) {
            next.push(Step { token: Some(token), behind: behind.or(step.behind), ..step });
        }
        Page { objects, next }
    }
}

fn take(bucket: &str, prefix: &str, object: Object, days: Days, found: &mut Found) {
    let Some(key) = object.key else { return };
    let size = u64::try_from(object.size.unwrap_or(0)).unwrap_or(0);
    let etag = object.e_tag.unwrap_or_default().trim_matches('"').to_owned();
    let place = Place::S3 { bucket: bucket.into(), key: key.clone(), etag };
    found.take(LogObject { place, size, time: None }, &key, key == prefix, days);
}

/// The client, made once: region, credentials and endpoint as every AWS tool takes them. It tries once, since its
/// retries would leave out bodies that break off, and know nothing of each other.
pub async fn s3_client() -> &'static aws_sdk_s3::Client {
    static CLIENT: OnceCell<aws_sdk_s3::Client> = OnceCell::const_new();
    CLIENT
        .get_or_init(async || {
            let region = RegionProviderChain::default_provider().or_else("us-east-1");
            let shared = aws_config::defaults(BehaviorVersion::latest()).region(region).load().await;
            let config = aws_sdk_s3::config::Builder::from(&shared);
            // An endpoint of one's own has no DNS name per bucket.
            let own = has_own_endpoint();
            let patience = Patience::of_process();
            let timeouts = TimeoutConfig::builder()
                .connect_timeout(patience.connect())
                .read_timeout(patience.silence)
                .operation_attempt_timeout(patience.silence * ATTEMPT);
            let config = config.timeout_config(timeouts.build()).retry_config(RetryConfig::disabled());
            aws_sdk_s3::Client::from_conf(config.force_path_style(own).build())
        })
        .await
}

/// What S3 said, in one line that names the object and, where we know it, the remedy.
pub fn s3_error<E, R>(name: String, error: &SdkError<E, R>) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug + 'static,
{
    let why = match error.code() {
        Some("NoSuchBucket") => "there is no such bucket\nhint: check the name and AWS_REGION".to_owned(),
        Some("NoSuchKey" | "NotFound") => "there is no such object".to_owned(),
        Some("AccessDenied") => {
            "access denied\nhint: s3:ListBucket and s3:GetObject are needed, and kms:Decrypt for SSE-KMS"
                .to_owned()
        }
        Some("PreconditionFailed") => "it was replaced while we read\nhint: run again".to_owned(),
        Some(code) => format!("{code}: {}", error.message().unwrap_or("no message")),
        None => unanswered("S3", error),
    };
    Error::Source { name, why }
}

/// Whether the environment names an endpoint of one's own: an emulator, or a store that speaks S3.
fn has_own_endpoint() -> bool {
    ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"].iter().any(|name| std::env::var_os(name).is_some())
}
