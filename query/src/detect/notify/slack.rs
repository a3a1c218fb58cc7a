//! A finding → a message for an incoming webhook of Slack.
//!
//! Blocks, and a text for the notification of a phone. Slack refuses a message with a text that is too long, so all are
//! cut (<https://docs.slack.dev/reference/block-kit/blocks>). `verbatim` keeps it from making links of names.

use super::mrkdwn::{block, code, facts, headline, plain};
use crate::detect::finding::Finding;
use serde_json::{Value, json};
use trailhound_ingest::time;

/// Characters of a header, of a section, and of a field of one.
const HEADER: usize = 150;
const SECTION: usize = 3000;
const FIELD: usize = 2000;

/// Fields of a section.
const FIELDS: usize = 10;

/// The message; `runbook` is the rule's, filled in.
pub(super) fn message(finding: &Finding, runbook: Option<&str>) -> String {
    let header = json!({"type": "plain_text", "text": plain(&headline(finding), HEADER), "emoji": false});
    let fields = facts(finding).into_iter().take(FIELDS);
    let fields = fields.map(|(name, value)| text(&format!("*{name}*\n{}", code(&value, FIELD - 40))));
    let mut blocks = vec![
        json!({"type": "header", "text": header}),
        json!({"type": "section", "text": text(&block(&finding.alert, false, SECTION))}),
        json!({"type": "section", "fields": fields.collect::<Vec<_>>()}),
    ];
    if let Some(runbook) = runbook.filter(|runbook| !runbook.trim().is_empty()) {
        blocks.push(json!({"type": "section", "text": text(&block(runbook, true, SECTION))}));
    }
    let of = format!("rule {} v{}", finding.rule, finding.version);
    let found = format!("found {}", time::format(finding.detect_time));
    let context = [code(&of, 200), code(&format!("finding {}", finding.id), 200), code(&found, 200)];
    blocks.push(json!({"type": "context", "elements": context.map(|line| text(&line))}));
    let notice = format!("{}: {}", headline(finding), finding.alert);
    // Without `mrkdwn` it is text and nothing else.
    json!({
        "text": plain(&notice, SECTION),
        "mrkdwn": false,
        "unfurl_links": false,
        "unfurl_media": false,
        "blocks": blocks,
    })
    .to_string()
}

fn text(text: &str) -> Value {
    json!({"type": "mrkdwn", "text": text, "verbatim": true})
}

#[cfg(test)]
mod tests {
    use super::super::document::tests::finding;
    use super::*;

    /// All texts in a message.
    fn texts(value: &Value) -> Vec<&str> {
        match value {
            Value::Object(members) => {
                let below = members.iter().flat_map(|(name, value)| match value {
                    Value::String(text) if name == "text" => vec![text.as_str()],
                    other => texts(other),
                });
                below.collect()
            }
            Value::Array(items) => items.iter().flat_map(texts).collect(),
            _ => Vec::new(),
        }
    }

    #[test]
    fn what_an_attacker_wrote_stands_as_code() {
        let mut finding = finding("");
        finding.alert = "<!channel> `*x*` did\n@here https://evil.test".to_owned();
        finding.actor = Some("a\u{202e}b".to_owned());
        let message: Value = serde_json::from_str(&message(&finding, Some("1. look\n2. act"))).unwrap();
        assert_eq!(message["blocks"][0]["text"]["text"], "HIGH: Root – did something");
        let alert = message["blocks"][1]["text"]["text"].as_str().unwrap();
        assert_eq!(alert, "```\n&lt;!channel&gt; '*x*' did\\n(at)here https://evil.test\n```");
        let all = texts(&message);
        assert!(
            all.contains(&"*Actor*\n`a\\u{202e}b`") && all.contains(&"```\n1. look\n2. act\n```"),
            "{all:?}"
        );
        assert!(all.iter().all(|text| !text.contains(['<', '>']) && !text.contains("@here")), "{all:?}");
    }

    #[test]
    fn a_long_one_is_within_the_limits() {
        let mut finding = finding("");
        finding.alert = "<&>".repeat(100_000);
        finding.title = "t".repeat(5000);
        finding.actor = Some("🦀".repeat(5000));
        let message: Value = serde_json::from_str(&message(&finding, Some(&"x\n".repeat(9000)))).unwrap();
        let length = |value: &Value| value.as_str().unwrap().encode_utf16().count();
        assert!(length(&message["blocks"][0]["text"]["text"]) <= HEADER);
        assert!(length(&message["text"]) <= SECTION);
        for at in [1, 3] {
            assert!(length(&message["blocks"][at]["text"]["text"]) <= SECTION);
        }
        let fields = message["blocks"][2]["fields"].as_array().unwrap();
        assert!(fields.len() <= FIELDS && fields.iter().all(|field| length(&field["text"]) <= FIELD));
    }
}
