//! One record: where its text is, where its members are, and when two records are the same.

use crate::schema::{NodeId, Table};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// Zero bytes behind each document in the arena, so that the scanner needs no code for the last bytes.
pub const PAD: usize = 64;

/// Flag of an [`Item`]: its text holds a backslash.
pub const ESCAPED: u8 = 1;
/// Flag of an [`Item`]: an object of the node table without members.
pub const EMPTY: u8 = 2;
/// Flag of an [`Item`]: the key, without quotes, of a member that is not in the node table. The next item is its value.
pub const KEY: u8 = 4;
/// Flag of an [`Item`]: a `userIdentity` that the batch may have more than once. Its members are found by `number`.
pub const SHARED: u8 = 8;

/// A member of a record: its value in the arena.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Item {
    /// Begin of the text.
    pub start: u32,
    /// End of the text.
    pub end: u32,
    /// Its node; for a member that is not in the table, the object it is in.
    pub node: NodeId,
    /// [`ESCAPED`], [`EMPTY`], [`KEY`], [`SHARED`].
    pub flag: u8,
    /// With [`SHARED`], which principal of the batch it is.
    pub number: u16,
}

/// What becomes of a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// It is written.
    Kept,
    /// An earlier record of the batch is the same.
    Repeated,
    /// The lake has it.
    Held,
}

/// The principal of records that have none, or one that is not shared.
pub const NOBODY: u16 = u16::MAX;

/// A record in a batch.
#[derive(Clone, Debug)]
pub struct Record {
    /// Begin of its text in the arena.
    pub start: u32,
    /// End of its text.
    pub end: u32,
    /// Its first item.
    pub first: u32,
    /// Behind its last item.
    pub last: u32,
    /// Number of its object in the batch.
    pub object: u32,
    /// Its number among the records of the object, from 0.
    pub index: u32,
    /// Where it goes.
    pub table: Table,
    /// It holds what columns and paths cannot say (a key twice, an escaped key): its whole text goes to `rest`.
    pub whole: bool,
    /// `eventTime`, or the begin of the window, in µs since 1970.
    pub time: Option<i64>,
    /// Its partition: the day of `time`, else that of its object, in days since 1970-01-01.
    pub date: i32,
    /// Number of its event name among those of the batch; records without one share a number.
    pub name: u32,
    /// Number of its principal among those of the batch; [`NOBODY`] where it shares none.
    pub principal: u16,
    /// Hash of its id; 0 when it has none.
    pub id: u64,
    /// What becomes of it.
    pub state: State,
}

/// Decodes a JSON string (without quotes) that holds backslashes into `out`. `false` when it holds half of a
/// surrogate pair, which is valid JSON and no text.
pub fn unescape(text: &str, out: &mut String) -> bool {
    out.clear();
    let mut rest = text;
    while let Some(at) = memchr::memchr(b'\\', rest.as_bytes()) {
        out.push_str(&rest[..at]);
        let Some(escape) = rest.as_bytes().get(at + 1) else { return false };
        let mut length = 2;
        match escape {
            b'b' => out.push('\u{8}'),
            b'f' => out.push('\u{c}'),
            b'n' => out.push('\n'),
            b'r' => out.push('\r'),
            b't' => out.push('\t'),
            b'u' => {
                let Some((decoded, taken)) = unicode(&rest[at..]) else { return false };
                out.push(decoded);
                length = taken;
            }
            &other => out.push(char::from(other)),
        }
        rest = &rest[at + length..];
    }
    out.push_str(rest);
    true
}

/// `\u0041…` or `\ud83d\ude00…` → the character, and the length of its escape.
fn unicode(text: &str) -> Option<(char, usize)> {
    let unit = |at: usize| u32::from_str_radix(text.get(at..at + 4)?, 16).ok();
    let high = unit(2)?;
    if !(0xd800..0xdc00).contains(&high) {
        return Some((char::from_u32(high)?, 6));
    }
    let low = unit(8).filter(|low| text.get(6..8) == Some("\\u") && (0xdc00..0xe000).contains(low))?;
    Some((char::from_u32(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00))?, 12))
}

