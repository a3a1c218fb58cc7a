//! What was ingested since the last run → findings → alerts.
//!
//! In: a lake and rules. Out: rows of `findings`, committed together with the version of `events` that they cover (the
//! watermark); then messages, each noted in `notifications`. What must hold: a run that dies, or that races with
//! another, neither loses a finding nor stores one twice; nothing is sent that is not committed.

mod scan;
mod rows;
mod gather;
mod activity;
mod state;
mod novelty;
mod threshold;
mod sequence;
mod known;
mod hits;
pub mod finding;
mod evaluate;
pub mod notify;
mod points;
pub mod harness;
#[cfg(test)]
mod oracle;
mod conjuncts;
pub mod backtest;

use crate::engine::Engine;
use crate::error::Error;
use crate::rules::Rule;
use crate::rules::params::Values;
use evaluate::Evaluated;
use finding::{Finding, Row};
use state::State;
use std::collections::BTreeMap;
use std::time::Instant;
use trailhound_ingest::lake::{Lake, LakeFile, LakeTable, NewFile, TxnOutcome};
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
    /// New findings that an exception of the local policy hides: kept, but neither shown nor sent.
    #[serde(serialize_with = "count")]
    pub hidden: Vec<Finding>,
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
    let mut detected = Detected { rules: rules.len(), ..Detected::default() };
    loop {
        let marks = Marks::read(lake).await?;
        let upto = marks.half_done();
        let work = new_work(lake, marks.findings, upto).await?;
        detected.events_version = work.version;
        if !work.is_news(marks.findings) {
            detected.seconds = began.elapsed().as_secs_f64();
            return Ok(detected);
        }
        let engine = Engine::at(lake, work.all.clone())?;
        let known = State::load(&engine, learners(rules), marks.findings.unwrap_or(-1)).await?;
        let mut told = evaluate::evaluate(lake, &engine, rules, &work, &known).await?;
        crate::chain::findings::name_origins(&engine, &mut told.findings).await;
        points::reach("evaluated");
        if !commit(lake, &told, &known, marks, work.version).await? {
            // Somebody else has covered these events, or some of them.
            if restarts == RESTARTS {
                return Err(Error::Format(
                    "other detectors were faster five times\nhint: run one at a time".to_owned(),
                ));
            }
            restarts += 1;
            continue;
        }
        detected.files += work.new.len();
        detected.events += work.new.iter().map(|file| file.rows).sum::<u64>();
        detected.lag_seconds = detected.lag_seconds.max(lag(&work.new, time::now()));
        detected.repeated += told.repeated;
        let (hidden, shown) = told.findings.into_iter().partition::<Vec<_>, _>(|f| f.hidden_by().is_some());
        detected.findings.extend(shown);
        detected.hidden.extend(hidden);
        if upto.is_none() {
            detected.seconds = began.elapsed().as_secs_f64();
            return Ok(detected);
        }
    }
}

/// The rules that have a baseline.
fn learners(rules: &[Ready<'_>]) -> Vec<String> {
    rules.iter().filter(|ready| ready.rule.first_seen.is_some()).map(|ready| ready.rule.id.clone()).collect()
}

/// The versions of `events` that each table of the detector covers. `findings` comes last: what it covers is done.
#[derive(Clone, Copy)]
struct Marks {
    activity: Option<i64>,
    baselines: Option<i64>,
    findings: Option<i64>,
}

impl Marks {
    async fn read(lake: &Lake) -> Result<Self, Error> {
        // The last one first: what moves meanwhile then looks half done, and is found out by the commit.
        let findings = lake.txn(LakeTable::Findings, WATERMARK).await?;
        let baselines = lake.txn(LakeTable::Baselines, WATERMARK).await?;
        let activity = lake.txn(LakeTable::Activity, WATERMARK).await?;
        Ok(Self { activity, baselines, findings })
    }

    /// The version that a run was at which died, or which still goes on: first of all it has to be done as it was begun.
    fn half_done(self) -> Option<u64> {
        let ahead = [self.activity, self.baselines].into_iter().flatten();
        ahead.filter(|mark| Some(*mark) > self.findings).min().and_then(|mark| u64::try_from(mark).ok())
    }
}

/// Seconds from when the oldest of `files` was written until `now`, in microseconds.
fn lag(files: &[LakeFile], now: i64) -> f64 {
    let oldest = files.iter().map(|file| file.modified_ms).min();
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of centuries fit")]
    oldest.map_or(0.0, |oldest| (now / 1000 - oldest).max(0) as f64 / 1e3)
}

/// What came since version `seen`, up to `upto` or to the newest.
async fn new_work(lake: &Lake, seen: Option<i64>, upto: Option<u64>) -> Result<Work, Error> {
    let snapshot = lake.snapshot(LakeTable::Events, upto).await?;
    let (version, all) = (snapshot.version, snapshot.files);
    let Some(seen) = seen.and_then(|seen| u64::try_from(seen).ok()) else {
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

impl Work {
    /// Whether there is anything that version `seen` did not have.
    fn is_news(&self, seen: Option<i64>) -> bool {
        seen.is_none_or(|seen| seen < i64::try_from(self.version).unwrap_or(i64::MAX))
    }
}

/// The least or greatest event time of a file.
fn bound(file: &LakeFile, side: &str) -> Option<i64> {
    let text = file.stats.get(side)?.get("eventtime")?.as_str()?;
    time::parse(&format!("\"{text}\"")).map(|(micros, _)| micros)
}

/// Commits what was found, with the version that it covers; `false` if another run was faster. What a run leaves behind
/// that dies between two of these commits is [`Marks::half_done`].
async fn commit(
    lake: &Lake,
    told: &Evaluated,
    known: &State,
    marks: Marks,
    version: u64,
) -> Result<bool, Error> {
    let upto = i64::try_from(version).unwrap_or(i64::MAX);
    if marks.activity != Some(upto) {
        let files = told.activity.write(lake, upto).await?;
        if !step(lake, LakeTable::Activity, files, marks.activity, upto).await? {
            return Ok(false);
        }
    }
    if marks.baselines != Some(upto) {
        let files = told.state.write(lake, known, upto).await?;
        if !step(lake, LakeTable::Baselines, files, marks.baselines, upto).await? {
            return Ok(false);
        }
    }
    let mut days = BTreeMap::<i32, Vec<Row>>::new();
    for finding in &told.findings {
        days.entry(time::day_of(finding.first_time)).or_default().push(Row::from(finding));
    }
    let mut files = Vec::new();
    for (date, rows) in days {
        files.push(finding::store(lake, LakeTable::Findings, date, &rows).await?);
    }
    step(lake, LakeTable::Findings, files, marks.findings, upto).await
}

/// Rows and watermark of a table in one commit; `false` if the watermark was moved by somebody else.
async fn step(
    lake: &Lake,
    table: LakeTable,
    files: Vec<NewFile>,
    before: Option<i64>,
    upto: i64,
) -> Result<bool, Error> {
    points::reach(&format!("{}-written", table.name()));
    let token = Uuid::new_v4().to_string();
    let outcome = lake.commit_with_txn(table, files, WATERMARK, before, upto, &token).await?;
    points::reach(&format!("{}-committed", table.name()));
    Ok(matches!(outcome, TxnOutcome::Committed(_)))
}
