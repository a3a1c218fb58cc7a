//! Texts that repeat → keys into a dictionary, so that each value is copied and later compressed once per chunk.
//!
//! A value equal to the one before costs one comparison and no hashing: rows are sorted, so that is the common case.

use arrow::array::{ArrayRef, DictionaryArray, Int32Builder, StringBuilder};
use arrow::datatypes::Int32Type;
use arrow::error::ArrowError;
use foldhash::fast::FixedState;
use hashbrown::HashTable;
use std::{hash::BuildHasher, sync::Arc};

/// Builds one chunk of a dictionary column.
#[derive(Debug, Default)]
pub(super) struct Dictionary {
    values: StringBuilder,
    keys: Int32Builder,
    /// Keys by the hash of their value.
    index: HashTable<i32>,
    /// The key of the row before.
    last: Option<i32>,
    /// Keys by a number that the caller knows the value by; negative when there is none yet.
    numbered: Vec<i32>,
    hasher: FixedState,
}

impl Dictionary {
    pub(super) fn append(&mut self, text: &str) {
        let key = match self.last {
            Some(key) if value(&self.values, key) == text.as_bytes() => key,
            _ => self.find_or_add(text),
        };
        self.last = Some(key);
        self.keys.append_value(key);
    }

    /// Appends a text that is always the same for the same `number`: made once, neither hashed nor compared.
    pub(super) fn append_numbered(&mut self, number: u32, text: impl FnOnce() -> String) {
        let at = number as usize;
        if self.numbered.len() <= at {
            self.numbered.resize(at + 1, -1);
        }
        if self.numbered[at] < 0 {
            self.numbered[at] = self.add(&text());
        }
        self.keys.append_value(self.numbered[at]);
    }

    pub(super) fn append_nulls(&mut self, count: usize) {
        self.keys.append_nulls(count);
    }

    /// The chunk; the builder is empty again, its buffers are kept where they can be.
    pub(super) fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        self.index.clear();
        self.numbered.clear();
        self.last = None;
        let values = Arc::new(self.values.finish());
        Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(self.keys.finish(), values)?))
    }

    fn find_or_add(&mut self, text: &str) -> i32 {
        let hash = self.hasher.hash_one(text.as_bytes());
        if let Some(&key) = self.index.find(hash, |&key| value(&self.values, key) == text.as_bytes()) {
            return key;
        }
        let key = self.add(text);
        let (values, hasher) = (&self.values, &self.hasher);
        self.index.insert_unique(hash, key, |&key| hasher.hash_one(value(values, key)));
        key
    }

    fn add(&mut self, text: &str) -> i32 {
        let key = self.values.offsets_slice().len() - 1;
        self.values.append_value(text);
        i32::try_from(key).expect("a chunk has few rows")
    }
}

/// The value of a key that [`Dictionary::add`] gave.
fn value(values: &StringBuilder, key: i32) -> &[u8] {
    let at = usize::try_from(key).expect("keys count from 0");
    let bound = |i: usize| usize::try_from(values.offsets_slice()[i]).expect("offsets count from 0");
    &values.values_slice()[bound(at)..bound(at + 1)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Array, AsArray};

    #[test]
    fn repeats_share_a_key() {
        let mut dictionary = Dictionary::default();
        for text in ["a", "a", "", "b", "a", ""] {
            dictionary.append(text);
        }
        dictionary.append_nulls(1);
        let array = dictionary.finish().unwrap();
        let array = array.as_dictionary::<Int32Type>();
        assert_eq!(array.values().len(), 3);
        assert_eq!(
            array.keys().iter().collect::<Vec<_>>(),
            [0, 0, 1, 2, 0, 1].map(Some).into_iter().chain([None]).collect::<Vec<_>>()
        );
    }

    #[test]
    fn a_number_stands_for_its_text_until_the_chunk_ends() {
        let mut dictionary = Dictionary::default();
        for (text, number) in [("x", 7), ("y", 0), ("x", 7)] {
            dictionary.append_numbered(number, || text.to_owned());
        }
        let array = dictionary.finish().unwrap();
        assert_eq!(array.as_dictionary::<Int32Type>().keys().values(), &[0, 1, 0]);
        dictionary.append_numbered(0, || "y".to_owned());
        let array = dictionary.finish().unwrap();
        assert_eq!(array.as_dictionary::<Int32Type>().values().as_string::<i32>().value(0), "y");
    }
}
