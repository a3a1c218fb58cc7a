//! Texts → HTML that shows them, whatever they hold; and tables of them.
//!
//! What must hold: a text ends neither the element nor the attribute that it stands in, and what cannot be seen in it is
//! shown as an escape.

use crate::output::visible::visible;
use std::fmt::Write;

/// `text` for an element or an attribute between double quotes.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in visible(text).chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

/// JSON for a `script` element of data: nothing in it ends the element, or begins a comment in it.
pub(super) fn data(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for character in json.chars() {
        match character {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                // A text takes whatever is written.
                let _ = write!(out, "\\u{:04x}", u32::from(character));
            }
            other => out.push(other),
        }
    }
    out
}

/// `template` with each `{{name}}` replaced, in one pass: what comes in is not looked at again.
pub(super) fn filled(template: &str, value: impl Fn(&str) -> String) -> String {
    let mut parts = template.split("{{");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, after) = part.split_once("}}").unwrap_or((part, ""));
        out.push_str(&value(name));
        out.push_str(after);
    }
    out
}

/// A count, with its thousands apart.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A time as people read it; the page says once that it is UTC.
pub(super) fn moment(text: &str) -> String {
    text.trim_end_matches('Z').replacen('T', " ", 1)
}

/// A cell: its classes, and its text.
pub(super) struct Cell(pub(super) &'static str, pub(super) String);

/// A table with `headers`, which are classes and titles of columns.
pub(super) fn table(headers: &[(&str, &str)], rows: impl Iterator<Item = Vec<Cell>>) -> String {
    let heads = headers.iter().map(|(class, title)| format!("<th class=\"{class}\">{title}</th>"));
    let heads = heads.collect::<String>();
    let mut out = format!("<div class=\"scroll\"><table><thead><tr>{heads}</tr></thead><tbody>\n");
    for row in rows {
        let cell = |(Cell(class, text), (_, title)): (&Cell, &(&str, &str))| {
            format!("<td class=\"{class}\" data-th=\"{title}\">{}</td>", escaped(text))
        };
        let cells = row.iter().zip(headers).map(cell);
        // A text takes whatever is written.
        let _ = writeln!(out, "<tr>{}</tr>", cells.collect::<String>());
    }
    out.push_str("</tbody></table></div>\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_ends_its_element() {
        let hostile = "</script><img src=x onerror='alert(1)'>\"&\u{202e}\u{2028}";
        let shown = escaped(hostile);
        assert!(!shown.contains(['<', '>', '"', '\'', '\u{202e}', '\u{2028}']), "{shown}");
        assert_eq!(escaped("a & b"), "a &amp; b");
        let json = data(&serde_json::to_string(&[hostile, "<!--"]).unwrap_or_default());
        assert!(!json.contains(['<', '>', '&', '\u{2028}']), "{json}");
        assert_eq!(
            serde_json::from_str::<Vec<String>>(&json).ok(),
            Some(vec![hostile.to_owned(), "<!--".to_owned()])
        );
    }

    #[test]
    fn what_is_filled_in_is_not_filled_again() {
        let value = |name: &str| format!("<{name} {{{{b}}}}>");
        assert_eq!(filled("x{{a}}y{{b}}", value), "x<a {{b}}>y<b {{b}}>");
    }

    #[test]
    fn numbers_and_times_are_readable() {
        assert_eq!([0, 999, 1000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(moment("2026-03-17T02:05:00Z"), "2026-03-17 02:05:00");
    }
}
