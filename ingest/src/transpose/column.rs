//! One column of the chunk being built.
//!
//! A record has about 28 of 80 members, so no row visits every column: a column notes how many rows it has and
//! catches up with nulls when its next value comes, or when the chunk ends.

use super::dictionary::Dictionary;
use super::resources::{Appended, Resources};
use crate::schema::{self, Kind};
use crate::write::settings::{self, Layout};
use arrow::array::{ArrayRef, BooleanBuilder, StringBuilder, TimestampMicrosecondBuilder};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use std::sync::Arc;

/// A column and how many rows it has.
pub(super) struct Column {
    builder: Builder,
    rows: usize,
}

enum Builder {
    Plain(StringBuilder),
    Dictionary(Box<Dictionary>),
    Time(TimestampMicrosecondBuilder),
    Bool(BooleanBuilder),
    Resources(Box<Resources>),
}

impl Column {
    /// An empty column for values of `kind`; `name` decides whether texts go through a dictionary.
    pub(super) fn new(name: &str, kind: Kind) -> Self {
        let builder = match kind {
            Kind::Time => {
                Builder::Time(TimestampMicrosecondBuilder::new().with_data_type(schema::data_type(kind)))
            }
            Kind::Bool => Builder::Bool(BooleanBuilder::new()),
            Kind::Resources => Builder::Resources(Box::new(Resources::new())),
            Kind::Text | Kind::Json | Kind::Object if is_mostly_distinct(name) => {
                Builder::Plain(StringBuilder::new())
            }
            Kind::Text | Kind::Json | Kind::Object => Builder::Dictionary(Box::default()),
        };
        Self { builder, rows: 0 }
    }

    /// The type of the arrays that [`Self::finish`] gives.
    pub(super) fn data_type(&self) -> DataType {
        match &self.builder {
            Builder::Plain(_) => DataType::Utf8,
            Builder::Dictionary(_) => {
                DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
            }
            Builder::Time(_) => schema::data_type(Kind::Time),
            Builder::Bool(_) => DataType::Boolean,
            Builder::Resources(_) => schema::data_type(Kind::Resources),
        }
    }

    /// Whether the column has a value for `row` already: a record with a key twice keeps the first.
    pub(super) fn has(&self, row: usize) -> bool {
        self.rows > row
    }

    pub(super) fn text(&mut self, row: usize, text: &str) {
        self.catch_up(row);
        match &mut self.builder {
            Builder::Plain(builder) => builder.append_value(text),
            Builder::Dictionary(builder) => builder.append(text),
            _ => unreachable!("only a column of texts is given texts"),
        }
        self.rows = row + 1;
    }

    /// A text that is the same whenever `number` is.
    pub(super) fn numbered_text(&mut self, row: usize, number: u32, text: impl FnOnce() -> String) {
        self.catch_up(row);
        match &mut self.builder {
            Builder::Plain(builder) => builder.append_value(text()),
            Builder::Dictionary(builder) => builder.append_numbered(number, text),
            _ => unreachable!("only a column of texts is given texts"),
        }
        self.rows = row + 1;
    }

    pub(super) fn time(&mut self, row: usize, micros: i64) {
        self.catch_up(row);
        if let Builder::Time(builder) = &mut self.builder {
            builder.append_value(micros);
            self.rows = row + 1;
        }
    }

    pub(super) fn bool(&mut self, row: usize, value: bool) {
        self.catch_up(row);
        if let Builder::Bool(builder) = &mut self.builder {
            builder.append_value(value);
            self.rows = row + 1;
        }
    }

    /// Whether the column says all of the value `raw`.
    pub(super) fn resources(&mut self, row: usize, raw: &str) -> bool {
        self.catch_up(row);
        let Builder::Resources(builder) = &mut self.builder else { return false };
        let appended = builder.append(raw);
        if appended != Appended::Nothing {
            self.rows = row + 1;
        }
        appended == Appended::All
    }

    /// The chunk of `rows` rows; the column is empty again.
    pub(super) fn finish(&mut self, rows: usize) -> Result<ArrayRef, ArrowError> {
        self.catch_up(rows);
        self.rows = 0;
        Ok(match &mut self.builder {
            Builder::Plain(builder) => Arc::new(builder.finish()),
            Builder::Dictionary(builder) => builder.finish()?,
            Builder::Time(builder) => Arc::new(builder.finish()),
            Builder::Bool(builder) => Arc::new(builder.finish()),
            Builder::Resources(builder) => builder.finish()?,
        })
    }

    /// Nulls for the rows before `row` that had no value.
    fn catch_up(&mut self, row: usize) {
        if self.rows >= row {
            return;
        }
        let missing = row - self.rows;
        match &mut self.builder {
            Builder::Plain(builder) => builder.append_nulls(missing),
            Builder::Dictionary(builder) => builder.append_nulls(missing),
            Builder::Time(builder) => builder.append_nulls(missing),
            Builder::Bool(builder) => builder.append_nulls(missing),
            Builder::Resources(builder) => builder.append_nulls(missing),
        }
        self.rows = row;
    }
}

/// Texts that seldom repeat within a chunk, for which hashing them here buys nothing.
fn is_mostly_distinct(column: &str) -> bool {
    matches!(
        column,
        "requestparameters" | "responseelements" | "additionaleventdata" | "errormessage" | "summary"
    ) || settings::find(column).is_some_and(|setting| setting.layout == Layout::Id)
}
