//! A part of the lake → log files as CloudTrail delivers them, so that whoever reads trails can read it.
//!
//! In: the lake at one version, a predicate, rules of privacy. Out: gzipped `{"Records":[…]}` in the layout of S3, in a
//! folder or a bucket. What must hold: every record that the predicate names is in one file, once; the same version,
//! predicate and rules give the same names and the same bytes, so a run that was cut short is repaired by running it
//! again; what a record says becomes a part of a name only in the shape of an account, a region or a day. Memory: one
//! stretch of days is sorted at a time, within the engine's bound and on disk beyond it, and at most [`pack::MOST_OPEN`] files are
//! open.

mod place;
mod pack;
mod rows;

use crate::engine::Engine;
use crate::error::Error;
use crate::names::values::Values;
use datafusion::common::DataFusionError;
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};
use futures::TryStreamExt;
use pack::Pack;
use rows::Sorted;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Instant;
use trailhound_ingest::Progress;
use trailhound_ingest::lake::{Lake, LakeFile, LakeTable, store_at};
use trailhound_ingest::redact::Redaction;
use trailhound_ingest::time::format_date;

/// What is to be written, and where.
#[derive(Debug)]
pub struct Wanted {
    /// SQL on `cloudtrail`.
    pub predicate: String,
    /// A folder, or `s3://bucket/prefix`.
    pub out: String,
    /// Bytes of a log file before it is compressed.
    pub file_bytes: usize,
    /// What is redacted.
    pub redaction: Option<Arc<Redaction>>,
}

/// What an export did.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
pub struct Exported {
    /// The version of `events` that was read.
    pub version: u64,
    /// Records that the predicate names.
    pub records_read: u64,
    /// Records in the log files.
    pub written: u64,
    /// Log files.
    pub objects: u64,
    /// Records that name no account or no region, and are filed under `000000000000` or `unknown`.
    pub unplaced: u64,
    /// Bytes of the log files before they were compressed.
    pub bytes_inflated: u64,
    /// Bytes of the log files.
    pub bytes_out: u64,
    /// Values that were redacted, by the rule of `[privacy]`.
    pub redacted: BTreeMap<String, u64>,
    /// Wall clock.
    pub seconds: f64,
}

impl fmt::Display for Exported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { version, written, objects, unplaced, bytes_out, redacted, seconds, .. } = self;
        write!(
            f,
            "{written} records of version {version} in {objects} log files, {unplaced} without an account or a region; {bytes_out} bytes; {seconds:.1} s"
        )?;
        redacted.iter().try_for_each(|(rule, values)| write!(f, "\n{values} values redacted by {rule}"))
    }
}

/// Writes what is wanted.
///
/// # Errors
/// The predicate is not understood, the lake cannot be read, or the place cannot be written. Files that are there
/// already stay; running again completes them.
pub async fn export(lake: &Lake, wanted: &Wanted, progress: &dyn Progress) -> Result<Exported, Error> {
    let started = Instant::now();
    one_expression(&wanted.predicate)?;
    let snapshot = lake.snapshot(LakeTable::Events, None).await?;
    let stretches = stretches(&snapshot.files);
    progress.found(stretches.len() as u64, stretches.iter().map(|stretch| stretch.bytes).sum());
    let engine = Engine::at(lake, snapshot.files)?;
    // A predicate that means nothing is an error in an empty lake too.
    drop(engine.stream(&statement(&wanted.predicate, "false"), &Values::new()).await?);
    let mut pack = Pack::new(store_at(&wanted.out).await?, wanted.file_bytes);
    let mut counts = wanted.redaction.as_ref().map(|rules| rules.counts()).unwrap_or_default();
    for stretch in stretches {
        let written = pack.written();
        let (first, last) = (format_date(stretch.first), format_date(stretch.last));
        let only = format!("date BETWEEN DATE '{first}' AND DATE '{last}'");
        let (_, mut batches) = engine.stream(&statement(&wanted.predicate, &only), &Values::new()).await?;
        let mut sorted = Sorted::new(wanted.redaction.as_deref(), &mut counts);
        while let Some(batch) = batches.try_next().await? {
            sorted.take(&batch, &mut pack).await?;
        }
        sorted.finish(&mut pack).await?;
        progress.done(pack.written() - written, stretch.bytes);
    }
    let mut report = pack.finish().await?;
    report.version = snapshot.version;
    report.redacted = wanted.redaction.as_ref().map(|rules| rules.named(&counts)).unwrap_or_default();
    report.seconds = started.elapsed().as_secs_f64();
    Ok(report)
}

/// Days that follow each other in the lake.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Stretch {
    first: i32,
    last: i32,
    /// Bytes of their data files.
    bytes: u64,
}

/// Bytes of the data files of a stretch: to plan a query for each of many small days takes longer than to read them.
const STRETCH: u64 = 64 << 20;

/// The days of the lake, small ones together.
fn stretches(files: &[LakeFile]) -> Vec<Stretch> {
    let mut bytes_of = BTreeMap::<i32, u64>::new();
    for file in files {
        *bytes_of.entry(file.date).or_default() += file.size;
    }
    let mut stretches = Vec::<Stretch>::new();
    for (day, bytes) in bytes_of {
        match stretches.last_mut() {
            Some(stretch) if stretch.bytes + bytes <= STRETCH => {
                stretch.last = day;
                stretch.bytes += bytes;
            }
            _ => stretches.push(Stretch { first: day, last: day, bytes }),
        }
    }
    stretches
}

/// Refuses a predicate that closes a parenthesis which it did not open: what follows would no longer be bound to the
/// days of a stretch, so records would be written once for each stretch.
fn one_expression(predicate: &str) -> Result<(), Error> {
    // What is no SQL at all is for the engine to refuse.
    let tokens = Tokenizer::new(&GenericDialect {}, predicate).tokenize().unwrap_or_default();
    let mut open = 0_usize;
    for token in tokens {
        match token {
            Token::LParen => open += 1,
            Token::RParen if open == 0 => {
                let why = "--where closes a parenthesis that it did not open";
                return Err(DataFusionError::Plan(why.to_owned()).into());
            }
            Token::RParen => open -= 1,
            _ => {}
        }
    }
    Ok(())
}

/// The rows of a stretch in the order in which they are written. The predicate stands on lines of its own, so that a
/// comment in it ends there.
fn statement(predicate: &str, only: &str) -> String {
    format!(
        "SELECT * FROM cloudtrail WHERE (\n{predicate}\n) AND {only} ORDER BY date, recipientAccountId, awsRegion, eventCategory, eventTime, eventID"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_predicate_stays_within_its_parentheses() {
        for fine in ["true", "(a = 1) OR (b = ')')", "a = 1 -- )", "length(a) > 1"] {
            assert!(one_expression(fine).is_ok(), "{fine}");
        }
        for bad in ["1 = 1) OR (true", ")", "true) --"] {
            assert!(one_expression(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn small_days_go_together() {
        let file = |date: i32, mega: u64| LakeFile {
            path: String::new(),
            size: mega << 20,
            date,
            rows: 1,
            modified_ms: 0,
            stats: serde_json::Value::Null,
        };
        let files = [file(3, 30), file(1, 1), file(3, 30), file(9, 5), file(4, 100), file(2, 3)];
        let days = stretches(&files).iter().map(|s| (s.first, s.last, s.bytes >> 20)).collect::<Vec<_>>();
        assert_eq!(days, [(1, 3, 64), (4, 4, 100), (9, 9, 5)]);
        assert_eq!(stretches(&[]), []);
    }
}
