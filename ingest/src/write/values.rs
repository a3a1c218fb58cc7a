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

/// Bytes before each value.
const PREFIX: usize = size_of::<u32>();

/// Distinct texts.
#[derive(Debug)]
pub(crate) struct Values {
    /// The values one after the other, each led by its length, as a dictionary page has them.
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
        // A value lies on an arena whose offsets have 32 bits.
        self.bytes.extend_from_slice(&u32::try_from(value.len()).unwrap_or(u32::MAX).to_le_bytes());
        self.bytes.extend_from_slice(value);
        self.ends.push(self.bytes.len());
        // A batch has fewer bytes than keys have numbers.
        Key::try_from(self.ends.len() - 1).unwrap_or(NONE)
    }

    /// Forgets all values, and keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
        self.index.clear();
        self.last = None;
    }

    /// Bytes of memory held.
    pub(crate) fn held(&self) -> usize {
        self.bytes.capacity()
            + size_of::<usize>() * self.ends.capacity()
            + size_of::<(u64, Key)>() * self.index.capacity()
    }

    /// The value of a key.
    pub(crate) fn get(&self, key: Key) -> &[u8] {
        get(&self.bytes, &self.ends, key)
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// All of them by key, each led by its length in four bytes, the least first.
    pub(crate) fn plain(&self) -> &[u8] {
        &self.bytes
    }

    /// All of them, by key.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..).take(self.len()).map(|key| self.get(key))
    }
}

fn get<'a>(bytes: &'a [u8], ends: &[usize], key: Key) -> &'a [u8] {
    let at = key as usize;
    let start = if at == 0 { 0 } else { ends[at - 1] };
    &bytes[start + PREFIX..ends[at]]
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
        assert_eq!(values.len(), 4);
        assert_eq!(values.plain(), b"\x01\0\0\0a\0\0\0\0\x01\0\0\0b\x02\0\0\0aa");
    }
}
