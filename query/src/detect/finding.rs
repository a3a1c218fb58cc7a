//! A finding: what a rule found, as a row of `findings`.

use crate::engine::Engine;
use crate::error::Error;
use crate::rules::Severity;
use crate::rules::local::HIDDEN_BY;
use crate::rules::params::Values;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::json::{ReaderBuilder, writer::JsonArray, writer::WriterBuilder};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::sync::Arc;
use trailhound_ingest::lake::{Lake, LakeTable, NewFile, tables};
use trailhound_ingest::write::{new_path, parquet_bytes, settings::ColumnSetting};
use trailhound_ingest::{fetch, time};

/// What a rule found.
#[derive(Clone, PartialEq, Debug)]
pub struct Finding {
    /// Hash of rule, dedup key and first event time: the same events give the same id.
    pub id: String,
    /// The rule.
    pub rule: String,
    /// Its version.
    pub version: i64,
    /// How bad it is.
    pub severity: Severity,
    /// What happened, in a few words.
    pub title: String,
    /// Who did it.
    pub actor: Option<String>,
    /// What happened, filled in. May hold anything that an attacker wrote.
    pub alert: String,
    /// The values of the rule's fields and of the first event, by name.
    pub entities: BTreeMap<String, String>,
    /// The values that make two hits one finding, as a JSON array.
    pub dedup_key: String,
    /// Event time of the first event, in microseconds since 1970; of a threshold, where its window begins.
    pub first_time: i64,
    /// Event time of the last event.
    pub last_time: i64,
    /// Events; of a threshold, the most that was counted in a window.
    pub count: i64,
    /// Some of the events, at most [`SAMPLES`].
    pub event_ids: Vec<String>,
    /// MITRE ATT&CK.
    pub attack: Vec<String>,
    /// The settings of the rule, as JSON.
    pub params: String,
    /// Whether its events came after later ones had been looked at.
    pub late: bool,
    /// The account.
    pub account: Option<String>,
    /// The region.
    pub region: Option<String>,
    /// When it was found, in microseconds since 1970.
    pub detect_time: i64,
}

/// Event ids that a finding names, at most.
pub const SAMPLES: usize = 20;

impl Finding {
    /// The id of what `rule` found for `dedup_key` from `first_time` on.
    #[must_use]
    pub fn id(rule: &str, dedup_key: &str, first_time: i64) -> String {
        let mut hash = Sha256::new();
        for part in [rule, dedup_key, &first_time.to_string()] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        fetch::hex(&hash.finalize()[..16])
    }

    /// The exception of the local policy that hides it, if one does.
    #[must_use]
    pub fn hidden_by(&self) -> Option<&str> {
        self.entities.get(HIDDEN_BY).map(String::as_str)
    }
}

/// The same as the table has it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Row {
    id: String,
    rule: String,
    version: i64,
    severity: String,
    title: String,
    actor: Option<String>,
    alert: String,
    entities: String,
    dedupkey: String,
    firsttime: String,
    lasttime: String,
    count: i64,
    eventids: Vec<String>,
    attack: Vec<String>,
    params: String,
    late: bool,
    account: Option<String>,
    region: Option<String>,
    detecttime: String,
}

impl From<&Finding> for Row {
    fn from(finding: &Finding) -> Self {
        Self {
            id: finding.id.clone(),
            rule: finding.rule.clone(),
            version: finding.version,
            severity: finding.severity.name().to_owned(),
            title: finding.title.clone(),
            actor: finding.actor.clone(),
            alert: finding.alert.clone(),
            entities: serde_json::json!(finding.entities).to_string(),
            dedupkey: finding.dedup_key.clone(),
            firsttime: time::format(finding.first_time),
            lasttime: time::format(finding.last_time),
            count: finding.count,
            eventids: finding.event_ids.clone(),
            attack: finding.attack.clone(),
            params: finding.params.clone(),
            late: finding.late,
            account: finding.account.clone(),
            region: finding.region.clone(),
            detecttime: time::format(finding.detect_time),
        }
    }
}

