//! One pass over events for all rules.
//!
//! In: probes and a lake, or some of its files. Out: for each probe the events that meet it, with the values of a hit, in
//! the order of the files. Rows are split by `eventSource` and `eventName`, and meet only the probes that name them:
//! most meet none. Probes for all events meet the batch as a whole, since looking at hundreds of small parts costs more
//! than looking at their rows.

mod compile;
mod patterns;
mod texts;

use super::activity;
use crate::engine::Engine;
use crate::error::Error;
use crate::rules::params::Values;
use crate::rules::probe::{Probe, every_hit};
use compile::{Compiled, OfText, Program, Reader, compile};
use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, RecordBatch, StringViewArray, UInt32Array, new_null_array,
};
use datafusion::arrow::compute::{FilterBuilder, and, prep_null_mask_filter, take_record_batch};
use datafusion::arrow::datatypes::DataType;
use datafusion::logical_expr::Expr;
use datafusion::physical_expr::PhysicalExpr;
use foldhash::{HashMap, HashMapExt};
use futures::TryStreamExt;
use std::ops::Range;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use texts::Texts;

/// Columns that rows are split by.
const SPLIT_BY: [&str; 2] = ["eventsource", "eventname"];

/// Pairs of source and name whose probes are remembered. There are some thousands; a hostile log may have more.
const MOST_PAIRS: usize = 100_000;

/// Where fewer than one in so many rows is left, JSON is read for those alone, and not for all probes at once.
const FEW: usize = 4;

/// The probes that take rows, and these.
type Taken = (Arc<[usize]>, RecordBatch);

/// Probes, ready to be held against events.
pub(super) struct Scan<'a> {
    probes: Vec<Probe<'a>>,
    program: Program,
    /// The probes that take all events.
    of_all: Arc<[usize]>,
    /// The others that take an event, by its source and name.
    takers: HashMap<(String, String), Arc<[usize]>>,
}

