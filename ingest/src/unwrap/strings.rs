//! A JSON string → the records in it.
//!
//! CloudWatch Logs, lookup-events, queues, notifications and SIEM exports keep a record as a string, which simd-json
//! unescapes; Lambda events and Kinesis keep base64, mostly of gzip. Either becomes a document behind the others.

use super::{Hear, Held, Walk};
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use memchr::memmem;

/// Strings shorter than this hold no record.
pub(super) const SHORTEST_RECORD: usize = 60;

/// As some producers leave the padding out.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// How gzip and zip begin in base64.
const PACKED: [&[u8]; 2] = [b"H4sI", b"UEsDB"];

/// How `{"`, `{` with white space, `[{` and `[` with white space begin in base64.
const JSON: [&[u8]; 7] = [b"eyJ", b"eyA", b"ewo", b"ew0", b"W3s", b"Wwo", b"Ww0"];

/// Whether a text begins like gzip or zip in base64.
pub(super) fn packed(text: &[u8]) -> bool {
    PACKED.iter().any(|begin| text.starts_with(begin))
}

/// Whether a record, or base64 with records, may be in a text.
pub(super) fn likely(text: &[u8]) -> bool {
    let words: [&[u8]; 4] = [b"eventVersion", b"eventSource", b"insightDetails", b"H4sI"];
    words.iter().any(|word| memmem::find(text, word).is_some())
}

/// Decodes base64 with line feeds in it or not.
pub(super) fn from_base64(text: &[u8]) -> Option<Vec<u8>> {
    if text.iter().any(u8::is_ascii_whitespace) {
        let joined = text.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect::<Vec<_>>();
        return BASE64.decode(joined).ok();
    }
    BASE64.decode(text).ok()
}

impl<H: Hear> Walk<'_, H> {
    /// The string between the quotes at `start` and before `end`.
    pub(super) fn string(&mut self, start: usize, end: usize) -> Held {
        let text = &self.arena[start + 1..end - 1];
        if end - start < SHORTEST_RECORD {
            return Held::Nothing;
        }
        if packed(text) || JSON.iter().any(|begin| text.starts_with(begin)) {
            return self.base64(start, end);
        }
        if !likely(text) {
            return Held::Nothing;
        }
        let Ok(decoded) = decode(&self.arena[start..end]) else {
            self.reject(start, end, "a string with half of a surrogate pair");
            return Held::Something;
        };
        if !decoded.trim_start_matches('\u{feff}').trim_start().starts_with(['{', '[']) {
            return Held::Nothing;
        }
        match self.append(decoded.as_bytes()) {
            Ok(span) if !self.documents(span.start, span.end) => return Held::Nothing,
            Ok(_) => {}
            Err(reason) => self.reject(start, end, &reason),
        }
        Held::Something
    }

    /// The same for a string that begins like base64: of something compressed, or of JSON that may be a record.
    fn base64(&mut self, start: usize, end: usize) -> Held {
        let text = &self.arena[start + 1..end - 1];
        let packed = packed(text);
        let bytes = if text.contains(&b'\\') {
            decode(&self.arena[start..end]).ok().and_then(|text| from_base64(text.as_bytes()))
        } else {
            from_base64(text)
        };
        let Some(bytes) = bytes.filter(|bytes| packed || likely(bytes)) else { return Held::Nothing };
        if let Err(reason) = self.append(&bytes).and_then(|span| self.content(span)) {
            self.reject(start, end, &reason);
        }
        Held::Something
    }
}

/// Decodes a JSON string, quotes included.
fn decode(text: &[u8]) -> Result<String, simd_json::Error> {
    let mut copy = text.to_vec();
    let tape = simd_json::to_tape(&mut copy)?;
    Ok(match tape.0.first() {
        Some(simd_json::Node::String(decoded)) => (*decoded).to_owned(),
        _ => String::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_in_the_ways_it_comes() {
        for text in ["eyJhIjoxfQ==", "eyJhIjoxfQ", "eyJh\nIjox\r\nfQ=="] {
            assert_eq!(from_base64(text.as_bytes()).as_deref(), Some(b"{\"a\":1}".as_slice()), "{text}");
        }
        assert_eq!(from_base64(b"eyJhIjoxfQ.eyJh.x"), None, "a web token is no base64");
    }

    #[test]
    fn strings_are_decoded() {
        assert_eq!(decode(br#""\u007b\"a\":\"\ud83d\ude00\"}""#).unwrap(), "{\"a\":\"\u{1f600}\"}");
        assert!(decode(br#""\ud800""#).is_err());
    }
}
