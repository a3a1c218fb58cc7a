//! CloudTrail's public keys, asked of CloudTrail itself: `ListPublicKeys` of a region.
//!
//! One call of one action: it is signed by the crate that the SDK signs with, and sent by the client that webhooks are
//! sent with. The SDK's own client of CloudTrail has a hundred actions more.

use async_trait::async_trait;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_credential_types::provider::ProvideCredentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode};
use serde::Deserialize;
use serde_json::json;
use std::time::{Duration, SystemTime};
use tokio::sync::OnceCell;
use trailhound_ingest::Error;
use trailhound_ingest::digest::{KeySource, PublicKey};
use trailhound_ingest::lake::require_tls;

/// How long a request may take, with its answer.
const TIMEOUT: Duration = Duration::from_secs(15);

/// How often it is asked before CloudTrail is given up.
const ATTEMPTS: u32 = 4;

/// Bytes of an answer, at most: a key is half a kilobyte.
const ANSWER: usize = 4 << 20;

/// The action, as CloudTrail's JSON protocol names it.
const TARGET: &str = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.ListPublicKeys";

/// Asks CloudTrail, with the credentials that every AWS tool takes.
#[derive(Debug, Default)]
pub struct CloudTrailKeys {
    config: OnceCell<SdkConfig>,
}

#[derive(Deserialize)]
struct Refusal {
    #[serde(rename = "__type", default)]
    kind: String,
    #[serde(alias = "Message", default)]
    message: String,
}

/// Why there was no answer, and whether it is of use to ask again.
struct Refused {
    why: String,
    may_pass: bool,
}

impl Refused {
    #[allow(clippy::needless_pass_by_value, reason = "errors are handed to it by `map_err`")]
    fn lasting(why: impl ToString) -> Self {
        Self { why: why.to_string(), may_pass: false }
    }
}

#[async_trait]
impl KeySource for CloudTrailKeys {
    async fn keys(&self, region: &str, from: i64, until: i64) -> Result<Vec<PublicKey>, Error> {
        require_tls("CLOUDTRAIL")?;
        let seconds = |micros: i64| micros.div_euclid(1_000_000);
        let body = json!({"StartTime": seconds(from), "EndTime": seconds(until)}).to_string();
        let mut attempt = 0;
        loop {
            let refused = match self.ask(region, &body).await {
                Ok(answer) => return PublicKey::list(&answer).map_err(|why| unusable(region, &why)),
                Err(refused) => refused,
            };
            attempt += 1;
            if !refused.may_pass || attempt == ATTEMPTS {
                return Err(unusable(region, &refused.why));
            }
            tracing::warn!(region, attempt, why = refused.why, "asking CloudTrail for its keys again");
            tokio::time::sleep(Duration::from_millis(500) * 2_u32.pow(attempt)).await;
        }
    }

    fn is_complete(&self) -> bool {
        true
    }
}

fn unusable(region: &str, why: &str) -> Error {
    let hint = "hint: cloudtrail:ListPublicKeys is needed; without AWS, give the keys by --public-keys";
    Error::Source {
        name: format!("the public keys of CloudTrail in {region}"),
        why: format!("{why}\n{hint}"),
    }
}

impl CloudTrailKeys {
    /// One request.
    async fn ask(&self, region: &str, body: &str) -> Result<Vec<u8>, Refused> {
        let config = self.config.get_or_init(|| aws_config::load_defaults(BehaviorVersion::latest())).await;
        let url = endpoint(config, region);
        let headers = [("content-type", "application/x-amz-json-1.1"), ("x-amz-target", TARGET)];
        let signed = signed(config, region, &url, headers, body).await?;
        // An endpoint of one's own is on this machine, where no proxy is.
        let is_plain = url.starts_with("http:");
        let client = Client::builder().timeout(TIMEOUT).redirect(Policy::none()).https_only(!is_plain);
        let client = if is_plain { client.no_proxy() } else { client };
        let mut request = client.build().map_err(Refused::lasting)?.post(&url).body(body.to_owned());
        for (name, value) in
            headers.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).chain(signed)
        {
            request = request.header(name, value);
        }
        let passing = |error: reqwest::Error| Refused { why: error.to_string(), may_pass: true };
        let mut response = request.send().await.map_err(passing)?;
        let (status, mut answer) = (response.status(), Vec::new());
        while let Some(piece) = response.chunk().await.map_err(passing)? {
            if answer.len() + piece.len() > ANSWER {
                return Err(Refused::lasting("the answer is too long"));
            }
            answer.extend_from_slice(&piece);
        }
        if status.is_success() { Ok(answer) } else { Err(refused(status, &answer)) }
    }
}

