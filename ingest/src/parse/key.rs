//! The keys of the node table, laid out so that a guess is checked by one comparison of 32 bytes.

use crate::schema::{Node, NodeId};
use wide::u8x16;

/// The longest key that is guessed, with the quote and the colon behind it.
const LONGEST: usize = 32;

/// A key as it stands in a document: `eventName":`.
#[derive(Debug)]
pub(super) struct Key {
    pattern: [u8; LONGEST],
    /// A bit for each byte of the pattern; none when the node cannot be guessed.
    bits: u32,
    length: usize,
    parent: NodeId,
}

impl Key {
    pub(super) fn new(node: &Node) -> Self {
        let text = [node.name.as_bytes(), b"\":"].concat();
        let mut pattern = [0; LONGEST];
        let guessed = !node.name.is_empty() && text.len() <= LONGEST;
        if guessed {
            pattern[..text.len()].copy_from_slice(&text);
        }
        let bits = if guessed { u32::MAX >> (LONGEST - text.len()) } else { 0 };
        Self { pattern, bits, length: text.len(), parent: node.parent }
    }

    /// Behind the colon, if the member of `object` whose key begins at `at` is this one.
    #[inline]
    pub(super) fn behind(&self, bytes: &[u8], at: usize, object: NodeId) -> Option<usize> {
        let found: &[u8; LONGEST] = bytes.get(at..at + LONGEST)?.try_into().ok()?;
        let equal = |half: usize| -> Option<u32> {
            let of = |bytes: &[u8; LONGEST]| -> Option<u8x16> {
                let lane: [u8; 16] = bytes.get(half..half + 16)?.try_into().ok()?;
                Some(u8x16::new(lane))
            };
            Some(of(found)?.simd_eq(of(&self.pattern)?).to_bitmask())
        };
        let equal = equal(0)? | equal(16)? << 16;
        (self.bits != 0 && equal & self.bits == self.bits && self.parent == object)
            .then_some(at + self.length)
    }
}
