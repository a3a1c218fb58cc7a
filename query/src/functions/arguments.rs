//! The arguments of a function, read as texts or as lists of texts, whatever they are.
//!
//! A constant is kept as one value for all rows: a list of ten thousand networks is not copied eight thousand times.

use super::scalar::text_list;
use datafusion::arrow::array::{Array, ArrayRef, AsArray, ListArray, StringArray};
use datafusion::arrow::buffer::{NullBuffer, OffsetBuffer};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::ColumnarValue;
use std::sync::Arc;

/// An argument: a column, or one value for all rows.
pub(super) struct Argument {
    array: ArrayRef,
    constant: Option<ScalarValue>,
}

impl Argument {
    pub(super) fn new(value: ColumnarValue) -> Result<Self> {
        Ok(match value {
            ColumnarValue::Array(array) => Self { array, constant: None },
            ColumnarValue::Scalar(value) => Self { array: value.to_array()?, constant: Some(value) },
        })
    }

    pub(super) fn data_type(&self) -> &DataType {
        self.array.data_type()
    }

    /// The argument as a column of so many rows.
    pub(super) fn column(&self, rows: usize) -> Result<ArrayRef> {
        self.constant
            .as_ref()
            .map_or_else(|| Ok(Arc::clone(&self.array)), |value| value.to_array_of_size(rows))
    }

    pub(super) fn is_constant(&self) -> bool {
        self.constant.is_some()
    }

    /// The list, if it is the same for all rows. As long as somebody holds it, it is known by its address.
    pub(super) fn constant_list(&self) -> Option<&Arc<ListArray>> {
        match &self.constant {
            Some(ScalarValue::List(list)) => Some(list),
            _ => None,
        }
    }

    /// Whether its values are lists.
    pub(super) fn is_list(&self) -> bool {
        matches!(
            self.data_type(),
            DataType::List(_)
                | DataType::LargeList(_)
                | DataType::FixedSizeList(..)
                | DataType::ListView(_)
                | DataType::LargeListView(_)
        )
    }
}

/// An argument as texts.
pub(super) struct Texts {
    values: StringArray,
    is_constant: bool,
}

impl Texts {
    pub(super) fn new(argument: &Argument) -> Result<Self> {
        let values = cast(&argument.array, &DataType::Utf8)?.as_string::<i32>().clone();
        Ok(Self { values, is_constant: argument.is_constant() })
    }

    /// The text of a row, if it has one.
    pub(super) fn get(&self, row: usize) -> Option<&str> {
        let row = if self.is_constant { 0 } else { row };
        self.values.is_valid(row).then(|| self.values.value(row))
    }
}

/// An argument as lists of texts. A text counts as a list of one, since that is what AWS writes for one; NULL as an
/// empty list.
pub(super) struct Lists {
    values: StringArray,
    /// Where lists begin and end, and which are there; without it each value is a list.
    lists: Option<(OffsetBuffer<i32>, Option<NullBuffer>)>,
    is_constant: bool,
}

impl Lists {
    pub(super) fn new(argument: &Argument) -> Result<Self> {
        let is_constant = argument.is_constant();
        if !argument.is_list() {
            let Texts { values, .. } = Texts::new(argument)?;
            return Ok(Self { values, lists: None, is_constant });
        }
        let lists = cast(&argument.array, &text_list())?;
        let lists = lists.as_list::<i32>();
        let values = lists.values().as_string::<i32>().clone();
        Ok(Self { values, lists: Some((lists.offsets().clone(), lists.nulls().cloned())), is_constant })
    }

    /// The items of a row, without NULLs.
    pub(super) fn items(&self, row: usize) -> impl Iterator<Item = &str> {
        let row = if self.is_constant { 0 } else { row };
        let range = match &self.lists {
            None => row..row + 1,
            Some((_, Some(nulls))) if nulls.is_null(row) => 0..0,
            Some((offsets, _)) => offset(offsets, row)..offset(offsets, row + 1),
        };
        range.filter(|&item| self.values.is_valid(item)).map(|item| self.values.value(item))
    }
}

fn offset(offsets: &OffsetBuffer<i32>, row: usize) -> usize {
    usize::try_from(offsets[row]).unwrap_or(0)
}
