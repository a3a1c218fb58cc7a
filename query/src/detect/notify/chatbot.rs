//! A finding → a custom notification of Amazon Q Developer in chat applications (AWS Chatbot), schema version 1.0.
//!
//! A topic that Amazon Q reads shows nothing but messages of this form
//! (<https://docs.aws.amazon.com/chatbot/latest/adminguide/custom-notifs.html>). `client-markdown` is the markup of the
//! chat, so what an attacker wrote stands as code. `additionalContext` is what custom actions put into commands: nothing
//! gets there but words.

use super::mrkdwn::{block, code, facts, headline, plain};
use super::sns::word;
use crate::detect::finding::Finding;
use serde_json::{Map, Value, json};

/// Characters of a title, of the alert and a fact in the description, and of a step. Slack shows 3000 in one section.
const TITLE: usize = 250;
const ALERT: usize = 1200;
const FACT: usize = 150;
const STEP: usize = 300;

/// Steps at most.
const STEPS: usize = 10;

/// The notification; `runbook` is the rule's, filled in.
pub(super) fn message(finding: &Finding, runbook: Option<&str>) -> String {
    let facts = facts(finding).into_iter();
    let facts = facts.map(|(name, value)| format!("*{name}* {}", code(&value, FACT))).collect::<Vec<_>>();
    let title = plain(&headline(finding), TITLE);
    let mut content = json!({
        "textType": "client-markdown",
        "title": title,
        "description": format!("{}\n{}", block(&finding.alert, false, ALERT), facts.join("\n")),
        "keywords": [finding.severity.name(), plain(&finding.rule, 60)],
    });
    let steps = runbook.unwrap_or_default().lines().map(str::trim).filter(|line| !line.is_empty());
    let steps = steps.take(STEPS).map(|step| code(step, STEP)).collect::<Vec<_>>();
    if !steps.is_empty() {
        content["nextSteps"] = json!(steps);
    }
    json!({
        "version": "1.0",
        "source": "custom",
        "id": finding.id,
        "content": content,
        "metadata": {
            "summary": plain(&headline(finding), 200),
            "eventType": "trailhound-finding",
            "additionalContext": context(finding),
        },
    })
    .to_string()
}

/// What a custom action may put into a command.
fn context(finding: &Finding) -> Map<String, Value> {
    let all = [
        ("findingId", Some(&finding.id)),
        ("rule", Some(&finding.rule)),
        ("account", finding.account.as_ref()),
        ("region", finding.region.as_ref()),
    ];
    let words = all.into_iter().filter_map(|(name, value)| Some((name.to_owned(), json!(word(value?)?))));
    words.chain([("severity".to_owned(), json!(finding.severity.name()))]).collect()
}

#[cfg(test)]
mod tests {
    use super::super::document::tests::finding;
    use super::*;

    #[test]
    fn it_is_what_amazon_q_reads() {
        let mut finding = finding("");
        finding.alert = "<!here> did `it`".to_owned();
        let message: Value = serde_json::from_str(&message(&finding, Some("1. look\n\n2. act"))).unwrap();
        assert_eq!((&message["version"], &message["source"]), (&json!("1.0"), &json!("custom")));
        let content = &message["content"];
        assert_eq!(content["textType"], "client-markdown");
        assert_eq!(content["title"], "HIGH: Root – did something");
        let description = content["description"].as_str().unwrap();
        assert!(description.starts_with("```\n&lt;!here&gt; did 'it'\n```\n*Account* `111122223333`\n"));
        assert!(description.contains("*Region* `eu-west-1\\nx`"), "{description}");
        assert_eq!(content["nextSteps"], json!(["`1. look`", "`2. act`"]));
        let context = json!({
            "findingId": finding.id, "rule": "root_activity", "account": "111122223333", "severity": "high"
        });
        assert_eq!(message["metadata"]["additionalContext"], context, "a region with a line feed is none");
    }

    #[test]
    fn a_long_one_fits() {
        let mut finding = finding("");
        (finding.alert, finding.title) = ("<".repeat(100_000), "t".repeat(9000));
        finding.actor = Some("&".repeat(9000));
        let message = message(&finding, Some(&format!("{}\n", "x".repeat(1000)).repeat(50)));
        let message: Value = serde_json::from_str(&message).unwrap();
        let length = |value: &Value| value.as_str().unwrap().encode_utf16().count();
        assert!(length(&message["content"]["title"]) <= TITLE);
        assert!(length(&message["content"]["description"]) <= 3000);
        assert_eq!(message["content"]["nextSteps"].as_array().unwrap().len(), STEPS);
    }
}
