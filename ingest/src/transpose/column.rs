//! One column of the chunk being built.
//!
//! A record has about 28 of 80 members, so no row visits every column: a column notes how many rows it has and
//! catches up with nulls when its next value comes, or when the chunk ends.

use super::resources::{Appended, Resources};
use crate::schema::{self, Kind};
use crate::time::Times;
use crate::write::settings::{self, Layout};
use crate::write::texts::Texts;
use crate::write::values::{Key, NONE, Values};
use arrow::array::{ArrayRef, BooleanBuilder, TimestampMicrosecondBuilder};
use arrow::error::ArrowError;
use std::sync::Arc;

/// What a column has for the rows of a chunk.
pub(crate) enum Filled<'a> {
    /// An array.
    Array(ArrayRef),
    /// Keys of values that are known so far.
    Keys(&'a [Key], &'a Values),
    /// Texts that never repeat.
    Texts(&'a Texts),
}

/// A column and how many rows it has.
pub(super) struct Column {
    builder: Builder,
    rows: usize,
}

enum Builder {
    Texts(Texts),
    Keyed(Box<Keyed>),
    Time(TimestampMicrosecondBuilder, Times),
    Bool(BooleanBuilder),
    Resources(Box<Resources>),
}

/// Texts that repeat: each value is kept once for the whole file.
#[derive(Default)]
struct Keyed {
    values: Values,
    keys: Vec<Key>,
    /// Keys by a number that the caller knows the value by.
    numbered: Vec<Key>,
}

impl Keyed {
    /// Appends a text that is always the same for the same `number`: made once, neither hashed nor compared.
    fn append_numbered(&mut self, number: u32, text: impl FnOnce() -> String) {
        let at = number as usize;
        if self.numbered.len() <= at {
            self.numbered.resize(at + 1, NONE);
        }
        if self.numbered[at] == NONE {
            self.numbered[at] = self.values.key(text().as_bytes());
        }
        self.keys.push(self.numbered[at]);
    }
}

impl Column {
    /// An empty column for values of `kind`; `name` decides whether texts go through a dictionary.
    pub(super) fn new(name: &str, kind: Kind) -> Self {
        let builder = match kind {
            Kind::Time => {
                let builder = TimestampMicrosecondBuilder::new().with_data_type(schema::data_type(kind));
                Builder::Time(builder, Times::default())
            }
            Kind::Bool => Builder::Bool(BooleanBuilder::new()),
            Kind::Resources => Builder::Resources(Box::new(Resources::new())),
            Kind::Text | Kind::Json | Kind::Object if is_distinct(name) => Builder::Texts(Texts::default()),
            Kind::Text | Kind::Json | Kind::Object => Builder::Keyed(Box::default()),
        };
        Self { builder, rows: 0 }
    }

    /// Whether the column has a value for `row` already: a record with a key twice keeps the first.
    pub(super) fn has(&self, row: usize) -> bool {
        self.rows > row
    }

    /// A text, which is UTF-8.
    pub(super) fn text(&mut self, row: usize, text: &[u8]) {
        self.catch_up(row);
        match &mut self.builder {
            Builder::Texts(texts) => texts.push(text),
            Builder::Keyed(keyed) => {
                let key = keyed.values.key(text);
                keyed.keys.push(key);
            }
            _ => unreachable!("only a column of texts is given texts"),
        }
        self.rows = row + 1;
    }

    /// A text by the key that [`Self::last_key`] gave for it in this file.
    pub(super) fn key(&mut self, row: usize, key: Key) {
        self.catch_up(row);
        if let Builder::Keyed(keyed) = &mut self.builder {
            keyed.keys.push(key);
            self.rows = row + 1;
        }
    }

    /// The key of a text that is not appended yet, where the column has keys.
    pub(super) fn key_of(&mut self, text: &[u8]) -> Option<Key> {
        match &mut self.builder {
            Builder::Keyed(keyed) => Some(keyed.values.key(text)),
            _ => None,
        }
    }

    /// The key of the text appended last, where the column has keys.
    pub(super) fn last_key(&self) -> Option<Key> {
        match &self.builder {
            Builder::Keyed(keyed) => keyed.keys.last().copied(),
            _ => None,
        }
    }

