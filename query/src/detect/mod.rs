//! What was ingested since the last run → findings → alerts.
//!
//! In: a lake and rules. Out: rows of `findings`, committed together with the version of `events` that they cover (the
//! watermark); then messages, each noted in `notifications`. What must hold: a run that dies, or that races with
//! another, neither loses a finding nor stores one twice; nothing is sent that is not committed.

mod hits;
pub mod finding;
mod known;
mod evaluate;
pub mod notify;
mod points;
pub mod harness;

use crate::error::Error;
use crate::rules::Rule;
use crate::rules::params::Values;
use finding::{Finding, Row};
use std::collections::BTreeMap;
use std::time::Instant;
use trailhound_ingest::lake::{Lake, LakeFile, LakeTable, TxnOutcome};
use trailhound_ingest::time;
use uuid::Uuid;

/// The application under which the watermark is kept.
const WATERMARK: &str = trailhound_ingest::lake::DETECTOR;

/// How often a run begins again because another moved the watermark.
const RESTARTS: u32 = 5;

/// An event older than the newest that was known by this much came late.
const LATE: i64 = 3_600_000_000;

/// A rule and its settings.
#[derive(Clone, Copy, Debug)]
pub struct Ready<'a> {
    /// The rule.
    pub rule: &'a Rule,
    /// Values of its params; the others have their defaults.
    pub set: &'a Values,
}

/// What a run did.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct Detected {
    /// Rules that were run.
    pub rules: usize,
    /// The version of `events` that is covered now.
    pub events_version: u64,
    /// Data files with new events.
    pub files: usize,
    /// New events.
    pub events: u64,
    /// Seconds from when the oldest of these files was written to the beginning of the run.
    pub lag_seconds: f64,
    /// Hits that belong to a finding of an earlier run.
    pub repeated: u64,
    /// New findings.
    #[serde(rename = "findings", serialize_with = "count")]
    pub findings: Vec<Finding>,
    /// Seconds it took.
    pub seconds: f64,
}

#[expect(clippy::ptr_arg, reason = "serde passes a reference to the field")]
fn count<S: serde::Serializer>(findings: &Vec<Finding>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(findings.len() as u64)
}

/// The files that a run looks at.
struct Work {
    /// The version that they are part of.
    version: u64,
    /// All files at that version.
    all: Vec<LakeFile>,
    /// Those with new events.
    new: Vec<LakeFile>,
    /// An event before this time came late.
    late_before: Option<i64>,
}

/// Runs `rules` over what `events` got since the last run, and commits what they find.
///
/// # Errors
/// The lake cannot be read or written, or a rule's statement fails; then nothing was committed.
pub async fn detect(lake: &Lake, rules: &[Ready<'_>]) -> Result<Detected, Error> {
    let began = Instant::now();
    let mut restarts = 0;
    loop {
        let watermark = lake.txn(LakeTable::Findings, WATERMARK).await?;
        let work = new_work(lake, watermark).await?;
        let mut detected =
            Detected { rules: rules.len(), events_version: work.version, ..Detected::default() };
        if watermark.is_some_and(|seen| seen >= i64::try_from(work.version).unwrap_or(i64::MAX)) {
            detected.seconds = began.elapsed().as_secs_f64();
            return Ok(detected);
        }
        detected.files = work.new.len();
        detected.events = work.new.iter().map(|file| file.rows).sum();
        detected.lag_seconds = lag(&work.new, time::now());
        (detected.findings, detected.repeated) = evaluate::evaluate(lake, rules, &work).await?;
        points::reach("evaluated");
        match commit(lake, &detected.findings, watermark, work.version).await? {
            TxnOutcome::Committed(_) => {
                points::reach("findings-committed");
                detected.seconds = began.elapsed().as_secs_f64();
                return Ok(detected);
            }
            // Somebody else has covered these events, or some of them.
            TxnOutcome::Moved(_) if restarts < RESTARTS => restarts += 1,
            TxnOutcome::Moved(_) => {
                return Err(Error::Format(
                    "other detectors were faster five times\nhint: run one at a time".to_owned(),
                ));
            }
        }
    }
}

/// Seconds from when the oldest of `files` was written until `now`, in microseconds.
fn lag(files: &[LakeFile], now: i64) -> f64 {
    let oldest = files.iter().map(|file| file.modified_ms).min();
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of centuries fit")]
    oldest.map_or(0.0, |oldest| (now / 1000 - oldest).max(0) as f64 / 1e3)
}

async fn new_work(lake: &Lake, watermark: Option<i64>) -> Result<Work, Error> {
    let snapshot = lake.snapshot(LakeTable::Events, None).await?;
    let (version, all) = (snapshot.version, snapshot.files);
    let Some(seen) = watermark.and_then(|seen| u64::try_from(seen).ok()) else {
        return Ok(Work { version, new: all.clone(), all, late_before: None });
    };
    if seen >= version {
        return Ok(Work { version, all, new: Vec::new(), late_before: None });
    }
    let new = lake.added(LakeTable::Events, seen, version).await?;
    let known = lake.snapshot(LakeTable::Events, Some(seen)).await?;
    let newest = known.files.iter().filter_map(|file| bound(file, "maxValues")).max();
    Ok(Work { version, all, new, late_before: newest.map(|newest| newest - LATE) })
}

/// The least or greatest event time of a file.
fn bound(file: &LakeFile, side: &str) -> Option<i64> {
    let text = file.stats.get(side)?.get("eventtime")?.as_str()?;
    time::parse(&format!("\"{text}\"")).map(|(micros, _)| micros)
}

/// Findings and watermark in one commit.
async fn commit(
    lake: &Lake,
    findings: &[Finding],
    watermark: Option<i64>,
    version: u64,
) -> Result<TxnOutcome, Error> {
    let mut days = BTreeMap::<i32, Vec<Row>>::new();
    for finding in findings {
        days.entry(time::day_of(finding.first_time)).or_default().push(Row::from(finding));
    }
    let mut files = Vec::new();
    for (date, rows) in days {
        files.push(finding::store(lake, LakeTable::Findings, date, &rows).await?);
    }
    points::reach("findings-written");
    let version = i64::try_from(version).unwrap_or(i64::MAX);
    let token = Uuid::new_v4().to_string();
    Ok(lake.commit_with_txn(LakeTable::Findings, files, WATERMARK, watermark, version, &token).await?)
}
