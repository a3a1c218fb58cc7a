//! A finding → a POST to a URL: the JSON document, or a message for Slack.
//!
//! Such a URL is a secret, since who has it can write. It is never part of a text: a destination is its host and eight
//! hex digits of a hash, which tell two of one host apart. What goes out is encrypted, unless it stays on this machine;
//! redirects are not followed, since they could lead off it; and of the answer no more is read than a word.

use super::document::document;
use super::{Notify, Refused, Trouble, slack};
use crate::detect::finding::Finding;
use crate::error::Error;
use async_trait::async_trait;
use reqwest::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode, Url};
use sha2::{Digest, Sha256};
use std::time::Duration;
use trailhound_ingest::{fetch, time};

/// How long a request may take, with its answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Bytes of an answer that are read.
const ANSWER: usize = 4096;

/// Hosts of Slack's incoming webhooks.
const SLACK: [&str; 2] = ["hooks.slack.com", "hooks.slack-gov.com"];

/// What is sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, clap::ValueEnum)]
pub enum Format {
    /// Slack's for a URL of Slack, otherwise JSON.
    #[default]
    Auto,
    /// The JSON document that SNS gets.
    Json,
    /// A message with blocks.
    Slack,
}

/// A URL that takes findings.
pub struct Webhook {
    url: Url,
    /// The URL without its secret.
    name: String,
    is_slack: bool,
    client: Client,
}

impl Webhook {
    /// The webhook at `url`.
    ///
    /// # Errors
    /// It is no URL, or one without TLS off this machine.
    pub fn new(url: &str, format: Format) -> Result<Self, Error> {
        let bad =
            |why: &str| Error::Notify(format!("a webhook {why}\nhint: it looks like https://host/path"));
        // What cannot be used is not shown either: a secret with a typing error is one still.
        let url = Url::parse(url.trim()).map_err(|error| bad(&format!("is not a URL: {error}")))?;
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(|| bad("has no host"))?;
        let is_here = is_loopback(host);
        match url.scheme() {
            "https" => {}
            "http" if is_here => {}
            "http" => return Err(bad(&format!("at {host} has no TLS, and is not on this machine"))),
            _ => return Err(bad("is neither https nor http")),
        }
        let hash = fetch::hex(&Sha256::digest(url.as_str())[..4]);
        let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
        let name = format!("{}://{host}{port}#{hash}", url.scheme());
        let is_slack = match format {
            Format::Auto => SLACK.contains(&host),
            Format::Json => false,
            Format::Slack => true,
        };
        let agent = concat!("trailhound/", env!("CARGO_PKG_VERSION"));
        let mut client = Client::builder().user_agent(agent).timeout(TIMEOUT).connect_timeout(TIMEOUT / 2);
        client = client.redirect(Policy::none()).referer(false).https_only(url.scheme() == "https");
        if is_here {
            // What may go without TLS goes to no proxy.
            client = client.no_proxy();
        }
        let client = client.build().map_err(|error| Error::Notify(causes(&error.without_url())))?;
        Ok(Self { url, name, is_slack, client })
    }
}

/// Whether a host of a URL is this machine.
fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    address.map_or(host == "localhost", |address| address.is_loopback())
}

#[async_trait]
impl Notify for Webhook {
    fn destination(&self) -> &str {
        &self.name
    }

    async fn send(&self, finding: &Finding, runbook: Option<&str>) -> Result<String, Refused> {
        let body = if self.is_slack { slack::message(finding, runbook) } else { document(finding, runbook) };
        let json = HeaderValue::from_static("application/json");
        let request = self.client.post(self.url.clone()).header(CONTENT_TYPE, json);
        // Who gets a finding twice can tell by this too.
        let answer = request.header("Idempotency-Key", &finding.id).body(body).send().await;
        let answer = answer.map_err(refused)?;
        let (status, after) = (answer.status(), retry_after(&answer, time::now()));
        let word = word(answer, &self.url).await;
        if status.is_success() {
            return Ok(format!("HTTP {}", status.as_u16()));
        }
        let word = word.map(|word| format!(" ({word})")).unwrap_or_default();
        Err(Refused::new(format!("HTTP {}{word}", told(status)), trouble(status, after)))
    }
}