    /// A text that is the same whenever `number` is.
    pub(super) fn numbered_text(&mut self, row: usize, number: u32, text: impl FnOnce() -> String) {
        self.catch_up(row);
        match &mut self.builder {
            Builder::Texts(texts) => texts.push(text().as_bytes()),
            Builder::Keyed(keyed) => keyed.append_numbered(number, text),
            _ => unreachable!("only a column of texts is given texts"),
        }
        self.rows = row + 1;
    }

    /// Whether the column says all of the time `raw`.
    pub(super) fn time(&mut self, row: usize, raw: &[u8]) -> bool {
        self.catch_up(row);
        let Builder::Time(builder, times) = &mut self.builder else { return false };
        let Some((micros, canonical)) = times.parse(raw) else { return false };
        builder.append_value(micros);
        self.rows = row + 1;
        canonical
    }

    pub(super) fn bool(&mut self, row: usize, value: bool) {
        self.catch_up(row);
        if let Builder::Bool(builder) = &mut self.builder {
            builder.append_value(value);
            self.rows = row + 1;
        }
    }

    /// Whether the column says all of the value `raw`.
    pub(super) fn resources(&mut self, row: usize, raw: &[u8]) -> bool {
        self.catch_up(row);
        let Builder::Resources(builder) = &mut self.builder else { return false };
        let appended = builder.append(raw);
        if appended != Appended::Nothing {
            self.rows = row + 1;
        }
        appended == Appended::All
    }

    /// What the column has for the `rows` rows of the chunk. [`Self::clear`] begins the next one.
    pub(super) fn fill(&mut self, rows: usize) -> Result<Filled<'_>, ArrowError> {
        self.catch_up(rows);
        Ok(Filled::Array(match &mut self.builder {
            Builder::Keyed(keyed) => return Ok(Filled::Keys(&keyed.keys, &keyed.values)),
            Builder::Texts(texts) => return Ok(Filled::Texts(texts)),
            Builder::Time(builder, _) => Arc::new(builder.finish()),
            Builder::Bool(builder) => Arc::new(builder.finish()),
            Builder::Resources(builder) => builder.finish()?,
        }))
    }

    /// Forgets the rows, not the values.
    pub(super) fn clear(&mut self) {
        self.rows = 0;
        match &mut self.builder {
            Builder::Keyed(keyed) => keyed.keys.clear(),
            Builder::Texts(texts) => texts.clear(),
            _ => {}
        }
    }

    /// Begins a file: forgets the values as well.
    pub(super) fn begin(&mut self) {
        self.clear();
        if let Builder::Keyed(keyed) = &mut self.builder {
            keyed.values.clear();
            keyed.numbered.clear();
        }
    }

    /// Bytes of memory held for values.
    pub(super) fn held(&self) -> usize {
        match &self.builder {
            Builder::Keyed(keyed) => keyed.values.held(),
            Builder::Texts(texts) => texts.held(),
            _ => 0,
        }
    }

    /// The distinct values of all chunks, where the column keeps them.
    pub(super) fn values(&self) -> Option<&Values> {
        match &self.builder {
            Builder::Keyed(keyed) => Some(&keyed.values),
            _ => None,
        }
    }

    /// Nulls for the rows before `row` that had no value.
    fn catch_up(&mut self, row: usize) {
        if self.rows >= row {
            return;
        }
        let missing = row - self.rows;
        match &mut self.builder {
            Builder::Texts(texts) => texts.fill_up(row),
            Builder::Keyed(keyed) => keyed.keys.resize(row, NONE),
            Builder::Time(builder, _) => builder.append_nulls(missing),
            Builder::Bool(builder) => builder.append_nulls(missing),
            Builder::Resources(builder) => builder.append_nulls(missing),
        }
        self.rows = row;
    }
}

/// Whether the texts of a column never repeat, so that looking for the one before buys nothing.
pub(crate) fn is_distinct(column: &str) -> bool {
    settings::find(column).is_some_and(|setting| setting.layout == Layout::Id)
}
