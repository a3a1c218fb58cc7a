//! A column of texts that grows: each text once, and which of them a row has.
//!
//! Rows come in runs of one text, and from pages whose dictionaries give equal texts equal views, so most are told apart
//! without reading them.

use crate::error::Error;
use datafusion::arrow::array::{Array, ArrayRef, AsArray, StringArray, StringViewArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::DataType;
use foldhash::fast::RandomState;
use foldhash::{HashMap, HashMapExt};
use hashbrown::HashTable;
use std::hash::BuildHasher;

/// The number of a row without a text.
const NONE: u32 = u32::MAX;

/// A column whose texts repeat.
#[derive(Default)]
pub(in crate::detect) struct Texts {
    of_rows: Vec<u32>,
    /// The texts, one behind the other, and where each ends.
    text: String,
    ends: Vec<usize>,
    index: HashTable<u32>,
    hasher: RandomState,
}

impl Texts {
    /// Appends the rows of a column of any type that has a text.
    ///
    /// # Errors
    /// It has none.
    pub(super) fn append(&mut self, column: &ArrayRef) -> Result<(), Error> {
        match column.data_type() {
            DataType::Utf8View => self.append_views(column.as_string_view()),
            DataType::Utf8 => self.append_strings(column.as_string()),
            _ => self.append_strings(cast(column, &DataType::Utf8)?.as_string()),
        }
        Ok(())
    }

    fn append_views(&mut self, column: &StringViewArray) {
        let mut known = HashMap::<u128, u32>::new();
        let mut last = None;
        for (row, &view) in column.views().iter().enumerate() {
            if column.is_null(row) {
                self.of_rows.push(NONE);
                continue;
            }
            let number = match last {
                Some((last, number)) if last == view => number,
                _ => *known.entry(view).or_insert_with(|| self.number_of(column.value(row))),
            };
            last = Some((view, number));
            self.of_rows.push(number);
        }
    }

    fn append_strings(&mut self, column: &StringArray) {
        column.iter().for_each(|text| self.push(text));
    }

    /// Appends one row.
    pub(super) fn push(&mut self, text: Option<&str>) {
        let number = match (text, self.of_rows.last()) {
            (None, _) => NONE,
            (Some(text), Some(&last)) if last != NONE && self.text(last) == text => last,
            (Some(text), _) => self.number_of(text),
        };
        self.of_rows.push(number);
    }

    /// Appends rows without a text until there are so many.
    pub(super) fn fill_up(&mut self, rows: usize) {
        self.of_rows.resize(rows.max(self.of_rows.len()), NONE);
    }

    fn number_of(&mut self, text: &str) -> u32 {
        let hash = self.hasher.hash_one(text);
        let (all, ends, hasher) = (&self.text, &self.ends, &self.hasher);
        if let Some(&known) = self.index.find(hash, |&number| at(all, ends, number) == text) {
            return known;
        }
        let number = u32::try_from(self.ends.len()).unwrap_or(NONE);
        self.index.insert_unique(hash, number, |&number| hasher.hash_one(at(all, ends, number)));
        self.text.push_str(text);
        self.ends.push(self.text.len());
        number
    }

    fn text(&self, number: u32) -> &str {
        at(&self.text, &self.ends, number)
    }

    /// The text of a row.
    pub(super) fn get(&self, row: usize) -> Option<&str> {
        Some(self.of_rows[row]).filter(|&number| number != NONE).map(|number| self.text(number))
    }

    /// A number that rows have in common that have the same text, or none.
    pub(in crate::detect) fn number(&self, row: usize) -> u32 {
        self.of_rows[row]
    }

    pub(super) fn len(&self) -> usize {
        self.of_rows.len()
    }

    /// Bytes of memory.
    pub(super) fn bytes(&self) -> usize {
        let numbers = (self.of_rows.capacity() + self.index.capacity()) * size_of::<u32>();
        numbers + self.text.capacity() + self.ends.capacity() * size_of::<usize>()
    }
}

/// The text of a number.
fn at<'a>(all: &'a str, ends: &[usize], number: u32) -> &'a str {
    let number = number as usize;
    let start = number.checked_sub(1).map_or(0, |before| ends[before]);
    &all[start..ends[number]]
}

/// A column whose texts seldom repeat.
#[derive(Default)]
pub(super) struct Ids {
    text: String,
    ends: Vec<usize>,
    is_there: Vec<bool>,
}

impl Ids {
    /// Appends the rows of a column.
    ///
    /// # Errors
    /// It has no text.
    pub(super) fn append(&mut self, column: &ArrayRef) -> Result<(), Error> {
        let column = cast(column, &DataType::Utf8View)?;
        column.as_string_view().iter().for_each(|text| self.push(text));
        Ok(())
    }

    /// Appends one row.
    pub(super) fn push(&mut self, text: Option<&str>) {
        self.text.push_str(text.unwrap_or_default());
        self.ends.push(self.text.len());
        self.is_there.push(text.is_some());
    }

    /// The text of a row.
    pub(super) fn get(&self, row: usize) -> Option<&str> {
        let start = row.checked_sub(1).map_or(0, |before| self.ends[before]);
        self.is_there[row].then(|| &self.text[start..self.ends[row]])
    }

    /// Bytes of memory.
    pub(super) fn bytes(&self) -> usize {
        self.text.capacity() + self.ends.capacity() * size_of::<usize>() + self.is_there.capacity()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn texts_of_any_column_come_back_and_equal_ones_have_one_number() {
        let rows = [Some("a"), Some("a"), None, Some(""), Some("a text that fits into no view"), Some("a")];
        let mut texts = Texts::default();
        texts.append(&(Arc::new(StringArray::from(rows.to_vec())) as ArrayRef)).unwrap();
        texts.append(&(Arc::new(StringViewArray::from(rows.to_vec())) as ArrayRef)).unwrap();
        texts.fill_up(13);
        let back = (0..texts.len()).map(|row| texts.get(row)).collect::<Vec<_>>();
        assert_eq!(back, [&rows[..], &rows[..], &[None]].concat());
        assert_eq!(texts.ends.len(), 3);
        for row in 0..6 {
            assert_eq!(texts.number(row), texts.number(row + 6));
        }
        let mut ids = Ids::default();
        for id in rows {
            ids.push(id);
        }
        assert_eq!((0..6).map(|row| ids.get(row)).collect::<Vec<_>>(), rows);
    }
}
