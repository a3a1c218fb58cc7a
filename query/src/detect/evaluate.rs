//! One rule after the other over the new events.
//!
//! A rule of kind `match` looks at new events alone. A threshold looks at every group that a new event touches, over
//! event time, so that events which come in two halves are counted together.

use super::hits::Hits;
use super::known::Known;
use super::{Finding, Ready, Work, bound};
use crate::engine::Engine;
use crate::error::Error;
use crate::rules::RuleError;
use crate::rules::params::Values;
use crate::rules::statement::{Range, statement, touched};
use datafusion::arrow::array::{Array, AsArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, TimeUnit, TimestampMicrosecondType};
use futures::TryStreamExt;
use std::collections::{BTreeMap, HashMap};
use trailhound_ingest::lake::Lake;
use trailhound_ingest::time;

/// Groups of a threshold, by the values it counts by, and the time of their new events.
type Touched = HashMap<Vec<Option<String>>, (i64, i64)>;

/// What `rules` find, by time, and how many hits belong to findings that are known.
pub(super) async fn evaluate(
    lake: &Lake,
    rules: &[Ready<'_>],
    work: &Work,
) -> Result<(Vec<Finding>, u64), Error> {
    let new = Engine::over(lake, work.new.clone())?;
    let all = Engine::at(lake, work.all.clone()).await?;
    let span = rules.iter().map(|ready| ready.rule.dedup().span.micros()).max().unwrap_or(0);
    let oldest = work.new.iter().map(|file| bound(file, "minValues")).collect::<Option<Vec<_>>>();
    let from = oldest.and_then(|times| times.into_iter().min()).map(|oldest| oldest.saturating_sub(span));
    let known = Known::load(&all, from).await?;
    let now = time::now();
    let (mut findings, mut repeated) = (Vec::new(), 0);
    for ready in rules {
        let values = ready.rule.values(ready.set)?;
        let mut hits = Hits::new(ready.rule, &values, &known, work.late_before, now)?;
        let result = match &ready.rule.threshold {
            None => matches(&new, ready, &values, &mut hits).await,
            Some(_) => counts(&new, &all, ready, &values, &mut hits).await,
        };
        result.map_err(|error| RuleError::new(&ready.rule.place, error.to_string()))?;
        let (found, known) = hits.finish();
        findings.extend(found);
        repeated += known;
    }
    findings.sort_by(|a, b| (a.first_time, &a.id).cmp(&(b.first_time, &b.id)));
    Ok((findings, repeated))
}

async fn matches(new: &Engine, ready: &Ready<'_>, values: &Values, hits: &mut Hits<'_>) -> Result<(), Error> {
    let text = statement(ready.rule, &Range::default());
    let (_, mut rows) = new.stream(&text, values).await?;
    while let Some(batch) = rows.try_next().await? {
        hits.take(&batch, |_, _| true)?;
    }
    Ok(())
}

async fn counts(
    new: &Engine,
    all: &Engine,
    ready: &Ready<'_>,
    values: &Values,
    hits: &mut Hits<'_>,
) -> Result<(), Error> {
    let Some(threshold) = &ready.rule.threshold else { return Ok(()) };
    let within = threshold.within.micros();
    let touched = groups(new, &touched(ready.rule, threshold), values, threshold.by.len()).await?;
    let Some(first) = touched.values().map(|(first, _)| *first).min() else { return Ok(()) };
    let last = touched.values().map(|(_, last)| *last).max().unwrap_or(first);
    let range = Range {
        from: Some(time::format(first.saturating_sub(within))),
        until: Some(time::format(last.saturating_add(within))),
    };
    let (_, mut rows) = all.stream(&statement(ready.rule, &range), values).await?;
    // A window that ends before the first new event of its group, or begins after the last, is old news.
    let is_new = |values: &BTreeMap<String, String>, time: i64| {
        let group = threshold.by.iter().map(|name| values.get(name).cloned()).collect::<Vec<_>>();
        touched.get(&group).is_some_and(|&(first, last)| first <= time && time <= last.saturating_add(within))
    };
    while let Some(batch) = rows.try_next().await? {
        hits.take(&batch, is_new)?;
    }
    Ok(())
}

/// Reads the rows of [`touched`]: the values a threshold counts by, then least and greatest event time.
async fn groups(engine: &Engine, text: &str, values: &Values, keys: usize) -> Result<Touched, Error> {
    let (_, mut rows) = engine.stream(text, values).await?;
    let mut touched = Touched::new();
    while let Some(batch) = rows.try_next().await? {
        let texts = batch.columns()[..keys].iter().map(|column| cast(column, &DataType::Utf8));
        let texts = texts.collect::<Result<Vec<_>, _>>()?;
        let micros = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        let (first, last) = (cast(batch.column(keys), &micros)?, cast(batch.column(keys + 1), &micros)?);
        let (first, last) = (
            first.as_primitive::<TimestampMicrosecondType>(),
            last.as_primitive::<TimestampMicrosecondType>(),
        );
        for row in (0..batch.num_rows()).filter(|&row| first.is_valid(row) && last.is_valid(row)) {
            let text = |column: &std::sync::Arc<dyn Array>| {
                let column = column.as_string::<i32>();
                column.is_valid(row).then(|| column.value(row).to_owned())
            };
            touched.insert(texts.iter().map(text).collect(), (first.value(row), last.value(row)));
        }
    }
    Ok(touched)
}
