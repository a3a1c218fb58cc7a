//! UTF-16, in which Windows PowerShell stores the output of `aws cloudtrail lookup-events`.

/// Whether some bytes are UTF-16: by the mark at their begin, or because every second byte of `{"` or `[{` is zero.
pub(super) fn is_utf16(bytes: &[u8]) -> bool {
    match bytes {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => true,
        [b'{' | b'[', 0, second, 0, ..] | [0, b'{' | b'[', 0, second, ..] => *second != 0,
        _ => false,
    }
}

/// The text. Half of a surrogate pair becomes a control character, which costs the record that holds it; an odd byte
/// at the end does the same.
pub(super) fn decode(bytes: &[u8]) -> String {
    let little = bytes.first().is_some_and(|&first| first == 0xff || (first != 0xfe && first != 0));
    let (units, odd) = bytes.as_chunks::<2>();
    let units =
        units.iter().map(|&unit| if little { u16::from_le_bytes(unit) } else { u16::from_be_bytes(unit) });
    let mut text = char::decode_utf16(units).map(|unit| unit.unwrap_or('\u{1}')).collect::<String>();
    if !odd.is_empty() {
        text.push('\u{1}');
    }
    if text.starts_with('\u{feff}') { text.split_off('\u{feff}'.len_utf8()) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_orders_with_and_without_a_mark() {
        let text = "{\"a\":\"é\u{1f600}\"}";
        for mark in ["", "\u{feff}"] {
            let units = [mark, text].concat().encode_utf16().collect::<Vec<_>>();
            for order in [u16::to_le_bytes as fn(u16) -> [u8; 2], u16::to_be_bytes] {
                let bytes = units.iter().flat_map(|&unit| order(unit)).collect::<Vec<_>>();
                assert!(is_utf16(&bytes));
                assert_eq!(decode(&bytes), text);
            }
        }
        assert!(!is_utf16(text.as_bytes()) && !is_utf16(b"") && !is_utf16(b"{\0"));
    }

    #[test]
    fn half_a_pair_is_a_control_character() {
        assert_eq!(decode(b"{\0\x00\xd8}\0x"), "{\u{1}}\u{1}");
    }
}
