//! Texts of a column → their places among all of them, in the order of the texts.
//!
//! Rows are sorted by numbers, since texts would not fit into memory. What is kept of the texts is bounded: those that
//! come when it is full share one place behind all others, which costs some compression and nothing else.

use std::collections::HashMap;

/// Bytes of the distinct texts of a column that are kept.
const MOST_BYTES: usize = 8 << 20;

/// The place of a text that is not kept.
const LAST: u32 = u32::MAX;

/// The distinct texts of one column so far, numbered as they came.
#[derive(Default)]
pub(super) struct Ranks {
    numbers: HashMap<String, u32>,
    bytes: usize,
}

impl Ranks {
    /// The number of a text, to be exchanged for its place by [`Ranks::places`].
    pub(super) fn number(&mut self, text: &str) -> u32 {
        if let Some(&number) = self.numbers.get(text) {
            return number;
        }
        if self.bytes + text.len() > MOST_BYTES {
            return LAST;
        }
        self.bytes += text.len() + size_of::<(String, u32)>();
        let next = u32::try_from(self.numbers.len()).unwrap_or(LAST);
        self.numbers.insert(text.to_owned(), next);
        next
    }

    /// By number: the place.
    pub(super) fn places(self) -> Places {
        let mut texts = self.numbers.into_iter().collect::<Vec<_>>();
        texts.sort_unstable();
        let mut places = vec![0; texts.len()];
        for (place, (_, number)) in (0..).zip(texts) {
            places[number as usize] = place;
        }
        Places(places)
    }
}

/// The places of texts by their numbers.
pub(super) struct Places(Vec<u32>);

impl Places {
    pub(super) fn of(&self, number: u32) -> u32 {
        self.0.get(number as usize).copied().unwrap_or(LAST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_in_the_order_of_the_texts() {
        let mut ranks = Ranks::default();
        let numbers = ["b", "", "c", "b", "a"].map(|text| ranks.number(text));
        let places = ranks.places();
        assert_eq!(numbers.map(|number| places.of(number)), [2, 0, 3, 2, 1]);
    }

    #[test]
    fn what_does_not_fit_comes_last() {
        let mut ranks = Ranks::default();
        let numbers = ["b".repeat(MOST_BYTES - 1), "a".repeat(2), "c".into()].map(|text| ranks.number(&text));
        let places = ranks.places();
        assert_eq!(numbers.map(|number| places.of(number)), [0, LAST, LAST]);
    }
}
