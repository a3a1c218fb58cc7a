//! The books of a batch: a row of `logfiles` for each object, a row of `quarantine` for each reject.

use crate::batch::{Batch, Object};
use crate::config::Policy;
use crate::fetch::hex;
use crate::lake::files::LakeTable;
use crate::lake::tables;
use crate::record::State;
use crate::reject::Place;
use crate::report::Report;
use arrow::array::{ArrayRef, BinaryArray, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::error::ArrowError;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// What became of the records of one object.
#[derive(Clone, Copy, Default, Debug)]
struct Tally {
    written: u64,
    duplicate: u64,
    first: Option<i64>,
    last: Option<i64>,
}

/// Counts records by object.
fn tallies(batch: &Batch) -> Vec<Tally> {
    let mut tallies = vec![Tally::default(); batch.objects.len()];
    for record in &batch.records {
        let Some(tally) = usize::try_from(record.object).ok().and_then(|at| tallies.get_mut(at)) else {
            continue;
        };
        match record.state {
            State::Kept => tally.written += 1,
            State::Repeated | State::Held => tally.duplicate += 1,
        }
        if let Some(time) = record.time {
            tally.see(time);
        }
    }
    for (object, tally) in batch.objects.iter().zip(&mut tallies) {
        // Coverage is about what was delivered, so what was left out counts.
        if let Some((first, last)) = object.filtered_times {
            tally.see(first);
            tally.see(last);
        }
    }
    tallies
}

impl Tally {
    fn see(&mut self, time: i64) {
        self.first = Some(self.first.map_or(time, |first| first.min(time)));
        self.last = Some(self.last.map_or(time, |last| last.max(time)));
    }
}

/// The counters of a batch that was read with `policy`; `bytes_out` is the caller's.
#[must_use]
pub(crate) fn report(batch: &Batch, policy: &Policy) -> Report {
    let mut report = Report::default();
    for (object, tally) in batch.objects.iter().zip(tallies(batch)) {
        report += Report {
            objects: 1,
            records_read: object.records_read,
            written: tally.written,
            duplicate: tally.duplicate,
            filtered: object.filtered,
            quarantined: object.quarantined,
            files_quarantined: u64::from(object.failed.is_some()),
            bytes_in: object.size,
            bytes_inflated: object.inflated,
            problems: object.failed.iter().map(|why| format!("quarantined {}: {why}", object.key)).collect(),
            redacted: policy
                .redaction
                .as_ref()
                .map(|rules| rules.named(&object.redacted))
                .unwrap_or_default(),
            ..Report::default()
        };
    }
    report
}

/// The rows of `logfiles`, by partition.
///
/// # Errors
/// The columns do not fit the table, which is a bug.
pub(crate) fn logfiles(
    batch: &Batch,
    ingest_date: i32,
    now: i64,
) -> Result<BTreeMap<i32, RecordBatch>, ArrowError> {
    let tallies = tallies(batch);
    let mut days = BTreeMap::<i32, Vec<(&Object, &Tally)>>::new();
    for (object, tally) in batch.objects.iter().zip(&tallies) {
        days.entry(object.key_date.unwrap_or(ingest_date)).or_default().push((object, tally));
    }
    days.into_iter().map(|(date, rows)| Ok((date, logfile_rows(&rows, now)?))).collect()
}

fn logfile_rows(rows: &[(&Object, &Tally)], now: i64) -> Result<RecordBatch, ArrowError> {
    let text = |of: &dyn Fn(&Object) -> Option<String>| -> ArrayRef {
        Arc::new(rows.iter().map(|(object, _)| of(object)).collect::<StringArray>())
    };
    let number = |of: &dyn Fn(&Object, &Tally) -> u64| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(
            rows.iter().map(|(o, t)| i64::try_from(of(o, t)).unwrap_or(i64::MAX)),
        ))
    };
    let time = |of: &dyn Fn(&Tally) -> Option<i64>| -> ArrayRef {
        let times = rows.iter().map(|(_, tally)| of(tally)).collect::<TimestampMicrosecondArray>();
        Arc::new(times.with_timezone("UTC"))
    };
    let columns = HashMap::from([
        ("sourcefile", text(&|o| Some(o.key.clone()))),
        ("etag", text(&|o| Some(o.etag.clone()))),
        ("size", number(&|o, _| o.size)),
        ("sourcehash", text(&|o| Some(o.identity.to_string()))),
        ("sha256", text(&|o| Some(hex(&o.sha256)))),
        ("inflated", number(&|o, _| o.inflated)),
        ("records_read", number(&|o, _| o.records_read)),
        ("written", number(&|_, t| t.written)),
        ("duplicate", number(&|_, t| t.duplicate)),
        ("filtered", number(&|o, _| o.filtered)),
        ("quarantined", number(&|o, _| o.quarantined)),
        ("firsteventtime", time(&|t| t.first)),
        ("lasteventtime", time(&|t| t.last)),
        ("state", text(&|o| Some(state(o).to_owned()))),
        ("reason", text(&|o| o.failed.clone())),
        ("integrity", text(&|_| None)),
        ("ingesttime", time(&|_| Some(now))),
    ]);
    in_order(LakeTable::Logfiles, columns)
}

