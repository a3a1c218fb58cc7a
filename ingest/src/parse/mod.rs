//! JSON text → the members of a record, as validated offsets.
//!
//! The scanner reads every byte once and checks it against RFC 8259; what it cannot know (is a text UTF-8?) its
//! caller has made sure of. It finds the members of the node table and leaves everything else as slices. A learned
//! table of successors guesses the next key, so a key usually costs one comparison.

mod key;
mod principals;
mod skip;

use crate::record::{EMPTY, ESCAPED, Item, KEY};
use crate::schema::{Kind, NodeId, SCHEMA, Schema};
use key::Key;
pub(crate) use principals::Principals;
use principals::shared;
pub(crate) use skip::{Bad, MAX_DEPTH, balanced, byte, deeper_than, skip, string_end, white};
use std::ops::Range;

/// A member of the record itself that says: this is a record, and of which kind.
#[derive(Clone, Copy, Debug)]
struct Marks {
    name: u128,
    kind: u128,
    source: u128,
    time: u128,
    version: u128,
    insight: u128,
    window: u128,
}

/// Scans records; it learns the usual order of their members as it goes.
#[derive(Debug)]
pub(crate) struct Scanner {
    schema: &'static Schema,
    /// By node.
    keys: Vec<Key>,
    marks: Marks,
    /// By member: the one that usually follows; by object: the one that usually comes first.
    successor: Vec<NodeId>,
    /// One bit for each node that the record had.
    seen: u128,
    /// The node `userIdentity`.
    principal: NodeId,
    /// Those that the batch has had.
    principals: Principals,
    /// Principals are remembered: what is scanned stays where it is.
    pub(crate) shares: bool,
    /// The record holds what offsets into it cannot say.
    pub(crate) whole: bool,
    /// How deep a value may be nested.
    pub(crate) most: usize,
}

/// A record with more unknown members than this is kept whole: to look for a key that comes twice among so many would
/// take time by their square.
const MANY_UNKNOWN: usize = 256;

/// An object with more unknown members than this is refused: the places of its members would take five times its size.
const MOST_UNKNOWN: usize = 1 << 20;

impl Scanner {
    pub(crate) fn new() -> Self {
        let schema = &*SCHEMA;
        let bit = |path: &str| schema.find(path).map_or(0, |node| 1_u128 << node);
        let marks = Marks {
            name: bit("eventName"),
            kind: bit("eventType"),
            source: bit("eventSource"),
            time: bit("eventTime"),
            version: bit("eventVersion"),
            insight: bit("insightDetails"),
            window: bit("timeWindow"),
        };
        let successor =
            (0..schema.nodes.len()).map(|at| NodeId::try_from((at + 1) % schema.nodes.len()).unwrap_or(0));
        Self {
            schema,
            keys: schema.nodes.iter().map(Key::new).collect(),
            marks,
            successor: successor.collect(),
            seen: 0,
            principal: schema.find("userIdentity").unwrap_or(0),
            principals: Principals::new(),
            shares: true,
            whole: false,
            most: MAX_DEPTH,
        }
    }

    /// The principals of the texts scanned since the last [`Self::forget`].
    pub(crate) fn principals(&self) -> &Principals {
        &self.principals
    }

    /// Texts scanned so far are no longer where they were.
    pub(crate) fn forget(&mut self) {
        self.principals.clear();
    }

    /// Scans the object that begins at `at`, appends its members to `items` and returns its end. `CONTROL`: the
    /// document holds bytes below 0x20, so that strings have to be searched for them.
    pub(crate) fn object<const CONTROL: bool>(
        &mut self,
        bytes: &[u8],
        at: usize,
        items: &mut Vec<Item>,
    ) -> Result<usize, Bad> {
        self.seen = 0;
        self.whole = false;
        self.members::<CONTROL>(bytes, at, 0, items)
    }

    /// Whether the object scanned last looks like a CloudTrail record.
    pub(crate) fn is_record(&self) -> bool {
        let has = |bits: u128| self.seen & bits != 0;
        let marks = &self.marks;
        let named = has(marks.name | marks.kind | marks.source) && has(marks.time | marks.version);
        named || (has(marks.insight) && has(marks.kind)) || self.is_aggregated()
    }

    /// Whether it is an aggregated record, which has a window instead of a time and a name.
    pub(crate) fn is_aggregated(&self) -> bool {
        let has = |bits: u128| self.seen & bits != 0;
        has(self.marks.window) && has(self.marks.kind) && !has(self.marks.time | self.marks.name)
    }

