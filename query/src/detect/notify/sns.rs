//! A finding → a message on an SNS topic.
//!
//! The body is one JSON document; filter policies can select by the attributes `rule`, `severity`, `account` and
//! `region`. What an attacker wrote is data in a JSON string and never becomes a subject or an attribute. A message of
//! more than 256 KB would be refused by SNS, so a long one is cut, with a marker
//! (<https://docs.aws.amazon.com/sns/latest/api/API_Publish.html>).

use super::finding::Finding;
use super::notify::{Notify, Refused};
use async_trait::async_trait;
use aws_config::{BehaviorVersion, Region};
use aws_sdk_sns::Client;
use aws_sdk_sns::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sns::types::MessageAttributeValue;
use serde_json::{Value, json};
use trailhound_ingest::lake::require_tls;
use trailhound_ingest::time;

/// Bytes of body and attributes; 256 KiB less what the attributes may take.
const MOST: usize = 256 * 1024 - 4096;

/// Lengths, in characters, to which texts are cut until a message fits.
const CUTS: [usize; 4] = [8192, 1024, 128, 32];

/// Stands where a text was cut.
pub const CUT: &str = "…[cut by trailhound]";

/// A topic.
#[derive(Debug)]
pub struct Topic {
    arn: String,
    is_fifo: bool,
    client: Client,
}

impl Topic {
    /// The topic `arn`, reached with the credentials that every AWS tool finds.
    ///
    /// # Errors
    /// It is not the ARN of a topic, or the environment has an endpoint without TLS off this machine.
    pub async fn new(arn: &str) -> Result<Self, crate::Error> {
        let parts = arn.split(':').collect::<Vec<_>>();
        let &["arn", _, "sns", region, _, name] = parts.as_slice() else {
            let hint = "hint: it looks like arn:aws:sns:eu-west-1:111122223333:alerts";
            return Err(crate::Error::Notify(format!("{arn:?} is not the ARN of an SNS topic\n{hint}")));
        };
        require_tls("SNS")?;
        // A topic is in the region that its ARN says, wherever we run.
        let config = aws_config::defaults(BehaviorVersion::latest()).region(Region::new(region.to_owned()));
        // The suffix is part of AWS's naming, in this case only.
        let is_fifo = name.strip_suffix(".fifo").is_some();
        Ok(Self { arn: arn.to_owned(), is_fifo, client: Client::new(&config.load().await) })
    }
}

#[async_trait]
impl Notify for Topic {
    fn destination(&self) -> &str {
        &self.arn
    }

