//! The distinct values of a column, numbered in the order of their first row.
//!
//! A value equal to the one before costs one comparison and no hashing: rows are sorted, so that is the common case.

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use std::hash::BuildHasher;

/// The number of a value.
pub(crate) type Key = u32;

/// The key of a row without a value.
pub(crate) const NONE: Key = Key::MAX;

/// Distinct texts.
#[derive(Debug)]
pub(crate) struct Values {
    bytes: Vec<u8>,
    /// Where each value ends in `bytes`.
    ends: Vec<usize>,
    /// Keys with the whole hash of their value: growing hashes nothing again, and a probe seldom looks at a value.
    index: HashTable<(u64, Key)>,
    hasher: FixedState,
    /// The key that was given last.
    last: Option<Key>,
}

impl Default for Values {
    fn default() -> Self {
        let hasher = FixedState::default();
        Self { bytes: Vec::new(), ends: Vec::new(), index: HashTable::new(), hasher, last: None }
    }
}

impl Values {
    /// The key of `value`, which gets one when it is new.
    pub(crate) fn key(&mut self, value: &[u8]) -> Key {
        if let Some(last) = self.last.filter(|&last| self.get(last) == value) {
            return last;
        }
        let hash = self.hasher.hash_one(value);
        let equal = |&(other, key): &(u64, Key)| other == hash && get(&self.bytes, &self.ends, key) == value;
        let known = self.index.find(hash, equal).map(|&(_, key)| key);
        let key = known.unwrap_or_else(|| {
            let key = self.add(value);
            self.index.insert_unique(hash, (hash, key), |&(hash, _)| hash);
            key
        });
        self.last = Some(key);
        key
    }

    fn add(&mut self, value: &[u8]) -> Key {
        self.bytes.extend_from_slice(value);
        self.ends.push(self.bytes.len());
        // A batch has fewer bytes than keys have numbers.
        Key::try_from(self.ends.len() - 1).unwrap_or(NONE)
    }

    /// The value of a key.
    pub(crate) fn get(&self, key: Key) -> &[u8] {
        get(&self.bytes, &self.ends, key)
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// How long they are together.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// All of them, by key.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..).take(self.len()).map(|key| self.get(key))
    }
}

fn get<'a>(bytes: &'a [u8], ends: &[usize], key: Key) -> &'a [u8] {
    let at = key as usize;
    let start = if at == 0 { 0 } else { ends[at - 1] };
    &bytes[start..ends[at]]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_share_a_key() {
        let mut values = Values::default();
        let keys = ["a", "a", "", "b", "a", "", "aa"].map(|text| values.key(text.as_bytes()));
        assert_eq!(keys, [0, 0, 1, 2, 0, 1, 3]);
        assert_eq!(values.iter().collect::<Vec<_>>(), [&b"a"[..], b"", b"b", b"aa"]);
        assert_eq!((values.len(), values.bytes()), (4, 4));
    }
}