impl<'a> Scan<'a> {
    /// Compiles `probes`, with the values of their `$names` and the columns that a hit has besides its fields.
    ///
    /// # Errors
    /// The number of the probe that cannot be compiled, and why.
    pub(super) async fn new(
        engine: &Engine,
        probes: Vec<(Probe<'a>, &Values, Vec<String>)>,
    ) -> Result<Self, (usize, Error)> {
        let reader = Reader::new(engine).await.map_err(|error| (0, error))?;
        let mut flats = Vec::with_capacity(probes.len());
        for (number, (probe, values, more)) in probes.iter().enumerate() {
            let flat = reader.read(&probe.select_own(more), values).await;
            flats.push(flat.map_err(|error| (number, error))?);
        }
        let every = reader.read(&every_hit(), &Values::new()).await.map_err(|error| (0, error))?;
        let always = SPLIT_BY.into_iter().chain(activity::columns()).collect::<Vec<_>>();
        let program = compile(engine, every, flats, &always).map_err(|error| (0, error))?;
        let probes = probes.into_iter().map(|(probe, ..)| probe).collect::<Vec<_>>();
        let of_all = probes.iter().enumerate().filter(|(_, probe)| probe.takes_all());
        let of_all = of_all.map(|(number, _)| number).collect();
        Ok(Self { probes, program, of_all, takers: HashMap::new() })
    }

    /// Holds them against the events of `engine` that meet `filters`: `all` gets all events, `hit` the number of a probe
    /// and the rows that meet it.
    ///
    /// # Errors
    /// The lake cannot be read, an expression fails, or whoever gets the rows.
    pub(super) async fn run(
        &mut self,
        engine: &Engine,
        filters: impl IntoIterator<Item = Expr>,
        mut all: impl FnMut(&RecordBatch) -> Result<(), Error>,
        mut hit: impl FnMut(usize, RecordBatch) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let columns = self.program.columns.iter().map(String::as_str).collect::<Vec<_>>();
        let mut rows = engine.flat(&columns, filters).await?;
        while let Some(batch) = rows.try_next().await? {
            all(&batch)?;
            for (takers, rows) in self.split(&batch)? {
                let mut group = Group::new(&self.program, rows);
                for &probe in takers.iter() {
                    if let Some(hits) = group.hits(&self.program.probes[probe])? {
                        hit(probe, hits)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// The rows that any probe takes, by the probes that take them.
    fn split(&mut self, batch: &RecordBatch) -> Result<Vec<Taken>, Error> {
        let column = |name: &str| batch.column_by_name(name).and_then(|column| column.as_string_view_opt());
        let [Some(sources), Some(names)] = SPLIT_BY.map(column) else {
            return Err(Error::Format("eventsource or eventname is no text".to_owned()));
        };
        let pair = |row: usize| (value(sources, row), value(names, row));
        let is_same = |row: usize| {
            let views = sources.views()[row] == sources.views()[row - 1]
                && names.views()[row] == names.views()[row - 1];
            views
                && sources.is_null(row) == sources.is_null(row - 1)
                && names.is_null(row) == names.is_null(row - 1)
        };
        let mut by_pair = HashMap::<(&str, &str), Vec<Range<usize>>>::new();
        let mut start = 0;
        // Files are in the order of names, so a pair comes in a few runs, and most in one.
        while start < batch.num_rows() {
            let end = (start + 1..batch.num_rows()).find(|&row| !is_same(row)).unwrap_or(batch.num_rows());
            by_pair.entry(pair(start)).or_default().push(start..end);
            start = end;
        }
        let mut groups = Vec::new();
        if !self.of_all.is_empty() {
            groups.push((Arc::clone(&self.of_all), batch.clone()));
        }
        for ((source, name), runs) in by_pair {
            let takers = self.takers(source, name);
            if !takers.is_empty() {
                groups.push((takers, rows_of(batch, &runs)?));
            }
        }
        Ok(groups)
    }

    fn takers(&mut self, source: &str, name: &str) -> Arc<[usize]> {
        // Two allocations for each pair of each batch, which are few.
        let pair = (source.to_owned(), name.to_owned());
        if let Some(known) = self.takers.get(&pair) {
            return Arc::clone(known);
        }
        if self.takers.len() >= MOST_PAIRS {
            self.takers.clear();
        }
        let takers = self.probes.iter().enumerate();
        let takers = takers.filter(|(_, probe)| !probe.takes_all() && probe.takes(source, name));
        let takers = takers.map(|(number, _)| number).collect::<Arc<[usize]>>();
        self.takers.insert(pair, Arc::clone(&takers));
        takers
    }
}

/// The rows of a batch that are in `runs`; nothing is copied for a single one.
fn rows_of(batch: &RecordBatch, runs: &[Range<usize>]) -> Result<RecordBatch, Error> {
    if let [run] = runs {
        return Ok(batch.slice(run.start, run.len()));
    }
    let rows = runs.iter().cloned().flatten().filter_map(|row| u32::try_from(row).ok());
    Ok(take_record_batch(batch, &rows.collect::<UInt32Array>())?)
}

fn value(column: &StringViewArray, row: usize) -> &str {
    if column.is_valid(row) { column.value(row) } else { "" }
}

/// Rows of one source and name, with what was read of their JSON so far.
struct Group<'a> {
    program: &'a Program,
    rows: RecordBatch,
    shared: Vec<Option<ArrayRef>>,
    /// Of the columns that were looked at: their texts, if there are few.
    texts: HashMap<usize, Option<Texts>>,
}

impl<'a> Group<'a> {
    fn new(program: &'a Program, rows: RecordBatch) -> Self {
        Self { program, rows, shared: vec![None; program.shared.len()], texts: HashMap::new() }
    }

    /// The rows that meet `probe`, as its values; `None` if there are none.
    fn hits(&mut self, probe: &Compiled) -> Result<Option<RecordBatch>, Error> {
        let kept = self.met_cheap(probe)?;
        if kept.true_count() == 0 {
            return Ok(None);
        }
        // Where most rows are left, their JSON is read for all probes at once.
        let mut left = if kept.true_count() * FEW < self.rows.num_rows() {
            let mut few = self.only(&kept, probe)?;
            let met = few.met(probe)?;
            few.only(&met, probe)?
        } else {
            let met = self.met(probe)?;
            self.only(&and(&kept, &met)?, probe)?
        };
        if left.rows.num_rows() == 0 {
            return Ok(None);
        }
        let batch = left.batch(probe, |_| true)?;
        let values = probe.values.iter().map(|value| left.value(value, &batch));
        let values = values.collect::<Result<Vec<_>, Error>>()?;
        Ok(Some(RecordBatch::try_new(Arc::clone(&probe.output), values)?))
    }

    /// Which rows meet the conditions of `probe` that read no JSON.
    fn met_cheap(&mut self, probe: &Compiled) -> Result<BooleanArray, Error> {
        let mut all = BooleanArray::from(vec![true; self.rows.num_rows()]);
        let rows = self.rows.clone();
        for condition in &probe.cheap {
            let met = self.value(condition, &rows)?;
            all = and(&all, &is_true(met.as_boolean().clone()))?;
            if all.true_count() == 0 {
                break;
            }
        }
        Ok(all)
    }

    /// What an expression gives for these rows, which `batch` has with what else it is about.
    fn value(&mut self, value: &OfText, batch: &RecordBatch) -> Result<ArrayRef, Error> {
        let by_text = match &value.of_text {
            Some((number, of_text)) => {
                let texts = self.texts(*number)?;
                texts.map(|texts| texts.value(of_text.as_ref())).transpose()?
            }
            None => None,
        };
        Ok(match by_text {
            Some(values) => values,
            None => value.of_rows.evaluate(batch)?.into_array(batch.num_rows())?,
        })
    }

    /// The texts of a column of the files, if there are few.
    fn texts(&mut self, number: usize) -> Result<Option<&Texts>, Error> {
        if !self.texts.contains_key(&number) {
            let texts = Texts::of(self.rows.column(number), self.rows.schema().field(number))?;
            self.texts.insert(number, texts);
        }
        Ok(self.texts.get(&number).and_then(Option::as_ref))
    }

    /// Which rows meet the conditions of `probe` that read JSON.
    fn met(&mut self, probe: &Compiled) -> Result<BooleanArray, Error> {
        if probe.dear.is_empty() {
            return Ok(BooleanArray::from(vec![true; self.rows.num_rows()]));
        }
        met(&probe.dear, &self.batch(probe, |of_conditions| of_conditions)?)
    }

    /// The rows with the shared columns that `probe` reads and that are `wanted`; NULL stands for the others.
    fn batch(&mut self, probe: &Compiled, wanted: impl Fn(bool) -> bool) -> Result<RecordBatch, Error> {
        let (files, length) = (self.program.columns.len(), self.rows.num_rows());
        let mut columns = self.rows.columns().to_vec();
        for (&(number, of_conditions), field) in probe.reads.iter().zip(&probe.input.fields()[files..]) {
            columns.push(match &self.shared[number] {
                Some(column) => Arc::clone(column),
                None if wanted(of_conditions) => {
                    let column = self.program.shared[number].evaluate(&self.rows)?.into_array(length)?;
                    Arc::clone(self.shared[number].insert(column))
                }
                None => new_null_array(field.data_type(), length),
            });
        }
        let options = datafusion::arrow::record_batch::RecordBatchOptions::new().with_row_count(Some(length));
        Ok(RecordBatch::try_new_with_options(Arc::clone(&probe.input), columns, &options)?)
    }

    /// The rows that are kept, with what was read of them. Columns that `probe` has no more need of are blank.
    fn only(&self, kept: &BooleanArray, probe: &Compiled) -> Result<Self, Error> {
        if kept.true_count() == self.rows.num_rows() {
            let (rows, shared, texts) = (self.rows.clone(), self.shared.clone(), HashMap::new());
            return Ok(Self { program: self.program, rows, shared, texts });
        }
        let filter = FilterBuilder::new(kept).optimize().build();
        let mut shared = vec![None; self.shared.len()];
        for &(number, _) in &probe.reads {
            shared[number] = self.shared[number].as_ref().map(|column| filter.filter(column)).transpose()?;
        }
        let columns = self.rows.columns().iter().zip(&probe.needs).map(|(column, is_needed)| {
            if *is_needed { filter.filter(column) } else { Ok(blank(column.data_type(), filter.count())) }
        });
        let columns = columns.collect::<Result<_, _>>()?;
        let options =
            datafusion::arrow::record_batch::RecordBatchOptions::new().with_row_count(Some(filter.count()));
        let rows = RecordBatch::try_new_with_options(self.rows.schema(), columns, &options)?;
        Ok(Self { program: self.program, rows, shared, texts: HashMap::new() })
    }
}

/// A column without values. They are made once, and cut to length.
fn blank(data_type: &DataType, rows: usize) -> ArrayRef {
    static BLANKS: LazyLock<Mutex<HashMap<DataType, ArrayRef>>> = LazyLock::new(Mutex::default);
    let mut blanks = BLANKS.lock().unwrap_or_else(PoisonError::into_inner);
    let known = blanks.get(data_type).filter(|blank| blank.len() >= rows).cloned();
    let known = known.unwrap_or_else(|| {
        let blank = new_null_array(data_type, rows.next_power_of_two());
        blanks.insert(data_type.clone(), Arc::clone(&blank));
        blank
    });
    known.slice(0, rows)
}

/// Which rows meet all `conditions`. NULL is not met.
fn met(conditions: &[Arc<dyn PhysicalExpr>], rows: &RecordBatch) -> Result<BooleanArray, Error> {
    let mut all = BooleanArray::from(vec![true; rows.num_rows()]);
    for condition in conditions {
        let one = condition.evaluate(rows)?.into_array(rows.num_rows())?;
        all = and(&all, &is_true(one.as_boolean().clone()))?;
        if all.true_count() == 0 {
            break;
        }
    }
    Ok(all)
}

fn is_true(met: BooleanArray) -> BooleanArray {
    if met.null_count() == 0 { met } else { prep_null_mask_filter(&met) }
}