/// Whether two records have the same keys and the same values, numbers digit for digit. The order of keys, white
/// space and the spelling of escapes do not matter.
#[must_use]
pub fn same(a: &str, b: &str) -> bool {
    if a == b {
        return true;
    }
    match (canonical(a), canonical(b)) {
        (Some(a), Some(b)) => a == b,
        _ => false,
    }
}

/// Two records have the same content exactly if they are the [`same`]. A SHA-256, since a log may be made to collide.
#[must_use]
pub fn content(text: &str) -> [u8; 32] {
    let hash = Sha256::new();
    match canonical(text) {
        Some(canonical) => hash.chain_update([0]).chain_update(canonical),
        None => hash.chain_update([1]).chain_update(text),
    }
    .finalize()
    .into()
}

/// A JSON text with its keys sorted and without white space; `None` when a key comes twice or the text is not JSON.
fn canonical(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    write_canonical(text.trim(), &mut out)?;
    Some(out)
}

fn write_canonical(text: &str, out: &mut String) -> Option<()> {
    match text.as_bytes().first()? {
        b'{' => {
            let members = members(text)?;
            out.push('{');
            for (key, value) in members {
                out.push_str(&key);
                out.push(':');
                write_canonical(value.get(), out)?;
                out.push(',');
            }
            out.push('}');
        }
        b'[' => {
            out.push('[');
            for value in serde_json::from_str::<Vec<&RawValue>>(text).ok()? {
                write_canonical(value.get(), out)?;
                out.push(',');
            }
            out.push(']');
        }
        b'"' => out.push_str(&plain(text)),
        _ => out.push_str(text),
    }
    Some(())
}

/// A JSON string in its canonical spelling; one that is no text stays as it is.
fn plain(text: &str) -> String {
    let mut decoded = String::new();
    let inner = text.get(1..text.len() - 1).unwrap_or_default();
    if unescape(inner, &mut decoded) { format!("{decoded:?}") } else { text.to_owned() }
}

/// The members of an object, sorted by canonical key; `None` when a key comes twice.
fn members(text: &str) -> Option<BTreeMap<String, &RawValue>> {
    struct Members;
    impl<'de> serde::de::Visitor<'de> for Members {
        type Value = Option<BTreeMap<String, &'de RawValue>>;
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("an object")
        }
        fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let (mut members, mut twice) = (BTreeMap::new(), false);
            while let Some((key, value)) = map.next_entry::<&RawValue, &RawValue>()? {
                twice |= members.insert(plain(key.get()), value).is_some();
            }
            Ok((!twice).then_some(members))
        }
    }
    let mut json = serde_json::Deserializer::from_str(text);
    serde::Deserializer::deserialize_map(&mut json, Members).ok()?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_and_space_do_not_matter_but_digits_do() {
        let (a, b) = (r#"{"a":1,"b":[1.0,"A"]}"#, r#"{ "b" : [1.0, "\u0041"], "a" : 1 }"#);
        assert!(same(a, b) && content(a) == content(b));
        for (a, b) in [
            ("[1]", "[1.0]"),
            ("[1e3]", "[1000]"),
            ("[-0]", "[0]"),
            ("{\"a\":null}", "{}"),
            ("{\"a\":1}", "{\"A\":1}"),
            ("[12345678901234567890123]", "[12345678901234567890124]"),
            (r#"["\ud800"]"#, r#"["\ud801"]"#),
            ("[1,2]", "[2,1]"),
            (r#"{"a":1,"a":2}"#, r#"{"a":2,"a":1}"#),
        ] {
            assert!(!same(a, b) && content(a) != content(b), "{a} {b}");
            assert!(same(a, a) && content(a) == content(a));
        }
    }

    #[test]
    fn escapes() {
        let mut out = String::new();
        assert!(unescape(r#"a\n\"\\\/\u0041\ud83d\ude00z"#, &mut out));
        assert_eq!(out, "a\n\"\\/A\u{1f600}z");
        for half in [r"\ud800", r"\ud800A", r"\udc00", r"\u12"] {
            assert!(!unescape(half, &mut out), "{half}");
        }
    }
}