impl From<Row> for Finding {
    fn from(row: Row) -> Self {
        let micros = |text: &str| time::parse(&format!("\"{text}\"")).map_or(0, |(micros, _)| micros);
        Self {
            first_time: micros(&row.firsttime),
            last_time: micros(&row.lasttime),
            detect_time: micros(&row.detecttime),
            id: row.id,
            rule: row.rule,
            version: row.version,
            severity: Severity::parse(&row.severity).unwrap_or(Severity::High),
            title: row.title,
            actor: row.actor,
            alert: row.alert,
            entities: serde_json::from_str(&row.entities).unwrap_or_default(),
            dedup_key: row.dedupkey,
            count: row.count,
            event_ids: row.eventids,
            attack: row.attack,
            params: row.params,
            late: row.late,
            account: row.account,
            region: row.region,
        }
    }
}

/// Findings as the table has them, to be printed.
///
/// # Errors
/// They do not fit the table, which is a bug.
pub fn batch(findings: &[Finding]) -> Result<RecordBatch, Error> {
    encode(LakeTable::Findings, &findings.iter().map(Row::from).collect::<Vec<_>>())
}

fn encode<T: Serialize>(table: LakeTable, rows: &[T]) -> Result<RecordBatch, Error> {
    let schema = tables::file_schema(table);
    let mut decoder =
        ReaderBuilder::new(Arc::clone(&schema)).with_batch_size(rows.len().max(1)).build_decoder()?;
    decoder.serialize(rows)?;
    Ok(decoder.flush()?.unwrap_or_else(|| RecordBatch::new_empty(schema)))
}

/// The findings in the lake that an exception hides, by event time; those that go on at `since`, or later.
///
/// # Errors
/// The lake cannot be read.
pub async fn hidden(lake: &Lake, since: Option<i64>) -> Result<Vec<Finding>, Error> {
    let engine = Engine::at(lake, Vec::new())?;
    let since = since.map(|since| format!(" AND lasttime >= '{}'", time::format(since))).unwrap_or_default();
    // Whether it is the name of an entity, and not a word in one, is seen when it is read.
    let text =
        format!("SELECT * FROM findings WHERE entities LIKE '%{HIDDEN_BY}%'{since} ORDER BY firsttime, id");
    let rows = read::<Row>(&engine.rows(&text, &Values::new()).await?)?;
    Ok(rows.into_iter().map(Finding::from).filter(|finding| finding.hidden_by().is_some()).collect())
}

/// Writes `rows` into a new file of `table`, for a commit to name.
pub(super) async fn store<T: Serialize>(
    lake: &Lake,
    table: LakeTable,
    date: i32,
    rows: &[T],
) -> Result<NewFile, Error> {
    let schema = tables::file_schema(table);
    let batch = encode(table, rows)?;
    let settings = match table {
        LakeTable::Findings => {
            &[ColumnSetting::new("firsttime").bounds(), ColumnSetting::new("lasttime").bounds()][..]
        }
        _ => &[],
    };
    let (bytes, stats) = parquet_bytes(&schema, &[batch], settings)?;
    let (path, size) = (new_path(date), bytes.len() as u64);
    lake.put(table, &path, bytes).await?;
    Ok(NewFile { path, size, date, rows: rows.len() as u64, stats })
}

/// Rows of a table, as `T` names its columns.
pub(super) fn read<T: DeserializeOwned>(batches: &[RecordBatch]) -> Result<Vec<T>, Error> {
    let mut writer = WriterBuilder::new().with_explicit_nulls(true).build::<_, JsonArray>(Vec::new());
    writer.write_batches(&batches.iter().collect::<Vec<_>>())?;
    writer.finish()?;
    let bytes = writer.into_inner();
    if bytes.is_empty() {
        return Ok(Vec::new());
    }
    serde_json::from_slice(&bytes)
        .map_err(|error| Error::Format(format!("a table of the lake is odd: {error}")))
}
