//! Rows of hits: what a rule's statement gives, or what met one of its probes.
//!
//! Columns are AWS's names and the fields of the rule. A few are ours and are taken out: `first` and `count` of a
//! threshold, `measured`, `severity`, `step`.

use crate::error::Error;
use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, Float64Array, Int64Array, ListArray, RecordBatch, StringArray,
};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Float64Type, Int64Type, TimeUnit, TimestampMicrosecondType};
use std::collections::{BTreeMap, HashMap};

/// What a row counts for.
pub(super) enum Measured {
    /// One.
    Once,
    /// Its values, as far as they differ from those of others.
    Values(ListArray),
    /// A number.
    Number(Float64Array),
}

/// The columns of a batch of rows.
pub(super) struct Columns {
    texts: Vec<(String, StringArray)>,
    time: Int64Array,
    pub(super) first: Option<Int64Array>,
    pub(super) count: Option<Int64Array>,
    pub(super) severity: Option<StringArray>,
    pub(super) measured: Measured,
}

fn text(column: &ArrayRef) -> Result<StringArray, Error> {
    Ok(cast(column, &DataType::Utf8)?.as_string::<i32>().clone())
}

fn micros(column: &ArrayRef) -> Result<Int64Array, Error> {
    let zone = if let DataType::Timestamp(_, zone) = column.data_type() { zone.clone() } else { None };
    let times = cast(column, &DataType::Timestamp(TimeUnit::Microsecond, zone))?;
    Ok(times.as_primitive::<TimestampMicrosecondType>().reinterpret_cast::<Int64Type>())
}

fn measured(column: &ArrayRef) -> Result<Measured, Error> {
    Ok(match column.data_type() {
        DataType::List(_) => Measured::Values(column.as_list::<i32>().clone()),
        _ => Measured::Number(cast(column, &DataType::Float64)?.as_primitive::<Float64Type>().clone()),
    })
}

impl Columns {
    /// # Errors
    /// There is no `eventTime`, or a column is of a type that no rule has.
    pub(super) fn new(batch: &RecordBatch) -> Result<Self, Error> {
        let (mut texts, mut time, mut first, mut count, mut severity) = (Vec::new(), None, None, None, None);
        let mut measure = Measured::Once;
        for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
            match field.name().as_str() {
                "eventTime" => {
                    time = Some(micros(column)?);
                    texts.push((field.name().clone(), text(column)?));
                }
                "first" => first = Some(micros(column)?),
                "count" => count = Some(cast(column, &DataType::Int64)?.as_primitive::<Int64Type>().clone()),
                "severity" => severity = Some(text(column)?),
                "measured" if column.data_type() == &DataType::Utf8 => {}
                "measured" => measure = measured(column)?,
                "ingestTime" | "step" | "before" | "since" => {}
                name if name.starts_with("begin_") || name.starts_with("times_") => {}
                name => texts.push((name.to_owned(), text(column)?)),
            }
        }
        let time = time.ok_or_else(|| Error::Format("a rule's statement has no eventTime".to_owned()))?;
        Ok(Self { texts, time, first, count, severity, measured: measure })
    }

    pub(super) fn len(&self) -> usize {
        self.time.len()
    }

    /// Event time; of an event whose time cannot be read, the beginning of time: it is found all the same.
    pub(super) fn time(&self, row: usize) -> i64 {
        if self.time.is_valid(row) { self.time.value(row) } else { 0 }
    }

    /// The value of `name`.
    pub(super) fn value(&self, name: &str, row: usize) -> Option<&str> {
        let (_, column) = self.texts.iter().find(|(known, _)| known == name)?;
        column.is_valid(row).then(|| column.value(row))
    }

    /// All values that are there, by name.
    pub(super) fn values(&self, row: usize) -> BTreeMap<String, String> {
        let valid = self.texts.iter().filter(|(_, column)| column.is_valid(row));
        valid.map(|(name, column)| (name.clone(), column.value(row).to_owned())).collect()
    }

    /// The columns of `names`, for those who look at many rows.
    fn columns(&self, names: &[String]) -> Vec<Option<&StringArray>> {
        let column =
            |name: &String| self.texts.iter().find(|(known, _)| known == name).map(|(_, column)| column);
        names.iter().map(column).collect()
    }

    /// The values of `names` in each row.
    pub(super) fn keys<'a>(&'a self, names: &[String]) -> impl Iterator<Item = Key<'a>> + use<'a> {
        let columns = self.columns(names);
        (0..self.len()).map(move |row| {
            let value = |column: &'a StringArray| column.is_valid(row).then(|| column.value(row));
            columns.iter().map(|column| column.and_then(value)).collect()
        })
    }
}

/// The values that rows are grouped by.
pub(super) type Key<'a> = Vec<Option<&'a str>>;

/// A row among those of a rule.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct At {
    pub(super) time: i64,
    pub(super) step: usize,
    batch: usize,
    row: usize,
}

/// The rows of a rule, by step.
#[derive(Default)]
pub(super) struct Rows {
    batches: Vec<(usize, Columns)>,
    bytes: usize,
}

impl Rows {
    /// Takes the rows of a step; gives how many bytes they take.
    pub(super) fn push(&mut self, step: usize, columns: Columns, bytes: usize) {
        self.batches.push((step, columns));
        self.bytes += bytes;
    }

    /// Forgets them; gives how many bytes that frees.
    pub(super) fn clear(&mut self) -> usize {
        self.batches = Vec::new();
        std::mem::take(&mut self.bytes)
    }

    /// The rows by the values of `names`, each group in the order of event time; of one time, in the order of steps.
    pub(super) fn by(&self, names: &[String]) -> HashMap<Key<'_>, Vec<At>> {
        let mut groups = HashMap::<Key<'_>, Vec<At>>::new();
        for (batch, (step, columns)) in self.batches.iter().enumerate() {
            for (row, key) in columns.keys(names).enumerate() {
                groups.entry(key).or_default().push(At { time: columns.time(row), step: *step, batch, row });
            }
        }
        for rows in groups.values_mut() {
            rows.sort_unstable();
        }
        groups
    }

    /// The columns of a row, and which of their rows it is.
    pub(super) fn get(&self, at: At) -> (&Columns, usize) {
        (&self.batches[at.batch].1, at.row)
    }
}
