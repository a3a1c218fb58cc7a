//! Texts that never repeat, one after the other: ids.

use super::values::NONE;

/// The texts of a page, with the rows that have none.
#[derive(Debug, Default)]
pub(crate) struct Texts {
    bytes: Vec<u8>,
    /// Of each row, [`NONE`] where it has no text.
    lengths: Vec<u32>,
}

impl Texts {
    pub(crate) fn push(&mut self, text: &[u8]) {
        self.bytes.extend_from_slice(text);
        // Texts lie on an arena whose offsets have 32 bits.
        self.lengths.push(u32::try_from(text.len()).unwrap_or(NONE));
    }

    /// Rows without a text, up to `rows` rows in all.
    pub(crate) fn fill_up(&mut self, rows: usize) {
        self.lengths.resize(rows, NONE);
    }

    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.lengths.clear();
    }

    /// The length of the text of each row, [`NONE`] where it has none.
    pub(crate) fn lengths(&self) -> &[u32] {
        &self.lengths
    }

    /// The texts without anything between.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Bytes of memory held.
    pub(crate) fn held(&self) -> usize {
        self.bytes.capacity() + 4 * self.lengths.capacity()
    }

    /// Each text.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = self.bytes.as_slice();
        self.lengths.iter().filter(|&&length| length != NONE).map(move |&length| {
            let (text, behind) = rest.split_at(length as usize);
            rest = behind;
            text
        })
    }
}