/// What a refusal says.
fn refused(status: StatusCode, answer: &[u8]) -> Refused {
    let said = serde_json::from_slice::<Refusal>(answer).ok();
    let why = said.map_or_else(
        || format!("HTTP {status}"),
        |said| {
            let kind = said.kind.rsplit('#').next().unwrap_or_default();
            format!("{kind}: {}", said.message)
        },
    );
    let may_pass =
        status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS || why.starts_with("Throttling");
    Refused { why, may_pass }
}

/// The headers that prove who asks.
async fn signed(
    config: &SdkConfig,
    region: &str,
    url: &str,
    headers: [(&str, &str); 2],
    body: &str,
) -> Result<Vec<(String, String)>, Refused> {
    let provider =
        config.credentials_provider().ok_or_else(|| Refused::lasting("there are no credentials"))?;
    let credentials = provider.provide_credentials().await;
    let credentials =
        credentials.map_err(|error| Refused::lasting(format!("there are no credentials: {error}")))?;
    let identity = credentials.into();
    let params = SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name("cloudtrail")
        .time(SystemTime::now())
        .settings(SigningSettings::default())
        .build()
        .map_err(Refused::lasting)?
        .into();
    let request =
        SignableRequest::new("POST", url, headers.into_iter(), SignableBody::Bytes(body.as_bytes()));
    let (instructions, _) =
        sign(request.map_err(Refused::lasting)?, &params).map_err(Refused::lasting)?.into_parts();
    Ok(instructions.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

/// Where CloudTrail is asked: where the environment says, or at AWS.
fn endpoint(config: &SdkConfig, region: &str) -> String {
    let own = std::env::var("AWS_ENDPOINT_URL_CLOUDTRAIL").ok().filter(|url| !url.is_empty());
    let own = own.or_else(|| config.endpoint_url().map(str::to_owned));
    own.unwrap_or_else(|| aws_endpoint(region))
}

/// The endpoint of a region; a region is a folder of the bucket, and must not lead elsewhere.
fn aws_endpoint(region: &str) -> String {
    let region = region.replace(|c: char| !c.is_ascii_alphanumeric() && c != '-', "-");
    let domain = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    format!("https://cloudtrail.{region}.{domain}/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_of_the_bucket_leads_to_aws_and_nowhere_else() {
        assert_eq!(aws_endpoint("eu-west-1"), "https://cloudtrail.eu-west-1.amazonaws.com/");
        assert_eq!(aws_endpoint("cn-north-1"), "https://cloudtrail.cn-north-1.amazonaws.com.cn/");
        assert_eq!(aws_endpoint("evil.example/#"), "https://cloudtrail.evil-example--.amazonaws.com/");
    }

    #[test]
    fn a_refusal_is_told_in_its_own_words() {
        let answer = br#"{"__type":"com.amazonaws#AccessDeniedException","Message":"not you"}"#;
        let lasting = refused(StatusCode::BAD_REQUEST, answer);
        assert_eq!((lasting.why.as_str(), lasting.may_pass), ("AccessDeniedException: not you", false));
        let throttled = refused(StatusCode::BAD_REQUEST, br#"{"__type":"ThrottlingException"}"#);
        assert!(throttled.may_pass && refused(StatusCode::BAD_GATEWAY, b"<html>").may_pass);
    }
}
