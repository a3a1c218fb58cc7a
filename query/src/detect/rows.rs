//! Rows of hits: what a rule's statement gives, or what met one of its probes.
//!
//! Columns are AWS's names and the fields of the rule. A few are ours and are taken out: `first` and `count` of a
//! threshold, `measured`, `severity`, `step`.

use crate::error::Error;
use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, DictionaryArray, Float64Array, Int64Array, ListArray, RecordBatch, StringArray,
};
use datafusion::arrow::compute::{cast, take};
use datafusion::arrow::datatypes::{
    DataType, Float64Type, Int32Type, Int64Type, TimeUnit, TimestampMicrosecondType,
};
use foldhash::{HashMap, HashMapExt};
use std::collections::BTreeMap;
use std::sync::OnceLock;
use trailhound_ingest::time;

/// What a row counts for.
pub(super) enum Measured {
    /// One.
    Once,
    /// Its values, as far as they differ from those of others.
    Values(ListArray),
    /// A number.
    Number(Float64Array),
}

/// The columns of a batch of rows. Most texts are few, so they are kept once.
pub(super) struct Columns {
    texts: Vec<(String, DictionaryArray<Int32Type>)>,
    ids: Option<StringArray>,
    time: Int64Array,
    /// The times as texts, when somebody asks.
    times: OnceLock<StringArray>,
    pub(super) first: Option<Int64Array>,
    pub(super) count: Option<Int64Array>,
    pub(super) severity: Option<StringArray>,
    pub(super) measured: Measured,
}

const ID: &str = "eventID";
const TIME: &str = "eventTime";

fn text(column: &ArrayRef) -> Result<StringArray, Error> {
    Ok(cast(column, &DataType::Utf8)?.as_string::<i32>().clone())
}

fn texts(column: &ArrayRef) -> Result<DictionaryArray<Int32Type>, Error> {
    let kind = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    let column = if matches!(column.data_type(), DataType::Utf8View) {
        column
    } else {
        &cast(column, &DataType::Utf8)?
    };
    Ok(cast(column, &kind)?.as_dictionary::<Int32Type>().clone())
}

fn micros(column: &ArrayRef) -> Result<Int64Array, Error> {
    let zone = if let DataType::Timestamp(_, zone) = column.data_type() { zone.clone() } else { None };
    let times = cast(column, &DataType::Timestamp(TimeUnit::Microsecond, zone))?;
    Ok(times.as_primitive::<TimestampMicrosecondType>().reinterpret_cast::<Int64Type>())
}

fn measured(column: &ArrayRef) -> Result<Measured, Error> {
    Ok(match column.data_type() {
        DataType::List(_) => Measured::Values(cast(column, &list_of_texts())?.as_list::<i32>().clone()),
        _ => Measured::Number(cast(column, &DataType::Float64)?.as_primitive::<Float64Type>().clone()),
    })
}

fn list_of_texts() -> DataType {
    DataType::new_list(DataType::Utf8, true)
}

