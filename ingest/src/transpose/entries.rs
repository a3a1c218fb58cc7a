//! The text of `resources`, as AWS writes it → where the texts of its entries stand.
//!
//! Nearly all values are lists of objects of known keys and texts without escapes, and no white space. Going through
//! one by hand takes a third of what simd-json's tape takes for so short a text; whatever looks different is left to
//! simd-json, which is also what the tests compare with.

use crate::schema::RESOURCE_FIELDS;
use memchr::memchr2;

pub(super) const WIDTH: usize = RESOURCE_FIELDS.len();

/// The texts of one entry, by field: begin and end. One that is not there ends before it begins.
pub(super) type Places = [(usize, usize); WIDTH];

/// What stands for a text that is not there.
pub(super) const NOWHERE: (usize, usize) = (1, 0);

/// Finds all entries of `raw`; `None` when it is not of the usual shape, and then `entries` has whatever was found.
pub(super) fn find(raw: &[u8], entries: &mut Vec<Places>) -> Option<()> {
    entries.clear();
    let mut at = after(raw, 0, b'[')?;
    if raw.get(at..) == Some(b"]") {
        return Some(());
    }
    loop {
        let (places, end) = entry(raw, at)?;
        entries.push(places);
        match raw.get(end)? {
            b',' => at = end + 1,
            b']' if end + 1 == raw.len() => return Some(()),
            _ => return None,
        }
    }
}

/// The entry that begins at `at`, and where it ends.
fn entry(raw: &[u8], at: usize) -> Option<(Places, usize)> {
    let (mut places, mut at) = ([NOWHERE; WIDTH], after(raw, at, b'{')?);
    loop {
        let (key, colon) = text(raw, at)?;
        let (value, end) = text(raw, after(raw, colon, b':')?)?;
        let field = RESOURCE_FIELDS.iter().position(|(name, _)| name.as_bytes() == &raw[key.0..key.1])?;
        // The first of two is kept, and the fact reported: not here.
        if places[field] != NOWHERE {
            return None;
        }
        places[field] = value;
        match raw.get(end)? {
            b',' => at = end + 1,
            b'}' => return Some((places, end + 1)),
            _ => return None,
        }
    }
}

/// The text that begins at `at`, without its quotes, and where it ends with them.
fn text(raw: &[u8], at: usize) -> Option<((usize, usize), usize)> {
    let begin = after(raw, at, b'"')?;
    let end = begin + memchr2(b'"', b'\\', raw.get(begin..)?)?;
    (raw[end] == b'"').then_some(((begin, end), end + 1))
}

/// The place behind `byte`, if it is at `at`.
fn after(raw: &[u8], at: usize, byte: u8) -> Option<usize> {
    (raw.get(at) == Some(&byte)).then_some(at + 1)
}
