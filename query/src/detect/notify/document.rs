//! A finding → one JSON document, for whoever can read JSON.
//!
//! What an attacker wrote is data in a JSON string. SNS refuses a message of more than 256 KiB with its attributes, so a
//! long one is cut, with a marker (<https://docs.aws.amazon.com/sns/latest/api/API_Publish.html>); a webhook gets the
//! same.

use crate::detect::finding::Finding;
use crate::output::visible::visible_json;
use serde_json::{Value, json};
use trailhound_ingest::time;

/// Bytes of a body; 256 KiB less what attributes may take.
pub(super) const MOST: usize = 256 * 1024 - 4096;

/// Lengths, in characters, to which texts are cut until a document fits.
const CUTS: [usize; 4] = [8192, 1024, 128, 32];

/// Stands where a text was cut.
pub(super) const CUT: &str = "…[cut by trailhound]";

/// The document, cut until it fits; `runbook` is the rule's, filled in.
pub(super) fn document(finding: &Finding, runbook: Option<&str>) -> String {
    let mut document = whole(finding, runbook);
    let mut text = visible_json(&document.to_string());
    for length in CUTS {
        if text.len() <= MOST {
            break;
        }
        cut(&mut document, length);
        document["cut"] = json!(true);
        text = visible_json(&document.to_string());
    }
    if text.len() > MOST {
        // So many fields that even short ones do not fit: whoever reads this finds them in the lake.
        document["entities"] = json!({});
        document["params"] = json!({});
        text = visible_json(&document.to_string());
    }
    text
}

fn whole(finding: &Finding, runbook: Option<&str>) -> Value {
    json!({
        "source": "trailhound",
        "id": finding.id,
        "rule": finding.rule,
        "ruleVersion": finding.version,
        "severity": finding.severity.name(),
        "title": finding.title,
        "alert": finding.alert,
        "origin": finding.entities.get("origin"),
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
pub(super) mod tests {
    use super::*;
    use crate::rules::Severity;
    use std::collections::BTreeMap;

    /// A finding with one field, for the tests of all destinations.
    pub(in super::super) fn finding(agent: &str) -> Finding {
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
        let text = document(&finding(&"\u{1b}".repeat(300_000)), Some("look"));
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
        assert!(document(&finding, None).len() <= MOST);
    }

    #[test]
    fn a_short_message_is_whole() {
        let document: Value = serde_json::from_str(&document(&finding("curl"), None)).unwrap();
        assert_eq!((&document["cut"], &document["entities"]["userAgent"]), (&Value::Null, &json!("curl")));
        assert_eq!((&document["firstTime"], &document["count"]), (&json!("1970-01-01T00:00:00Z"), &json!(1)));
    }
}