    async fn send(&self, finding: &Finding, runbook: Option<&str>) -> Result<String, Refused> {
        let mut request = self.client.publish().topic_arn(&self.arn);
        request = request.subject(subject(finding)).message(message(finding, runbook));
        for (name, value) in attributes(finding) {
            let value = MessageAttributeValue::builder().data_type("String").string_value(value).build();
            let value = value.map_err(|error| Refused { why: error.to_string(), retry: false })?;
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
    let for_good =
        ["NotFound", "AuthorizationError", "InvalidParameter", "InvalidClientTokenId", "EndpointDisabled"];
    let why = match error.as_service_error() {
        Some(service) => format!("{code}: {}", service.message().unwrap_or_default()),
        None => causes(error),
    };
    Refused { why, retry: !for_good.iter().any(|known| code.starts_with(known)) }
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
    let word = |text: &Option<String>| {
        let is_word = |text: &&String| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        text.as_ref()
            .filter(is_word)
            .filter(|text| !text.is_empty())
            .map(|text| text.chars().take(64).collect())
    };
    let mut all = vec![("rule", finding.rule.clone()), ("severity", finding.severity.name().to_owned())];
    all.extend(word(&finding.account).map(|account| ("account", account)));
    all.extend(word(&finding.region).map(|region| ("region", region)));
    all
}

/// The body, cut until it fits.
#[must_use]
pub fn message(finding: &Finding, runbook: Option<&str>) -> String {
    let mut document = document(finding, runbook);
    let mut text = document.to_string();
    for length in CUTS {
        if text.len() <= MOST {
            break;
        }
        cut(&mut document, length);
        document["cut"] = json!(true);
        text = document.to_string();
    }
    if text.len() > MOST {
        // So many fields that even short ones do not fit: whoever reads this finds them in the lake.
        document["entities"] = json!({});
        document["params"] = json!({});
        text = document.to_string();
    }
    text
}

fn document(finding: &Finding, runbook: Option<&str>) -> Value {
    json!({
        "source": "trailhound",
        "id": finding.id,
        "rule": finding.rule,
        "ruleVersion": finding.version,
        "severity": finding.severity.name(),
        "title": finding.title,
        "alert": finding.alert,
        "actor": finding.actor,
        "account": finding.account,
        "region": finding.region,
        "firstTime": time::format(finding.first_time),
        "lastTime": time::format(finding.last_time),
        "detectTime": time::format(finding.detect_time),
        "count": finding.count,
        "eventIDs": finding.event_ids,
        "entities": finding.entities,
        "attack": finding.attack,
        "params": serde_json::from_str::<Value>(&finding.params).unwrap_or_default(),
        "late": finding.late,
        "runbook": runbook,
    })
}

/// Cuts every text of more than `length` characters, and every list of more than `length` items.
fn cut(value: &mut Value, length: usize) {
    match value {
        Value::String(text) => {
            if let Some((end, _)) = text.char_indices().nth(length) {
                text.truncate(end);
                text.push_str(CUT);
            }
        }
        Value::Array(items) => {
            if items.len() > length {
                items.truncate(length);
                items.push(json!(CUT));
            }
            for item in items {
                cut(item, length);
            }
        }
        Value::Object(members) => members.values_mut().for_each(|member| cut(member, length)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Severity;
    use std::collections::BTreeMap;

    fn finding(agent: &str) -> Finding {
        Finding {
            id: "1f".repeat(16),
            rule: "root_activity".to_owned(),
            version: 1,
            severity: Severity::High,
            title: "Root – did something".to_owned(),
            actor: Some("arn:aws:iam::111122223333:root".to_owned()),
            alert: "root did it".to_owned(),
            entities: BTreeMap::from([("userAgent".to_owned(), agent.to_owned())]),
            dedup_key: "[]".to_owned(),
            first_time: 0,
            last_time: 1_000_000,
            count: 1,
            event_ids: vec!["e".to_owned()],
            attack: Vec::new(),
            params: "{}".to_owned(),
            late: false,
            account: Some("111122223333".to_owned()),
            region: Some("eu-west-1\nx".to_owned()),
            detect_time: 0,
        }
    }

    #[test]
    fn a_long_message_is_cut_and_says_so() {
        // A control character takes six bytes in JSON.
        let text = message(&finding(&"\u{1b}".repeat(300_000)), Some("look"));
        assert!(text.len() <= MOST);
        let document: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(document["cut"], true);
        assert!(document["entities"]["userAgent"].as_str().unwrap().ends_with(CUT));
        assert_eq!((&document["alert"], &document["runbook"]), (&json!("root did it"), &json!("look")));
    }

    #[test]
    fn a_message_of_many_fields_fits() {
        let mut finding = finding("");
        finding.entities = (0..20_000).map(|n| (format!("field_{n}"), "x".repeat(40))).collect();
        assert!(message(&finding, None).len() <= MOST);
    }

    #[test]
    fn a_short_message_is_whole() {
        let document: Value = serde_json::from_str(&message(&finding("curl"), None)).unwrap();
        assert_eq!((&document["cut"], &document["entities"]["userAgent"]), (&Value::Null, &json!("curl")));
        assert_eq!((&document["firstTime"], &document["count"]), (&json!("1970-01-01T00:00:00Z"), &json!(1)));
    }

    #[test]
    fn subject_and_attributes_are_plain() {
        let finding = finding("");
        assert_eq!(subject(&finding), "[high] Root ? did something");
        let names = attributes(&finding).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        assert_eq!(names, ["rule", "severity", "account"], "a region with a line feed is none");
    }
}
