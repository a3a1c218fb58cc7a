//! The value of a member of a record, as its column would have it.

use super::Field;
use crate::batch::Batch;
use crate::parse::{byte, skip, string_end, white};
use crate::record::{self, ESCAPED, Item, KEY, Record, SHARED};
use crate::schema::{Kind, NodeId, SCHEMA};
use std::borrow::Cow;

/// What a record has for a name.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Value<'a> {
    /// Nothing, null, or what the column cannot hold.
    Absent,
    Text(Cow<'a, str>),
    Bool(bool),
}

/// What `record`, which is in `batch`, has for `field`.
pub(super) fn value<'a>(field: &Field, batch: &'a Batch, record: &Record) -> Value<'a> {
    for &node in &field.0 {
        let found = if record.whole {
            in_text(node, &batch.arena, record.start as usize)
        } else {
            in_items(node, batch, record)
        };
        if found != Value::Absent {
            return found;
        }
    }
    Value::Absent
}

/// The scanner found it, in the record or in a principal that it shares.
fn in_items<'a>(node: NodeId, batch: &'a Batch, record: &Record) -> Value<'a> {
    let is_it = |item: &&Item| item.node == node && item.flag & (KEY | SHARED) == 0;
    let items = batch.items(record);
    let mut shared = items.iter().filter(|item| item.flag & SHARED != 0);
    let item = items.iter().find(is_it);
    let item = item.or_else(|| shared.find_map(|whole| batch.principal(whole.number).iter().find(is_it)));
    item.map_or(Value::Absent, |item| read(node, batch.bytes_at(item), item.flag & ESCAPED != 0))
}

fn read(node: NodeId, raw: &[u8], escaped: bool) -> Value<'_> {
    match (SCHEMA.node(node).kind, raw) {
        (Kind::Bool, b"true" | b"\"true\"") => Value::Bool(true),
        (Kind::Bool, b"false" | b"\"false\"") => Value::Bool(false),
        (Kind::Text, [b'"', text @ .., b'"']) => {
            let Ok(text) = std::str::from_utf8(text) else { return Value::Absent };
            let mut decoded = String::new();
            match escaped {
                false => Value::Text(Cow::Borrowed(text)),
                true if record::unescape(text, &mut decoded) => Value::Text(Cow::Owned(decoded)),
                true => Value::Absent,
            }
        }
        _ => Value::Absent,
    }
}

/// A record with a key twice, or with an escaped key: looked up in its text, keys decoded. Of several the first counts.
fn in_text(node: NodeId, arena: &[u8], start: usize) -> Value<'_> {
    let mut path = Vec::new();
    let mut at = node;
    while at != 0 {
        path.push(SCHEMA.node(at).name);
        at = SCHEMA.node(at).parent;
    }
    path.reverse();
    let Some((from, to)) = first(arena, start, &path) else { return Value::Absent };
    let raw = arena.get(from..to).unwrap_or_default();
    read(node, raw, raw.contains(&b'\\'))
}

/// Where the first value at `path` is, in the object that begins at `open` and is known to be valid.
pub(crate) fn first(bytes: &[u8], open: usize, path: &[&str]) -> Option<(usize, usize)> {
    let (name, below) = path.split_first()?;
    let mut at = white(bytes, open + 1);
    let mut decoded = String::new();
    while byte(bytes, at) == b'"' {
        let (end, escaped) = string_end::<true>(bytes, at + 1).ok()?;
        let mut key = std::str::from_utf8(bytes.get(at + 1..end)?).ok()?;
        if escaped {
            // What is no text is no name of ours.
            key = if record::unescape(key, &mut decoded) { &decoded } else { "" };
        }
        let from = white(bytes, white(bytes, end + 1) + 1);
        let to = skip::<true>(bytes, from, crate::parse::MAX_DEPTH).ok()?;
        if key == *name {
            let found = match below {
                [] => Some((from, to)),
                _ if byte(bytes, from) == b'{' => first(bytes, from, below),
                _ => None,
            };
            if found.is_some() {
                return found;
            }
        }
        at = white(bytes, to);
        if byte(bytes, at) != b',' {
            return None;
        }
        at = white(bytes, at + 1);
    }
    None
}
