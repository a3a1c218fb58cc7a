//! Rows of hits: what a rule's statement gives, or what met one of its probes.
//!
//! Columns are AWS's names and the fields of the rule. A few are ours and are taken out: `first` and `count` of a
//! threshold, `measured`, `severity`, `step`. Rows are appended to columns that grow, and hold nothing of the batch that
//! they came in: hits are few and far between, and would keep whole pages in memory.

mod measured;
mod texts;

use crate::error::Error;
use datafusion::arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Int64Type, TimeUnit, TimestampMicrosecondType};
use foldhash::{HashMap, HashMapExt};
pub(super) use measured::Measured;
use std::collections::BTreeMap;
use std::sync::OnceLock;
use texts::{Ids, Texts};
use trailhound_ingest::time;

/// Rows, column by column.
#[derive(Default)]
pub(super) struct Columns {
    texts: Vec<(String, Texts)>,
    ids: Option<Ids>,
    /// Event times, or [`NO_TIME`].
    time: Vec<i64>,
    /// The times as texts, when somebody asks.
    times: OnceLock<Vec<String>>,
    first: Vec<i64>,
    count: Vec<i64>,
    severity: Option<Texts>,
    pub(super) measured: Measured,
}

const ID: &str = "eventID";
const TIME: &str = "eventTime";

/// Stands for a time that cannot be read.
const NO_TIME: i64 = i64::MIN;

fn micros(column: &ArrayRef) -> Result<Int64Array, Error> {
    let zone = if let DataType::Timestamp(_, zone) = column.data_type() { zone.clone() } else { None };
    let times = cast(column, &DataType::Timestamp(TimeUnit::Microsecond, zone))?;
    Ok(times.as_primitive::<TimestampMicrosecondType>().reinterpret_cast::<Int64Type>())
}

impl Columns {
    /// The rows of a batch.
    ///
    /// # Errors
    /// As [`Self::append`].
    pub(super) fn of(batch: &RecordBatch) -> Result<Self, Error> {
        let mut columns = Self::default();
        columns.append(batch)?;
        Ok(columns)
    }

    /// Appends the rows of a batch.
    ///
    /// # Errors
    /// There is no `eventTime`, or a column is of a type that no rule has.
    pub(super) fn append(&mut self, batch: &RecordBatch) -> Result<(), Error> {
        let rows = self.len() + batch.num_rows();
        for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
            match field.name().as_str() {
                TIME => self.time.extend(micros(column)?.iter().map(|time| time.unwrap_or(NO_TIME))),
                ID => self.ids.get_or_insert_default().append(column)?,
                "first" => self.first.extend(micros(column)?.iter().map(Option::unwrap_or_default)),
                "count" => {
                    let counts = cast(column, &DataType::Int64)?;
                    self.count
                        .extend(counts.as_primitive::<Int64Type>().iter().map(Option::unwrap_or_default));
                }
                "severity" => self.severity.get_or_insert_default().append(column)?,
                // A value of a list, of which the statement has counted how many there are.
                "measured" if matches!(column.data_type(), DataType::Utf8 | DataType::Utf8View) => {}
                "measured" => self.measured.append(column)?,
                "ingestTime" | "ingesttime" | "step" | "before" | "since" => {}
                name if name.starts_with("begin_") || name.starts_with("times_") => {}
                name => self.texts_of(name).append(column)?,
            }
        }
        if self.time.len() < rows {
            return Err(Error::Format("a rule's statement has no eventTime".to_owned()));
        }
        self.times = OnceLock::new();
        Ok(())
    }

    /// Appends a row of others, with what is known of one event.
    pub(super) fn push(&mut self, others: &Self, row: usize) {
        let rows = self.len();
        for (name, texts) in &others.texts {
            let own = self.texts_of(name);
            own.fill_up(rows);
            own.push(texts.get(row));
        }
        if let Some(ids) = &others.ids {
            self.ids.get_or_insert_default().push(ids.get(row));
        }
        if let Some(severity) = &others.severity {
            self.severity.get_or_insert_default().push(severity.get(row));
        }
        self.time.push(others.time[row]);
        self.times = OnceLock::new();
    }

    fn texts_of(&mut self, name: &str) -> &mut Texts {
        let at = self.texts.iter().position(|(known, _)| known == name).unwrap_or_else(|| {
            self.texts.push((name.to_owned(), Texts::default()));
            self.texts.len() - 1
        });
        &mut self.texts[at].1
    }

    pub(super) fn len(&self) -> usize {
        self.time.len()
    }

    /// Bytes of memory.
    pub(super) fn bytes(&self) -> usize {
        let texts = self.texts.iter().map(|(_, texts)| texts).chain(&self.severity).map(Texts::bytes);
        let numbers = self.time.capacity() + self.first.capacity() + self.count.capacity();
        texts.sum::<usize>()
            + numbers * size_of::<i64>()
            + self.ids.as_ref().map_or(0, Ids::bytes)
            + self.measured.bytes()
    }

    /// Event time; of an event whose time cannot be read, the beginning of time: it is found all the same.
    pub(super) fn time(&self, row: usize) -> i64 {
        if self.time[row] == NO_TIME { 0 } else { self.time[row] }
    }

    /// Event time of the first event, where the statement says it.
    pub(super) fn first(&self, row: usize) -> Option<i64> {
        self.first.get(row).copied()
    }

    /// What was counted, where the statement says it.
    pub(super) fn count(&self, row: usize) -> Option<i64> {
        self.count.get(row).copied()
    }

    /// The name of the severity, where conditions decide it.
    pub(super) fn severity(&self, row: usize) -> Option<&str> {
        self.severity.as_ref()?.get(row)
    }

    /// The value of `name`.
    pub(super) fn value(&self, name: &str, row: usize) -> Option<&str> {
        match name {
            ID => self.ids.as_ref()?.get(row),
            TIME => (self.time[row] != NO_TIME).then(|| self.times()[row].as_str()),
            _ => self.texts.iter().find(|(known, _)| known == name)?.1.get(row),
        }
    }

    fn times(&self) -> &[String] {
        self.times.get_or_init(|| self.time.iter().map(|&time| time::format(time)).collect())
    }

    /// All values that are there, by name.
    pub(super) fn values(&self, row: usize) -> BTreeMap<String, String> {
        let names = self.texts.iter().map(|(name, _)| name.as_str()).chain([ID]);
        let values = names.filter_map(|name| Some((name.to_owned(), self.value(name, row)?.to_owned())));
        let time = Some(self.time[row]).filter(|&time| time != NO_TIME);
        values.chain(time.map(|time| (TIME.to_owned(), time::format(time)))).collect()
    }

    /// The values of `names` in a row.
    pub(super) fn key<'a>(&'a self, names: &[String], row: usize) -> Key<'a> {
        names.iter().map(|name| self.value(name, row)).collect()
    }

    /// The columns of `names`, if all of them are texts that repeat.
    pub(super) fn texts(&self, names: &[String]) -> Option<Vec<&Texts>> {
        let column = |name: &String| self.texts.iter().find(|(known, _)| known == name);
        names.iter().map(|name| column(name).map(|(_, texts)| texts)).collect()
    }

    /// Tells the rows from `first` on, and whether each has the values of `names` that the row before has.
    pub(super) fn runs<'a>(
        &'a self,
        names: &[String],
        first: usize,
    ) -> impl Iterator<Item = (usize, bool)> + use<'a> {
        let texts = self.texts(names);
        (first..self.len()).map(move |row| {
            let is_same = |texts: &Vec<&Texts>| texts.iter().all(|of| of.number(row) == of.number(row - 1));
            (row, row > first && texts.as_ref().is_some_and(is_same))
        })
    }
}

