//! A finding as text for a chat: Slack's mrkdwn, which Amazon Q passes on to Slack as it is.
//!
//! An attacker writes names, agents and paths. `&`, `<` and `>` begin links and mentions of people and channels, so they
//! become entities (<https://docs.slack.dev/messaging/formatting-message-text>). For `*`, `_`, `~` and the like there is
//! no escape, so that all such text stands as code, which knows no format, no link and no emoji, and from which it can be
//! copied; a backtick, that would end it, becomes an apostrophe. What cannot be seen is shown.

use crate::detect::finding::Finding;
use crate::output::visible::visible_but;
use trailhound_ingest::time;

/// Stands where a text was cut.
const CUT: &str = "…";

/// Mentions that wake everybody, in chats that know them as plain words.
const CALLS: [&str; 4] = ["here", "channel", "everyone", "group"];

/// `text` with nothing in it that a chat reads as more than text; at most `most` UTF-16 units long.
pub(super) fn plain(text: &str, most: usize) -> String {
    escaped(&visible_but(text, |_| false), most)
}

/// The same as a line of code.
pub(super) fn code(text: &str, most: usize) -> String {
    format!("`{}`", escaped(&visible_but(text, |_| false), most.saturating_sub(2)))
}

/// The same as a block of code. Line feeds are kept if the text is ours.
pub(super) fn block(text: &str, is_ours: bool, most: usize) -> String {
    let text = visible_but(text, |character| is_ours && character == '\n');
    format!("```\n{}\n```", escaped(text.trim_end(), most.saturating_sub(8)))
}

fn escaped(text: &str, most: usize) -> String {
    let (mut out, mut length) = (String::with_capacity(text.len()), 0);
    for (at, character) in text.char_indices() {
        let entity = match character {
            '&' => "&amp;",
            '<' => "&lt;",
            '>' => "&gt;",
            '`' => "'",
            '@' if CALLS.iter().any(|call| begins_with(&text[at + 1..], call)) => "(at)",
            _ => &text[at..at + character.len_utf8()],
        };
        let units = entity.encode_utf16().count();
        if length + units + CUT.len() > most {
            out.push_str(CUT);
            break;
        }
        out.push_str(entity);
        length += units;
    }
    out
}

fn begins_with(text: &str, word: &str) -> bool {
    text.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word))
}

/// Severity and title, which are the rule's.
pub(super) fn headline(finding: &Finding) -> String {
    format!("{}: {}", finding.severity.name().to_uppercase(), finding.title)
}

/// What else is worth reading in a chat, by name.
pub(super) fn facts(finding: &Finding) -> Vec<(&'static str, String)> {
    let known = |value: &Option<String>| value.clone().unwrap_or_else(|| "(unknown)".to_owned());
    let mut facts = vec![
        ("Account", known(&finding.account)),
        ("Region", known(&finding.region)),
        ("Actor", known(&finding.actor)),
        ("First event", time::format(finding.first_time)),
        ("Last event", time::format(finding.last_time)),
        ("Count", finding.count.to_string()),
    ];
    if let Some(address) = finding.entities.get("sourceIPAddress") {
        facts.push(("Source", address.clone()));
    }
    if finding.late {
        facts.push(("Late", "its events came after later ones".to_owned()));
    }
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_calls_nobody_and_links_nowhere() {
        for (text, expected) in [
            (
                "<!channel> <@U012AB> <https://evil.test|bank>",
                "&lt;!channel&gt; &lt;@U012AB&gt; &lt;https://evil.test|bank&gt;",
            ),
            ("@here @Channel @everyone", "(at)here (at)Channel (at)everyone"),
            ("alice@example.com", "alice@example.com"),
            ("a&b &lt;!here&gt;", "a&amp;b &amp;lt;!here&amp;gt;"),
            ("```\n*bold* `x`", "'''\\n*bold* 'x'"),
            ("user\u{202e}nimda", "user\\u{202e}nimda"),
        ] {
            assert_eq!(plain(text, 500), expected, "{text:?}");
            assert_eq!(code(text, 500), format!("`{expected}`"));
            assert_eq!(block(text, false, 500), format!("```\n{expected}\n```"));
        }
        assert_eq!(block("1. look\n2. act\n", true, 500), "```\n1. look\n2. act\n```");
    }

    #[test]
    fn a_long_text_is_cut_between_escapes() {
        for most in 20..60 {
            for text in ["&".repeat(100), "🦀".repeat(100), "@here".repeat(30)] {
                let cut = block(&text, false, most);
                assert!(cut.encode_utf16().count() <= most && cut.contains(CUT), "{most}: {cut}");
                let inside = cut.trim_start_matches("```\n").trim_end_matches("…\n```");
                let whole =
                    inside.replace("&amp;", "").replace("🦀", "").replace("(at)here", "").replace("(at)", "");
                assert!("here".starts_with(&whole), "{most}: {cut}");
            }
        }
        assert_eq!(plain("short", 8), "short");
    }
}