/// Why there was no answer.
fn refused(error: reqwest::Error) -> Refused {
    if error.is_timeout() {
        // It may have been taken: to ask again at once would only take longer.
        return Refused::new(format!("no answer within {} s", TIMEOUT.as_secs()), Trouble::Destination);
    }
    // The URL is in what the error would say otherwise.
    let error = error.without_url();
    Refused::new(causes(&error), Trouble::Passing(None))
}

fn trouble(status: StatusCode, after: Option<Duration>) -> Trouble {
    match status.as_u16() {
        408 | 425 | 429 | 500..=599 => Trouble::Passing(after),
        // Wrong in this message: its form or its size.
        400 | 409 | 413 | 415 | 422 => Trouble::Message,
        // No such webhook any more, no permission, a redirect.
        _ => Trouble::Destination,
    }
}

fn told(status: StatusCode) -> String {
    let hint = if status.is_redirection() { ", and redirects are not followed" } else { "" };
    let reason = status.canonical_reason().map(|reason| format!(" {reason}")).unwrap_or_default();
    format!("{}{reason}{hint}", status.as_u16())
}

/// How long the destination wants to be left alone.
fn retry_after(answer: &Response, now: i64) -> Option<Duration> {
    pause(answer.headers().get(RETRY_AFTER)?.to_str().ok()?.trim(), now)
}

/// Seconds, or a date.
fn pause(text: &str, now: i64) -> Option<Duration> {
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let then = jiff::fmt::rfc2822::parse(text).ok()?.timestamp().as_microsecond();
    Some(Duration::from_micros(u64::try_from(then.saturating_sub(now)).unwrap_or(0)))
}

/// The answer, if it is one word, as Slack's `invalid_payload` or `no_service`: others may repeat the URL.
async fn word(mut answer: Response, url: &Url) -> Option<String> {
    let mut bytes = Vec::new();
    while let Ok(Some(chunk)) = answer.chunk().await {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > ANSWER {
            return None;
        }
    }
    let word = String::from_utf8(bytes).ok()?.trim().to_owned();
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
    let is_word = (1..=40).contains(&word.len()) && word.bytes().all(is_plain);
    (is_word && !url.as_str().contains(&word)).then_some(word)
}

/// An error and what lies behind it.
fn causes(error: &dyn std::error::Error) -> String {
    let all = std::iter::successors(Some(error), |error| error.source());
    all.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_is_in_no_text() {
        let new = |url| Webhook::new(url, Format::Auto);
        let one = new("https://hooks.slack.com/services/T0/B0/secret").unwrap();
        let two = new("https://hooks.slack.com/services/T0/B0/other").unwrap();
        assert!(one.destination().starts_with("https://hooks.slack.com#"), "{}", one.destination());
        assert!(one.is_slack && one.destination() != two.destination());
        assert!(!new("https://example.com:8443/x").unwrap().is_slack);
        for (url, expected) in [
            ("http://example.com/secret", "at example.com has no TLS"),
            ("http://localhost.example.com/secret", "has no TLS"),
            ("ftp://example.com/secret", "neither https nor http"),
            ("https:///", "a webhook"),
            ("secret", "is not a URL"),
            ("http://[::ffff:8.8.8.8]/secret", "has no TLS"),
        ] {
            let error = new(url).err().unwrap_or_else(|| panic!("{url}")).to_string();
            assert!(error.contains(expected) && !error.contains("secret"), "{url}: {error}");
        }
        for url in ["http://127.0.0.1:9/x", "http://[::1]/x", "http://localhost:80/x"] {
            assert!(new(url).is_ok(), "{url}");
        }
    }

    #[test]
    fn a_pause_is_seconds_or_a_date() {
        let now = 1_795_000_000_000_000;
        for (text, expected) in [
            ("120", Some(120)),
            ("Wed, 18 Nov 2026 11:07:40 GMT", Some(60)),
            ("Wed, 18 Nov 2026 11:00:00 GMT", Some(0)),
            ("soon", None),
            ("-1", None),
        ] {
            assert_eq!(pause(text, now), expected.map(Duration::from_secs), "{text}");
        }
    }

    #[test]
    fn each_status_means_something() {
        let after = Some(Duration::from_secs(1));
        for (status, expected) in [
            (429, Trouble::Passing(after)),
            (503, Trouble::Passing(after)),
            (400, Trouble::Message),
            (404, Trouble::Destination),
            (410, Trouble::Destination),
            (302, Trouble::Destination),
        ] {
            assert_eq!(trouble(StatusCode::from_u16(status).unwrap(), after), expected, "{status}");
        }
    }
}