/// The values that rows are grouped by.
pub(super) type Key<'a> = Vec<Option<&'a str>>;

/// A row among those of a rule.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct At {
    pub(super) time: i64,
    pub(super) step: usize,
    row: usize,
}

/// The rows of a rule, by step.
#[derive(Default)]
pub(super) struct Rows {
    steps: Vec<Columns>,
}

impl Rows {
    /// The rows of a step, to be appended to.
    pub(super) fn step(&mut self, step: usize) -> &mut Columns {
        if self.steps.len() <= step {
            self.steps.resize_with(step + 1, Columns::default);
        }
        &mut self.steps[step]
    }

    /// Bytes of memory.
    pub(super) fn bytes(&self) -> usize {
        self.steps.iter().map(Columns::bytes).sum()
    }

    /// The rows by the values of `names`, each group in the order of event time; of one time, in the order of steps, and of
    /// ids, so that what is found does not depend on which file was read first.
    pub(super) fn by<'a>(&'a self, names: &[String]) -> Vec<(Key<'a>, Vec<At>)> {
        let mut numbers = HashMap::<Key<'_>, usize>::new();
        let mut groups = Vec::<(Key<'_>, Vec<At>)>::new();
        for (step, columns) in self.steps.iter().enumerate() {
            let mut number_of = |row: usize| {
                *numbers.entry(columns.key(names, row)).or_insert_with_key(|key| {
                    groups.push((key.clone(), Vec::new()));
                    groups.len() - 1
                })
            };
            let texts = columns.texts(names);
            let mut known = HashMap::<Vec<u32>, usize>::new();
            let mut of_rows = Vec::with_capacity(columns.len());
            for (row, is_same) in columns.runs(names, 0) {
                let number = match (&texts, of_rows.last()) {
                    (_, Some(&last)) if is_same => last,
                    (Some(texts), _) => {
                        let key = texts.iter().map(|of| of.number(row)).collect::<Vec<_>>();
                        *known.entry(key).or_insert_with(|| number_of(row))
                    }
                    (None, _) => number_of(row),
                };
                of_rows.push(number);
            }
            for (row, number) in of_rows.into_iter().enumerate() {
                groups[number].1.push(At { time: columns.time(row), step, row });
            }
        }
        for (_, rows) in &mut groups {
            let order = |at: &At| (at.time, at.step);
            rows.sort_unstable_by(|a, b| order(a).cmp(&order(b)).then_with(|| self.id(*a).cmp(&self.id(*b))));
        }
        groups
    }

    fn id(&self, at: At) -> Option<&str> {
        self.steps[at.step].value(ID, at.row)
    }

    /// The columns of a row, and which of their rows it is.
    pub(super) fn get(&self, at: At) -> (&Columns, usize) {
        (&self.steps[at.step], at.row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::arrow::array::{StringArray, TimestampMicrosecondArray};
    use std::sync::Arc;

    #[test]
    fn events_of_one_time_are_in_the_order_of_their_ids() {
        let ids = Arc::new(StringArray::from(vec!["c", "a", "b"])) as ArrayRef;
        let times = TimestampMicrosecondArray::from(vec![5, 5, 4]).with_timezone("UTC");
        let batch = RecordBatch::try_from_iter([(ID, ids), (TIME, Arc::new(times) as ArrayRef)]).unwrap();
        let mut rows = Rows::default();
        rows.step(0).append(&batch).unwrap();
        let groups = rows.by(&[]);
        let [(_, group)] = groups.as_slice() else { panic!("{} groups", groups.len()) };
        let ids = group.iter().map(|at| rows.id(*at).unwrap()).collect::<Vec<_>>();
        assert_eq!(ids, ["b", "a", "c"]);
    }
}
