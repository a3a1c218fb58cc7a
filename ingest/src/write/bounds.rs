//! A text → a bound of at most 64 bytes that is not above it, or not below it.
//!
//! A bound may be too wide, never too narrow, and it has to be UTF-8, as the values are.

use super::settings::BOUND_BYTES;
use std::borrow::Cow;

/// A text that is not greater than `value`, and whether it is `value`.
pub(super) fn least(value: &[u8]) -> (&[u8], bool) {
    let cut = cut(value);
    (&value[..cut], cut == value.len())
}

/// A text that is not less than `value`, and whether it is `value`. What cannot be rounded up stays whole.
pub(super) fn greatest(value: &[u8]) -> (Cow<'_, [u8]>, bool) {
    let end = cut(value);
    if end == value.len() {
        return (value.into(), true);
    }
    match std::str::from_utf8(&value[..end]).ok().and_then(next) {
        Some(text) => (text.into_bytes().into(), false),
        None => (value.into(), true),
    }
}

/// Where to cut, so that no character is cut in two.
fn cut(value: &[u8]) -> usize {
    if value.len() <= BOUND_BYTES {
        return value.len();
    }
    let is_boundary = |at: &usize| value[*at] & 0xc0 != 0x80;
    (0..=BOUND_BYTES).rev().find(is_boundary).unwrap_or(0)
}

/// The least text of no more characters that is greater than `text` and everything that begins with it.
fn next(text: &str) -> Option<String> {
    let mut chars = text.chars().collect::<Vec<_>>();
    while let Some(last) = chars.pop() {
        // The successor must not be longer in bytes, or the bound would exceed its length.
        let after = char::from_u32(if u32::from(last) == 0xd7ff { 0xe000 } else { u32::from(last) + 1 });
        if let Some(after) = after.filter(|after| after.len_utf8() == last.len_utf8()) {
            chars.push(after);
            return Some(chars.into_iter().collect());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn short_texts_are_their_own_bounds() {
        assert_eq!(least(b"abc"), (&b"abc"[..], true));
        assert_eq!(greatest(b"abc"), (b"abc"[..].into(), true));
    }

    #[test]
    fn long_texts_are_cut_and_rounded() {
        let long = [b'a'; 70];
        assert_eq!(least(&long), (&long[..64], false));
        assert_eq!(greatest(&long).0, [&long[..63], b"b"].concat());
    }

    #[test]
    fn what_has_no_successor_stays_whole() {
        let long = "\u{10ffff}".repeat(20);
        assert_eq!(greatest(long.as_bytes()), (long.as_bytes().into(), true));
    }

    proptest! {
        #[test]
        fn bounds_hold(text in "\\PC{0,90}", tail in any::<char>()) {
            let text = format!("{text}{tail}");
            let (low, high) = (least(text.as_bytes()), greatest(text.as_bytes()));
            prop_assert!(low.0 <= text.as_bytes() && *high.0 >= *text.as_bytes());
            prop_assert!(std::str::from_utf8(low.0).is_ok() && std::str::from_utf8(&high.0).is_ok());
            prop_assert!(low.0.len() <= BOUND_BYTES && (high.1 || high.0.len() <= BOUND_BYTES));
        }
    }
}
