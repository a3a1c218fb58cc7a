//! What rows count for: nothing but themselves, values, or numbers.

use super::texts::Texts;
use crate::error::Error;
use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Float64Type};
use std::ops::Range;

/// What rows count for.
#[derive(Default)]
pub(in crate::detect) enum Measured {
    /// Each for one.
    #[default]
    Once,
    /// For their values, as far as these differ from those of others.
    Values(Lists),
    /// For a number.
    Numbers(Vec<Option<f64>>),
}

/// A list of texts in each row.
#[derive(Default)]
pub(in crate::detect) struct Lists {
    /// Where the items of a row end.
    ends: Vec<usize>,
    items: Texts,
}

impl Lists {
    /// The values of a row, as numbers that equal ones have in common.
    pub(in crate::detect) fn get(&self, row: usize) -> impl Iterator<Item = u32> {
        let start = row.checked_sub(1).map_or(0, |before| self.ends[before]);
        let range: Range<usize> = start..self.ends[row];
        range.map(|item| self.items.number(item))
    }
}

impl Measured {
    /// Appends the rows of a column.
    ///
    /// # Errors
    /// It has neither lists of texts nor numbers.
    pub(super) fn append(&mut self, column: &ArrayRef) -> Result<(), Error> {
        if let DataType::List(_) = column.data_type() {
            if !matches!(self, Self::Values(_)) {
                *self = Self::Values(Lists::default());
            }
            let Self::Values(all) = self else { return Ok(()) };
            let lists = cast(column, &DataType::new_list(DataType::Utf8, true))?;
            let lists = lists.as_list::<i32>();
            let (texts, offsets) = (lists.values().as_string::<i32>(), lists.value_offsets());
            let place = |offset: i32| usize::try_from(offset).unwrap_or(0);
            for row in 0..lists.len() {
                if lists.is_valid(row) {
                    let items = place(offsets[row])..place(offsets[row + 1]);
                    for item in items.filter(|&item| texts.is_valid(item)) {
                        all.items.push(Some(texts.value(item)));
                    }
                }
                all.ends.push(all.items.len());
            }
            return Ok(());
        }
        if !matches!(self, Self::Numbers(_)) {
            *self = Self::Numbers(Vec::new());
        }
        if let Self::Numbers(all) = self {
            let numbers = cast(column, &DataType::Float64)?;
            all.extend(numbers.as_primitive::<Float64Type>().iter());
        }
        Ok(())
    }

    /// Bytes of memory.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Once => 0,
            Self::Values(lists) => lists.items.bytes() + lists.ends.capacity() * size_of::<usize>(),
            Self::Numbers(numbers) => numbers.capacity() * size_of::<Option<f64>>(),
        }
    }
}
