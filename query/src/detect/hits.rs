//! Rows of a rule's statement → findings: hits of one dedup key, within its time, are one.
//!
//! Rows come in the order of event time, and only what is open is kept: memory is bounded by the number of different
//! keys, not of hits.

use super::finding::{Finding, SAMPLES};
use super::known::Known;
use crate::error::Error;
use crate::rules::Rule;
use crate::rules::file::Dedup;
use crate::rules::local::HIDDEN_BY;
use crate::rules::params::Values;
use crate::rules::template::fill;
use datafusion::arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch, StringArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Int64Type, TimeUnit, TimestampMicrosecondType};
use std::collections::{BTreeMap, HashMap};

/// Gathers the hits of one rule.
pub(super) struct Hits<'a> {
    rule: &'a Rule,
    dedup: Dedup,
    params: String,
    known: &'a Known,
    late_before: Option<i64>,
    now: i64,
    open: HashMap<String, Finding>,
    closed: Vec<Finding>,
    repeated: u64,
}

/// The columns of a batch of rows.
struct Columns {
    texts: Vec<(String, StringArray)>,
    time: Int64Array,
    first: Option<Int64Array>,
    count: Option<Int64Array>,
}

impl<'a> Hits<'a> {
    pub(super) fn new(
        rule: &'a Rule,
        values: &Values,
        known: &'a Known,
        late_before: Option<i64>,
        now: i64,
    ) -> Result<Self, Error> {
        let params = serde_json::to_string(values).map_err(|error| Error::Format(error.to_string()))?;
        let (open, closed) = (HashMap::new(), Vec::new());
        Ok(Self { rule, dedup: rule.dedup(), params, known, late_before, now, open, closed, repeated: 0 })
    }

    /// Takes the rows of a batch that `wanted` picks by the values of the named columns and event time.
    pub(super) fn take(
        &mut self,
        batch: &RecordBatch,
        wanted: impl Fn(&BTreeMap<String, String>, i64) -> bool,
    ) -> Result<(), Error> {
        let columns = Columns::new(batch)?;
        for row in 0..batch.num_rows() {
            let values = columns.values(row);
            // An event whose time cannot be read is found all the same, at the beginning of time.
            let time = if columns.time.is_valid(row) { columns.time.value(row) } else { 0 };
            if wanted(&values, time) {
                let first = columns.first.as_ref().map_or(time, |first| first.value(row));
                let count = columns.count.as_ref().map(|count| count.value(row));
                self.hit(values, time, first, count);
            }
        }
        Ok(())
    }

    fn hit(&mut self, values: BTreeMap<String, String>, time: i64, first: i64, counted: Option<i64>) {
        // What an exception hides must not stand for what is found when the exception is gone.
        let hidden = values.get(HIDDEN_BY).map(Some);
        let key = self.dedup.by.iter().map(|name| values.get(name)).chain(hidden).collect::<Vec<_>>();
        let key = serde_json::json!(key).to_string();
        let span = self.dedup.span.micros();
        if let Some(open) = self.open.get_mut(&key)
            && time <= open.first_time.saturating_add(span)
        {
            open.count = counted.map_or(open.count + 1, |counted| counted.max(open.count));
            open.last_time = open.last_time.max(time);
            open.late |= self.late_before.is_some_and(|bound| time < bound);
            note(&mut open.event_ids, values.get("eventID"));
            return;
        }
        self.closed.extend(self.open.remove(&key));
        if self.known.covers(&self.rule.id, &key, time, span) {
            self.repeated += 1;
            return;
        }
        let finding = self.begin(values, key.clone(), time, first, counted.unwrap_or(1));
        self.open.insert(key, finding);
    }

    fn begin(
        &self,
        entities: BTreeMap<String, String>,
        dedup_key: String,
        time: i64,
        first: i64,
        count: i64,
    ) -> Finding {
        let mut event_ids = Vec::new();
        note(&mut event_ids, entities.get("eventID"));
        Finding {
            id: Finding::id(&self.rule.id, &dedup_key, first),
            rule: self.rule.id.clone(),
            version: self.rule.version,
            severity: self.rule.severity,
            title: self.rule.title.clone(),
            actor: entities.get("actor").cloned(),
            alert: String::new(),
            account: entities.get("recipientAccountId").cloned(),
            region: entities.get("awsRegion").cloned(),
            entities,
            dedup_key,
            first_time: first,
            last_time: time,
            count,
            event_ids,
            attack: self.rule.attack.clone(),
            params: self.params.clone(),
            late: self.late_before.is_some_and(|bound| time < bound),
            detect_time: self.now,
        }
    }

    /// What was found, by first event time, and how many hits belong to what was known.
    pub(super) fn finish(mut self) -> (Vec<Finding>, u64) {
        self.closed.extend(self.open.into_values());
        for finding in &mut self.closed {
            if let Some(threshold) = &self.rule.threshold {
                finding.entities.insert("count".to_owned(), finding.count.to_string());
                finding.entities.insert("window".to_owned(), threshold.within.to_string());
            }
            finding.alert = fill(&self.rule.alert, &finding.entities);
        }
        self.closed.sort_by(|a, b| (a.first_time, &a.id).cmp(&(b.first_time, &b.id)));
        (self.closed, self.repeated)
    }
}

/// A hit on a list has a row for each item, with one event id.
fn note(ids: &mut Vec<String>, id: Option<&String>) {
    if let Some(id) = id.filter(|id| ids.len() < SAMPLES && ids.last() != Some(id)) {
        ids.push(id.clone());
    }
}

fn numbers(column: &ArrayRef) -> Result<Int64Array, Error> {
    Ok(cast(column, &DataType::Int64)?.as_primitive::<Int64Type>().clone())
}

impl Columns {
    fn new(batch: &RecordBatch) -> Result<Self, Error> {
        let micros = |index: usize| -> Result<Int64Array, Error> {
            let zone = batch.schema().field(index).data_type().clone();
            let zone = if let DataType::Timestamp(_, zone) = zone { zone } else { None };
            let times = cast(batch.column(index), &DataType::Timestamp(TimeUnit::Microsecond, zone))?;
            Ok(times.as_primitive::<TimestampMicrosecondType>().reinterpret_cast::<Int64Type>())
        };
        let (mut texts, mut time, mut first, mut count) = (Vec::new(), None, None, None);
        for (index, field) in batch.schema().fields().iter().enumerate() {
            match field.name().as_str() {
                "eventTime" => time = Some(micros(index)?),
                "first" => first = Some(micros(index)?),
                "count" => count = Some(numbers(batch.column(index))?),
                "measured" | "ingestTime" => continue,
                _ => {}
            }
            if !matches!(field.name().as_str(), "first" | "count") {
                let text = cast(batch.column(index), &DataType::Utf8)?.as_string::<i32>().clone();
                texts.push((field.name().clone(), text));
            }
        }
        let time = time.ok_or_else(|| Error::Format("a rule's statement has no eventTime".to_owned()))?;
        Ok(Self { texts, time, first, count })
    }

    fn values(&self, row: usize) -> BTreeMap<String, String> {
        let valid = self.texts.iter().filter(|(_, column)| column.is_valid(row));
        valid.map(|(name, column)| (name.clone(), column.value(row).to_owned())).collect()
    }
}