impl Columns {
    /// # Errors
    /// There is no `eventTime`, or a column is of a type that no rule has.
    pub(super) fn new(batch: &RecordBatch) -> Result<Self, Error> {
        let (mut all, mut ids, mut time) = (Vec::new(), None, None);
        let (mut first, mut count, mut severity) = (None, None, None);
        let mut measure = Measured::Once;
        for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
            match field.name().as_str() {
                TIME => time = Some(micros(column)?),
                ID => ids = Some(text(column)?),
                "first" => first = Some(micros(column)?),
                "count" => count = Some(cast(column, &DataType::Int64)?.as_primitive::<Int64Type>().clone()),
                "severity" => severity = Some(text(column)?),
                // A value of a list, of which the statement has counted how many there are.
                "measured" if matches!(column.data_type(), DataType::Utf8 | DataType::Utf8View) => {}
                "measured" => measure = measured(column)?,
                "ingestTime" | "ingesttime" | "step" | "before" | "since" => {}
                name if name.starts_with("begin_") || name.starts_with("times_") => {}
                name => all.push((name.to_owned(), texts(column)?)),
            }
        }
        let time = time.ok_or_else(|| Error::Format("a rule's statement has no eventTime".to_owned()))?;
        Ok(Self { texts: all, ids, time, times: OnceLock::new(), first, count, severity, measured: measure })
    }

    /// One of the rows, by itself.
    ///
    /// # Errors
    /// There are not so many.
    pub(super) fn only(&self, row: usize) -> Result<Self, Error> {
        let at = datafusion::arrow::array::UInt32Array::from(vec![u32::try_from(row).unwrap_or(u32::MAX)]);
        let one = |column: &dyn Array| take(column, &at, None);
        let ids =
            self.ids.as_ref().map(|ids| Ok::<_, Error>(one(ids)?.as_string::<i32>().clone())).transpose()?;
        let severity = self.severity.as_ref();
        let severity =
            severity.map(|names| Ok::<_, Error>(one(names)?.as_string::<i32>().clone())).transpose()?;
        let texts = self.texts.iter().map(|(name, column)| {
            let text: ArrayRef = one(column)?;
            Ok((name.clone(), texts(&cast(&text, &DataType::Utf8)?)?))
        });
        let texts = texts.collect::<Result<_, Error>>()?;
        let time = one(&self.time)?.as_primitive::<Int64Type>().clone();
        let (first, count, measured) = (None, None, Measured::Once);
        Ok(Self { texts, ids, time, times: OnceLock::new(), first, count, severity, measured })
    }

    pub(super) fn len(&self) -> usize {
        self.time.len()
    }

    /// Bytes that they take.
    pub(super) fn bytes(&self) -> usize {
        let texts = self.texts.iter().map(|(_, column)| column.get_array_memory_size()).sum::<usize>();
        let measured = match &self.measured {
            Measured::Once => 0,
            Measured::Values(lists) => lists.get_array_memory_size(),
            Measured::Number(numbers) => numbers.get_array_memory_size(),
        };
        texts
            + measured
            + self.time.get_array_memory_size()
            + self.ids.as_ref().map_or(0, StringArray::get_array_memory_size)
    }

    /// Event time; of an event whose time cannot be read, the beginning of time: it is found all the same.
    pub(super) fn time(&self, row: usize) -> i64 {
        if self.time.is_valid(row) { self.time.value(row) } else { 0 }
    }

    /// The value of `name`.
    pub(super) fn value(&self, name: &str, row: usize) -> Option<&str> {
        let of = |column: &'_ StringArray| column.is_valid(row);
        match name {
            ID => self.ids.as_ref().filter(|ids| of(ids)).map(|ids| ids.value(row)),
            TIME => self.time.is_valid(row).then(|| self.times().value(row)),
            _ => {
                let (_, column) = self.texts.iter().find(|(known, _)| known == name)?;
                of_dictionary(column, row)
            }
        }
    }

    fn times(&self) -> &StringArray {
        self.times.get_or_init(|| self.time.iter().map(|time| time.map(time::format)).collect())
    }

    /// All values that are there, by name.
    pub(super) fn values(&self, row: usize) -> BTreeMap<String, String> {
        let names = self.texts.iter().map(|(name, _)| name.as_str()).chain([ID]);
        let values = names.filter_map(|name| Some((name.to_owned(), self.value(name, row)?.to_owned())));
        let time = self.time.is_valid(row).then(|| (TIME.to_owned(), time::format(self.time.value(row))));
        values.chain(time).collect()
    }

    /// The values of `names` in each row, and whether they are those of the row before.
    pub(super) fn keys<'a>(&'a self, names: &'a [String]) -> impl Iterator<Item = (Key<'a>, bool)> + use<'a> {
        let column =
            |name: &String| self.texts.iter().find(|(known, _)| known == name).map(|(_, column)| column);
        let columns = names.iter().map(column).collect::<Vec<_>>();
        (0..self.len()).map(move |row| {
            let is_same =
                row > 0 && columns.iter().all(|column| column.is_some_and(|c| c.key(row) == c.key(row - 1)));
            let key =
                if is_same { Vec::new() } else { names.iter().map(|name| self.value(name, row)).collect() };
            (key, is_same)
        })
    }
}

fn of_dictionary(column: &DictionaryArray<Int32Type>, row: usize) -> Option<&str> {
    let texts = column.values().as_string::<i32>();
    column.key(row).filter(|&key| texts.is_valid(key)).map(|key| texts.value(key))
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
    /// Takes the rows of a step.
    pub(super) fn push(&mut self, step: usize, columns: Columns) {
        self.bytes += columns.bytes();
        self.batches.push((step, columns));
    }

    /// Forgets them; gives how many bytes that frees.
    pub(super) fn clear(&mut self) -> usize {
        self.batches = Vec::new();
        std::mem::take(&mut self.bytes)
    }

    /// The rows by the values of `names`, each group in the order of event time; of one time, in the order of steps.
    pub(super) fn by<'a>(&'a self, names: &'a [String]) -> Vec<(Key<'a>, Vec<At>)> {
        let mut numbers = HashMap::<Key<'_>, usize>::new();
        let mut groups = Vec::<(Key<'_>, Vec<At>)>::new();
        for (batch, (step, columns)) in self.batches.iter().enumerate() {
            let mut number = 0;
            for (row, (key, is_same)) in columns.keys(names).enumerate() {
                if !is_same {
                    number = *numbers.entry(key).or_insert_with_key(|key| {
                        groups.push((key.clone(), Vec::new()));
                        groups.len() - 1
                    });
                }
                groups[number].1.push(At { time: columns.time(row), step: *step, batch, row });
            }
        }
        for (_, rows) in &mut groups {
            rows.sort_unstable();
        }
        groups
    }

    /// The columns of a row, and which of their rows it is.
    pub(super) fn get(&self, at: At) -> (&Columns, usize) {
        (&self.batches[at.batch].1, at.row)
    }
}