/// `read`, `empty` (it holds no record), `partial` (some records could not be used) or `quarantined` (none could).
fn state(object: &Object) -> &'static str {
    let good = object.records_read > object.quarantined;
    match (&object.failed, object.quarantined, good) {
        (None, 0, true) => "read",
        (None, 0, false) => "empty",
        (_, _, true) => "partial",
        (_, _, false) => "quarantined",
    }
}

/// The rows of `quarantine` for the rejects whose object `wanted` takes.
///
/// # Errors
/// The columns do not fit the table, which is a bug.
pub(crate) fn quarantine(
    batch: &Batch,
    wanted: &dyn Fn(&Object) -> bool,
    now: i64,
) -> Result<RecordBatch, ArrowError> {
    let object = |at: u32| usize::try_from(at).ok().and_then(|at| batch.objects.get(at));
    let rows = batch
        .rejects
        .iter()
        .filter_map(|reject| object(reject.object).filter(|o| wanted(o)).map(|o| (o, reject)));
    let rows = rows.collect::<Vec<_>>();
    let place = |of: &dyn Fn(u64, u64, u64) -> u64| -> ArrayRef {
        Arc::new(
            rows.iter()
                .map(|(_, reject)| match reject.place {
                    Place::File => None,
                    Place::Record { index, offset, length } => {
                        i64::try_from(of(u64::from(index), u64::from(offset), u64::from(length))).ok()
                    }
                })
                .collect::<Int64Array>(),
        )
    };
    let columns: HashMap<&str, ArrayRef> = HashMap::from([
        ("sourcefile", Arc::new(StringArray::from_iter_values(rows.iter().map(|(o, _)| &o.key))) as ArrayRef),
        (
            "sourcehash",
            Arc::new(StringArray::from_iter_values(rows.iter().map(|(o, _)| o.identity.to_string()))),
        ),
        ("ingesttime", Arc::new(TimestampMicrosecondArray::from(vec![now; rows.len()]).with_timezone("UTC"))),
        ("kind", Arc::new(StringArray::from_iter_values(rows.iter().map(|(_, r)| kind(&r.place))))),
        ("recordindex", place(&|index, _, _| index)),
        ("byteoffset", place(&|_, offset, _| offset)),
        ("length", place(&|_, _, length| length)),
        ("reason", Arc::new(StringArray::from_iter_values(rows.iter().map(|(_, r)| &r.reason)))),
        ("bytes", Arc::new(BinaryArray::from_iter_values(rows.iter().map(|(_, r)| &r.bytes)))),
    ]);
    in_order(LakeTable::Quarantine, columns)
}

const fn kind(place: &Place) -> &'static str {
    match place {
        Place::File => "file",
        Place::Record { .. } => "record",
    }
}

/// Puts the columns in the order of the table.
fn in_order(table: LakeTable, mut columns: HashMap<&str, ArrayRef>) -> Result<RecordBatch, ArrowError> {
    let schema = tables::file_schema(table);
    let missing = |name: &str| ArrowError::SchemaError(format!("no column {name} for {}", table.name()));
    let arrays =
        schema.fields().iter().map(|f| columns.remove(f.name().as_str()).ok_or_else(|| missing(f.name())));
    let arrays = arrays.collect::<Result<Vec<_>, _>>()?;
    RecordBatch::try_new(schema, arrays)
}
