//! Lines: where the JSON begins behind a time stamp, and where the next line with a document begins.
//!
//! CloudWatch Logs exports write `2026-03-17T09:05:12.123Z {…}`, `aws logs tail` adds the name of the stream.

use memchr::{memchr_iter, memchr2};

/// How far behind the begin of its line a document may begin.
const LONGEST_STAMP: usize = 640;

/// Whether a line begins with a time stamp.
fn is_stamped(line: &[u8]) -> bool {
    const SHAPE: &[u8; 11] = b"0000-00-00T";
    let fits = |(&byte, &shape): (&u8, &u8)| match shape {
        b'0' => byte.is_ascii_digit(),
        b'T' => byte == b'T' || byte == b' ',
        _ => byte == shape,
    };
    line.len() > SHAPE.len() && line.iter().zip(SHAPE).all(fits)
}

/// Where the document begins in a line that begins with a time stamp.
pub(super) fn behind_stamp(text: &[u8]) -> Option<usize> {
    let head = &text[..text.len().min(LONGEST_STAMP)];
    let at = memchr2(b'{', b'\n', head).filter(|_| is_stamped(head))?;
    (head[at] == b'{').then_some(at)
}

/// The end of the line before the next one that begins like a document; all of the text if there is none.
pub(super) fn before_next_document(text: &[u8]) -> usize {
    let begins = |line: &[u8]| line.starts_with(b"{") || is_stamped(line);
    memchr_iter(b'\n', text).find(|&feed| begins(&text[feed + 1..])).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_behind_a_time_stamp() {
        for (line, at) in [
            ("2026-03-17T09:05:12.123Z {}", Some(25)),
            ("2026-03-17 09:05:12 {}", Some(20)),
            ("2026-03-17T09:05:12.123000+00:00 111122223333_CloudTrail_eu-west-1 {\"a\"", Some(67)),
            ("2026-03-17T09:05:12.123Z text\n{}", None),
            ("2026-03-17T", None),
            ("26-03-17T09:05 {}", None),
            ("{}", None),
            ("", None),
        ] {
            assert_eq!(behind_stamp(line.as_bytes()), at, "{line}");
        }
    }

    #[test]
    fn the_next_document() {
        for (text, end) in [("a\nb\n{", 3), ("a\n2026-03-17T09:05 {", 1), ("a\n b", 4), ("a\n", 2), ("", 0)] {
            assert_eq!(before_next_document(text.as_bytes()), end, "{text}");
        }
    }
}
