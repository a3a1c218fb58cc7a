//! What a person cannot see, made visible.
//!
//! Control characters drive a terminal; marks of direction let a text read other than it is; characters without width
//! hide in a name that looks like another. All of them are shown as escapes, whatever a log holds.

use std::fmt::Write;

/// Ranges of characters that have no shape of their own: controls, marks of format and of direction, separators
/// of lines, fillers that look like spaces, and selectors of variants, in which a message can hide.
const HIDDEN: [(char, char); 18] = [
    ('\0', '\u{1f}'),
    ('\u{7f}', '\u{9f}'),
    ('\u{ad}', '\u{ad}'),
    ('\u{34f}', '\u{34f}'),
    ('\u{61c}', '\u{61c}'),
    ('\u{115f}', '\u{1160}'),
    ('\u{17b4}', '\u{17b5}'),
    ('\u{180b}', '\u{180f}'),
    ('\u{200b}', '\u{200f}'),
    ('\u{2028}', '\u{202e}'),
    ('\u{2060}', '\u{206f}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{fe00}', '\u{fe0f}'),
    ('\u{feff}', '\u{feff}'),
    ('\u{ffa0}', '\u{ffa0}'),
    ('\u{fff0}', '\u{fffb}'),
    ('\u{1d173}', '\u{1d17a}'),
    ('\u{e0000}', '\u{e0fff}'),
];

/// Whether a person cannot see it.
#[must_use]
pub fn is_hidden(character: char) -> bool {
    if character.is_ascii() {
        return character.is_ascii_control();
    }
    HIDDEN.iter().any(|&(first, last)| (first..=last).contains(&character))
}

/// `text` with what a person cannot see as escapes: `\n`, `\u{202e}`.
#[must_use]
pub fn visible(text: &str) -> String {
    visible_but(text, |_| false)
}

/// The same, but for characters that `keep` names.
#[must_use]
pub(crate) fn visible_but(text: &str, keep: impl Fn(char) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if is_hidden(character) && !keep(character) {
            // Not `escape_default`, which would leave what it thinks can be printed.
            match character {
                '\n' | '\r' | '\t' => out.extend(character.escape_default()),
                _ => out.extend(character.escape_unicode()),
            }
        } else {
            out.push(character);
        }
    }
    out
}

/// A JSON document, in which the same stand as JSON's own escapes: who parses it gets what was there.
#[must_use]
pub fn visible_json(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for character in json.chars() {
        // Outside of strings there is nothing but ASCII, and inside of them serde has escaped the first controls.
        if is_hidden(character) && character > '\u{1f}' {
            for unit in character.encode_utf16(&mut [0; 2]) {
                // A text takes whatever is written.
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(character);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_seen_is_shown() {
        for (text, expected) in [
            ("plain ASCII, Ümläute, 漢字, 🦀", "plain ASCII, Ümläute, 漢字, 🦀"),
            ("a\u{1b}[2J\r\n\u{9b}b", "a\\u{1b}[2J\\r\\n\\u{9b}b"),
            ("user\u{202e}nimda\u{202c}", "user\\u{202e}nimda\\u{202c}"),
            ("ad\u{200b}min\u{feff}\u{ad}", "ad\\u{200b}min\\u{feff}\\u{ad}"),
            ("x\u{e0041}\u{2028}y\u{3164}", "x\\u{e0041}\\u{2028}y\\u{3164}"),
        ] {
            assert_eq!(visible(text), expected);
        }
        assert_eq!(visible_but("a\n\u{7}", |c| c == '\n'), "a\n\\u{7}");
    }

    #[test]
    fn the_ranges_are_in_order() {
        assert!(HIDDEN.iter().all(|(first, last)| first <= last));
        assert!(HIDDEN.is_sorted_by(|before, after| before.1 < after.0));
    }

    #[test]
    fn a_document_says_the_same() {
        let text = "a\u{1b}\u{9b}\u{202e}\u{e0041}\u{7f}\"\\ é";
        let json = serde_json::json!({ text: [text] }).to_string();
        let shown = visible_json(&json);
        assert!(!shown.chars().any(is_hidden), "{shown}");
        let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(read(&shown), read(&json));
    }
}