    fn members<const CONTROL: bool>(
        &mut self,
        bytes: &[u8],
        open: usize,
        object: NodeId,
        items: &mut Vec<Item>,
    ) -> Result<usize, Bad> {
        let mut at = white(bytes, open + 1);
        if byte(bytes, at) == b'}' {
            if object != 0 {
                items.push(item(open, at + 1, object, EMPTY)?);
            }
            return Ok(at + 1);
        }
        let (mut previous, first) = (object, items.len());
        loop {
            if byte(bytes, at) != b'"' {
                return Err(Bad);
            }
            let guess = self.successor[usize::from(previous)];
            if let Some(behind) = self.keys[usize::from(guess)].behind(bytes, at + 1, object) {
                previous = guess;
                at = self.known::<CONTROL>(bytes, white(bytes, behind), guess, items)?;
            } else {
                let (key, child) = self.key::<CONTROL>(bytes, at + 1, object, previous)?;
                at = white(bytes, key.end + 1);
                if byte(bytes, at) != b':' {
                    return Err(Bad);
                }
                at = white(bytes, at + 1);
                if child == 0 {
                    at = self.unknown::<CONTROL>(bytes, key, at, object, first, items)?;
                } else {
                    previous = child;
                    at = self.known::<CONTROL>(bytes, at, child, items)?;
                }
            }
            at = white(bytes, at);
            match byte(bytes, at) {
                b',' => at = white(bytes, at + 1),
                b'}' => return Ok(at + 1),
                _ => return Err(Bad),
            }
        }
    }

    /// The key that begins at `at` and is not the one that was guessed: where it is, and its node or 0.
    fn key<const CONTROL: bool>(
        &mut self,
        bytes: &[u8],
        at: usize,
        object: NodeId,
        previous: NodeId,
    ) -> Result<(Range<usize>, NodeId), Bad> {
        let (end, escaped) = string_end::<CONTROL>(bytes, at)?;
        // An escaped key may be a known one in disguise.
        self.whole |= escaped;
        let key = &bytes[at..end];
        let children = &self.schema.node(object).children;
        let child = children
            .iter()
            .copied()
            .find(|&child| self.schema.node(child).name.as_bytes() == key)
            .unwrap_or(0);
        if child != 0 {
            self.successor[usize::from(previous)] = child;
        }
        Ok((at..end, child))
    }

    /// Whether the value of `item` is that of the member that names the service.
    pub(crate) fn is_source(&self, item: &Item) -> bool {
        item.flag & KEY == 0 && 1_u128 << item.node == self.marks.source
    }

    /// The value of a member of the node table.
    #[inline]
    fn known<const CONTROL: bool>(
        &mut self,
        bytes: &[u8],
        at: usize,
        node: NodeId,
        items: &mut Vec<Item>,
    ) -> Result<usize, Bad> {
        let bit = 1_u128 << node;
        self.whole |= self.seen & bit != 0;
        self.seen |= bit;
        if self.schema.node(node).kind == Kind::Object && byte(bytes, at) == b'{' {
            if node == self.principal && self.shares {
                return self.principal::<CONTROL>(bytes, at, items);
            }
            return self.members::<CONTROL>(bytes, at, node, items);
        }
        let (end, escaped) = value::<CONTROL>(bytes, at, self.most)?;
        items.push(item(at, end, node, if escaped { ESCAPED } else { 0 })?);
        Ok(end)
    }

    /// The object `userIdentity`, which is scanned when it differs from those that the batch has had.
    fn principal<const CONTROL: bool>(
        &mut self,
        bytes: &[u8],
        at: usize,
        items: &mut Vec<Item>,
    ) -> Result<usize, Bad> {
        if let Some((number, end, seen)) = self.principals.find(bytes, at) {
            self.seen |= seen;
            items.push(shared(at..end, self.principal, number)?);
            return Ok(end);
        }
        let (whole, seen, first) = (self.whole, self.seen, items.len());
        self.whole = false;
        let end = self.members::<CONTROL>(bytes, at, self.principal, items)?;
        if !self.whole {
            let seen = self.seen & !seen;
            self.principals.add(bytes, at..end, self.principal, seen, first, items)?;
        }
        self.whole |= whole;
        Ok(end)
    }

    /// A member that is not in the node table: its key and its value.
    fn unknown<const CONTROL: bool>(
        &mut self,
        bytes: &[u8],
        key: Range<usize>,
        at: usize,
        object: NodeId,
        first: usize,
        items: &mut Vec<Item>,
    ) -> Result<usize, Bad> {
        if items.len() - first > 2 * MOST_UNKNOWN {
            return Err(Bad);
        }
        let name = &bytes[key.clone()];
        let text = |item: &Item| bytes.get(item.start as usize..item.end as usize);
        let many = items.len() - first > 2 * MANY_UNKNOWN;
        let twice = || {
            let mut keys = items[first..].iter().filter(|item| item.flag == KEY && item.node == object);
            keys.any(|key| text(key) == Some(name))
        };
        self.whole |= many || twice() || name == crate::transpose::WHOLE.as_bytes();
        items.push(item(key.start, key.end, object, KEY)?);
        let (end, _) = value::<CONTROL>(bytes, at, self.most)?;
        items.push(item(at, end, object, 0)?);
        Ok(end)
    }
}

#[inline]
fn value<const CONTROL: bool>(bytes: &[u8], at: usize, most: usize) -> Result<(usize, bool), Bad> {
    if byte(bytes, at) == b'"' {
        let (end, escaped) = string_end::<CONTROL>(bytes, at + 1)?;
        return Ok((end + 1, escaped));
    }
    Ok((skip::<CONTROL>(bytes, at, most)?, false))
}

