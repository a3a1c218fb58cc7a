//! A finding → a message on an SNS topic.
//!
//! The body is one JSON document, or a notification for chats; filter policies can select by the attributes `rule`,
//! `severity`, `account` and `region`. What an attacker wrote never becomes a subject or an attribute.

use super::document::document;
use super::{Notify, Refused, Trouble, chatbot};
use crate::detect::finding::Finding;
use async_trait::async_trait;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region};
use aws_sdk_sns::Client;
use aws_sdk_sns::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sns::types::MessageAttributeValue;
use std::time::Duration;
use trailhound_ingest::lake::require_tls;

/// How long one request may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Codes that mean that nothing will be accepted until somebody does something: the topic is gone, or we or its key may
/// not be used (<https://docs.aws.amazon.com/sns/latest/api/API_Publish.html>).
const FOR_ALL: [&str; 13] = [
    "NotFound",
    "AuthorizationError",
    "AccessDenied",
    "EndpointDisabled",
    "ExpiredToken",
    "InvalidClientTokenId",
    "InvalidSecurity",
    "KMSAccessDenied",
    "KMSDisabled",
    "KMSInvalidState",
    "KMSNotFound",
    "KMSOptInRequired",
    "SignatureDoesNotMatch",
];

/// Codes that mean that this message is not accepted.
const FOR_ONE: [&str; 4] =
    ["InvalidParameter", "ParameterValueInvalid", "ValidationException", "InvalidAttributeValue"];

/// What the messages of a topic look like.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, clap::ValueEnum)]
pub enum Format {
    /// The JSON document.
    #[default]
    Json,
    /// A custom notification of Amazon Q Developer in chat applications (AWS Chatbot), for Slack and Teams.
    Chatbot,
}

/// A topic.
#[derive(Debug)]
pub struct Topic {
    arn: String,
    format: Format,
    is_fifo: bool,
    client: Client,
}

impl Topic {
    /// The topic `arn`, reached with the credentials that every AWS tool finds.
    ///
    /// # Errors
    /// It is not the ARN of a topic, or the environment has an endpoint without TLS off this machine.
    pub async fn new(arn: &str, format: Format) -> Result<Self, crate::Error> {
        let parts = arn.split(':').collect::<Vec<_>>();
        let &["arn", _, "sns", region, _, name] = parts.as_slice() else {
            let hint = "hint: it looks like arn:aws:sns:eu-west-1:111122223333:alerts";
            return Err(crate::Error::Notify(format!("{arn:?} is not the ARN of an SNS topic\n{hint}")));
        };
        require_tls("SNS")?;
        // A topic is in the region that its ARN says, wherever we run. Who retries is the outbox.
        let timeouts =
            TimeoutConfig::builder().connect_timeout(TIMEOUT / 2).operation_timeout(TIMEOUT).build();
        let config = aws_config::defaults(BehaviorVersion::latest()).region(Region::new(region.to_owned()));
        let config = config.retry_config(RetryConfig::disabled()).timeout_config(timeouts);
        // The suffix is part of AWS's naming, in this case only.
        let is_fifo = name.strip_suffix(".fifo").is_some();
        Ok(Self { arn: arn.to_owned(), format, is_fifo, client: Client::new(&config.load().await) })
    }
}

#[async_trait]
impl Notify for Topic {
    fn destination(&self) -> &str {
        &self.arn
    }

    async fn send(&self, finding: &Finding, runbook: Option<&str>) -> Result<String, Refused> {
        let message = match self.format {
            Format::Json => document(finding, runbook),
            Format::Chatbot => chatbot::message(finding, runbook),
        };
        let mut request = self.client.publish().topic_arn(&self.arn);
        request = request.subject(subject(finding)).message(message);
        for (name, value) in attributes(finding) {
            let value = MessageAttributeValue::builder().data_type("String").string_value(value).build();
            let value = value.map_err(|error| Refused::new(error.to_string(), Trouble::Message))?;
            request = request.message_attributes(name, value);
        }
        // In a FIFO topic SNS itself drops a message that is sent again within five minutes.
        if self.is_fifo {
            request = request.message_deduplication_id(&finding.id).message_group_id(&finding.rule);
        }
        match request.send().await {
            Ok(sent) => Ok(sent.message_id.unwrap_or_default()),
            Err(error) => Err(refused(&error)),
        }
    }
}

fn refused<E: ProvideErrorMetadata + std::error::Error + 'static>(error: &SdkError<E>) -> Refused {
    let code = error.as_service_error().and_then(ProvideErrorMetadata::code).unwrap_or_default();
    let is_one_of = |known: &[&str]| known.iter().any(|known| code.starts_with(known));
    let trouble = match code {
        _ if is_one_of(&FOR_ALL) => Trouble::Destination,
        // It may have been sent: to ask again at once would only take longer.
        _ if matches!(error, SdkError::TimeoutError(_)) => Trouble::Destination,
        _ if is_one_of(&FOR_ONE) => Trouble::Message,
        // Throttled, in trouble, or not heard of.
        _ => Trouble::Passing(None),
    };
    let why = match error.as_service_error() {
        Some(service) => format!("{code}: {}", service.message().unwrap_or_default()),
        None => causes(error),
    };
    Refused::new(why, trouble)
}

/// An error and what lies behind it, without the debug output that the SDK adds.
fn causes(error: &dyn std::error::Error) -> String {
    let all = std::iter::successors(Some(error), |error| error.source());
    all.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// At most 100 printable ASCII characters: severity and title, which are the rule's and not an attacker's.
fn subject(finding: &Finding) -> String {
    let text = format!("[{}] {}", finding.severity.name(), finding.title);
    text.chars().map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' }).take(100).collect()
}

/// Attributes with nothing in them are refused by SNS, and so left out.
fn attributes(finding: &Finding) -> Vec<(&'static str, String)> {
    let mut all = vec![("rule", finding.rule.clone()), ("severity", finding.severity.name().to_owned())];
    let places = [("account", &finding.account), ("region", &finding.region)];
    all.extend(
        places.into_iter().filter_map(|(name, value)| Some((name, word(value.as_ref()?)?.to_owned()))),
    );
    all
}

/// `text` if it is one word, of at most 64 characters: names of rules, accounts and regions are.
pub(super) fn word(text: &str) -> Option<&str> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    ((1..=64).contains(&text.len()) && text.bytes().all(is_plain)).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::super::document::tests::finding;
    use super::*;

    #[test]
    fn subject_and_attributes_are_plain() {
        let finding = finding("");
        assert_eq!(subject(&finding), "[high] Root ? did something");
        let names = attributes(&finding).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        assert_eq!(names, ["rule", "severity", "account"], "a region with a line feed is none");
    }
}