#[inline]
fn item(start: usize, end: usize, node: NodeId, flag: u8) -> Result<Item, Bad> {
    // The arena is far below 4 GiB, see `Limits`.
    let offset = |at: usize| u32::try_from(at).map_err(|_| Bad);
    Ok(Item { start: offset(start)?, end: offset(end)?, node, flag, number: 0 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::PAD;
    use proptest::prelude::*;

    /// Scans a text alone; gives its members as `path=text`.
    fn members(text: &str) -> Result<Vec<String>, Bad> {
        let bytes = [text.as_bytes(), &[0; PAD]].concat();
        let (mut scanner, mut items) = (Scanner::new(), Vec::new());
        let end = scanner.object::<true>(&bytes, 0, &mut items)?;
        if end != text.len() {
            return Err(Bad);
        }
        let print = |item: &Item| {
            let text = &text[item.start as usize..item.end as usize];
            format!("{}{}={text}", SCHEMA.node(item.node).path, if item.flag == KEY { "*" } else { "" })
        };
        Ok(scanner.principals().expand(&items).iter().map(print).collect())
    }

    #[test]
    fn known_members_at_their_paths() {
        let text = r#"{"eventName":"A","userIdentity":{"arn":"x","more":[1]},"odd":{"eventName":1},"tlsDetails":{}}"#;
        let expected = [
            "eventName=\"A\"",
            "userIdentity.arn=\"x\"",
            "userIdentity*=more",
            "userIdentity=[1]",
            "*=odd",
            "={\"eventName\":1}",
            "tlsDetails={}",
        ];
        assert_eq!(members(text).unwrap(), expected);
    }

    #[test]
    fn what_offsets_cannot_say_is_kept_whole() {
        for (text, whole) in [
            (r#"{"a":1,"b":{"a":1}}"#, false),
            (r#"{"a":1,"a":2}"#, true),
            (r#"{"eventName":1,"eventName":1}"#, true),
            (r#"{"event\u004eame":1}"#, true),
            (r#"{"$record":1}"#, true),
            (r#"{"a":1,"A":2}"#, false),
        ] {
            let bytes = [text.as_bytes(), &[0; PAD]].concat();
            let mut scanner = Scanner::new();
            scanner.object::<true>(&bytes, 0, &mut Vec::new()).unwrap();
            assert_eq!(scanner.whole, whole, "{text}");
        }
    }

    #[test]
    fn what_is_not_json_is_refused() {
        for text in [
            "{",
            "{}}",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{a:1}",
            "{\"a\":01}",
            "{\"a\":1.}",
            "{\"a\":+1}",
            "{\"a\":.5}",
            "{\"a\":1e}",
            "{\"a\":nul}",
            "{\"a\":[1,]}",
            "{\"a\":[1}}",
            "{\"a\":\"\\x\"}",
            "{\"a\":\"\\u12g4\"}",
            "{\"a\":\"\n\"}",
            "{\"a\":\"b}",
            "{\"a\":1 \"b\":2}",
            "{,}",
            "{\"a\":NaN}",
            "{\"a\":'b'}",
        ] {
            assert!(members(text).is_err(), "{text}");
            assert!(serde_json::from_str::<serde::de::IgnoredAny>(text).is_err(), "{text}");
        }
    }

    /// Any JSON value, printed without spaces.
    fn json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<f64>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            ".{0,20}".prop_map(Into::into),
        ];
        leaf.prop_recursive(4, 30, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Into::into),
                prop::collection::hash_map("[a-zA-Z]{0,8}", inner, 0..5)
                    .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        /// What simd-json accepts, the scanner accepts.
        #[test]
        fn accepts_what_simd_json_accepts(value in prop::collection::hash_map("[a-z]{0,5}|userIdentity|eventTime", json(), 0..6)) {
            let text = serde_json::to_string(&value).unwrap();
            let mut copy = text.clone().into_bytes();
            prop_assert!(simd_json::to_tape(&mut copy).is_ok());
            prop_assert!(members(&text).is_ok(), "{}", text);
        }

        /// A byte changed at random: the scanner and a full parser agree on whether it is still JSON.
        #[test]
        fn agrees_with_a_full_parser(value in prop::collection::hash_map("[a-z]{0,5}", json(), 1..4), at in any::<prop::sample::Index>(), to in 0x20_u8..0x7f) {
            let mut text = serde_json::to_string(&value).unwrap().into_bytes();
            let at = at.index(text.len());
            prop_assume!(text[at].is_ascii());
            text[at] = to;
            let text = String::from_utf8(text).unwrap();
            prop_assume!(text.starts_with('{'));
            let oracle = serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
            prop_assert_eq!(members(&text).is_ok(), oracle, "{}", text);
        }

        #[test]
        fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let bytes = [b"{".as_slice(), &bytes, &[0; PAD]].concat();
            let _ = Scanner::new().object::<true>(&bytes, 0, &mut Vec::new());
            let _ = Scanner::new().object::<false>(&bytes, 0, &mut Vec::new());
            let _ = balanced(&bytes, 0);
        }
    }
}
