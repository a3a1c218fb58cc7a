//! `logfiles.integrity`: whether what the lake read from a log file is what CloudTrail delivered.
//!
//! A row of `logfiles` has the hash of the bytes that were read, so it is compared with the digest that names the file:
//! no matter what has become of the object since. The files of `logfiles` that hold rows with another verdict are
//! exchanged for files with that verdict, by the protocol of compaction: one conditional commit, which gives way to
//! whoever exchanged one of the files meanwhile. The watermark of the table and its rows stay as they are.

use super::place::{Region, stem};
use super::region::Learnt;
use super::run::Window;
use super::spans::{Spans, Uncovered};
use super::verdict::Verdict;
use crate::compact::conform;
use crate::error::Error;
use crate::fetch::hex;
use crate::find::key;
use crate::lake::files::{LakeFile, LakeTable};
use crate::lake::replace::{Exchange, Exchanged};
use crate::lake::{Lake, NewFile, ObjectId, Reader, tables};
use crate::write;
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray};
use futures::TryStreamExt;
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::arrow::{ParquetRecordBatchStreamBuilder, ProjectionMask};
use std::collections::HashMap;
use std::sync::Arc;

/// How often somebody else may be faster before the verdicts are left unsaid.
const GIVE_UPS: u32 = 5;

/// The hashes of objects of some days that were read whole, as ingest computed them.
pub(super) async fn hashes(lake: &Lake, window: Window) -> Result<HashMap<ObjectId, [u8; 32]>, Error> {
    let mut hashes = HashMap::new();
    for file in lake.snapshot(LakeTable::Logfiles, None).await?.files {
        if !(window.first - 1..=window.last + 1).contains(&file.date) {
            continue;
        }
        for batch in read(lake, &file, Some(&["sourcehash", "sha256", "state", "reason"])).await? {
            let (Some(ids), Some(sums), Some(states)) =
                (text(&batch, "sourcehash"), text(&batch, "sha256"), text(&batch, "state"))
            else {
                continue;
            };
            let reasons = text(&batch, "reason");
            for row in 0..batch.num_rows() {
                // Of what was not read to its end, or has bytes behind it, the hash does not tell all.
                let is_whole = matches!(states.value(row), "read" | "empty" | "partial")
                    && reasons.is_none_or(|reasons| reasons.is_null(row));
                let id = ids.value(row).parse::<ObjectId>().ok().filter(|_| is_whole);
                let hash = super::document::unhex(sums.value(row)).and_then(|hash| hash.try_into().ok());
                hashes.extend(id.zip(hash));
            }
        }
    }
    Ok(hashes)
}

/// What the digests of some days say.
struct Known<'a> {
    hashes: HashMap<&'a str, (Option<String>, bool)>,
    spans: HashMap<(&'a str, &'a str), &'a Spans>,
}

/// Notes what was learnt about some days. Gives the number of rows that have another verdict than before.
pub(super) async fn keep(lake: &Lake, window: Window, learnt: &[Learnt]) -> Result<u64, Error> {
    let hashes = learnt.iter().flat_map(|region| &region.hashes);
    let known = Known {
        hashes: hashes
            .map(|(stem, hash, proven)| (stem.as_str(), (hash.as_ref().map(|hash| hex(hash)), *proven)))
            .collect(),
        spans: learnt
            .iter()
            .map(|it| ((it.region.account.as_str(), it.region.region.as_str()), &it.spans))
            .collect(),
    };
    for _ in 0..GIVE_UPS {
        let base = lake.base(LakeTable::Logfiles).await?;
        let (mut removes, mut adds, mut noted) = (Vec::new(), Vec::new(), 0);
        for file in base.files.iter().filter(|file| window.has(file.date)) {
            if let Some((changed, new)) = rewrite(lake, file, &known).await? {
                removes.push(file.clone());
                adds.push(new);
                noted += changed;
            }
        }
        if removes.is_empty() {
            return Ok(0);
        }
        let exchange =
            Exchange { removes: &removes, adds: &adds, relied: &[], duplicates: 0, is_update: true };
        if let Exchanged::Committed(_) = lake.exchange(LakeTable::Logfiles, &base, exchange).await? {
            return Ok(noted);
        }
    }
    let why = "others were changing logfiles all the time, so the verdicts were not noted\nhint: run again";
    Err(Error::Source { name: lake.url().to_string(), why: why.to_owned() })
}

/// Uploads a file with the rows of `file` and their verdicts; `None` if they have them already.
async fn rewrite(lake: &Lake, file: &LakeFile, known: &Known<'_>) -> Result<Option<(u64, NewFile)>, Error> {
    let schema = tables::file_schema(LakeTable::Logfiles);
    let (mut changed, mut batches) = (0, Vec::new());
    for batch in read(lake, file, None).await? {
        if batch.schema().fields().iter().any(|field| schema.field_with_name(field.name()).is_err()) {
            // Somebody who knows more wrote it, and what we do not know we would lose.
            return Ok(None);
        }
        let (rows, batch) = known.note(&conform(&batch, &schema)?)?;
        changed += rows;
        batches.push(batch);
    }
    if changed == 0 {
        return Ok(None);
    }
    let rows = batches.iter().map(|batch| batch.num_rows() as u64).sum();
    let (bytes, stats) = write::parquet_bytes(&schema, &batches, &[])?;
    let (path, size) = (write::new_path(file.date), bytes.len() as u64);
    lake.put(LakeTable::Logfiles, &path, bytes).await?;
    Ok(Some((changed, NewFile { path, size, date: file.date, rows, stats })))
}

impl Known<'_> {
    /// The rows with their verdicts, and how many of these are new.
    fn note(&self, batch: &RecordBatch) -> Result<(u64, RecordBatch), Error> {
        let (Some(files), Some(sums), Some(before)) =
            (text(batch, "sourcefile"), text(batch, "sha256"), text(batch, "integrity"))
        else {
            return Ok((0, batch.clone()));
        };
        let mut changed = 0;
        let after = (0..batch.num_rows()).map(|row| {
            let before = (!before.is_null(row)).then(|| before.value(row));
            let verdict = self.verdict(files.value(row), sums.value(row)).map(Verdict::name);
            changed += u64::from(verdict.is_some() && verdict != before);
            verdict.or(before)
        });
        let after: ArrayRef = Arc::new(after.collect::<StringArray>());
        let schema = batch.schema();
        let columns = schema.fields().iter().zip(batch.columns()).map(|(field, column)| {
            if field.name() == "integrity" { Arc::clone(&after) } else { Arc::clone(column) }
        });
        let columns = columns.collect();
        Ok((changed, RecordBatch::try_new(schema, columns)?))
    }

    /// What is known about a file that was read; `None` where that is nothing.
    fn verdict(&self, file: &str, sha256: &str) -> Option<Verdict> {
        if let Some((hash, is_proven)) = self.hashes.get(stem(file)) {
            let Some(hash) = hash else { return Some(Verdict::Unproven) };
            return Some(match (hash == sha256, is_proven) {
                (true, true) => Verdict::Valid,
                (true, false) => Verdict::Unproven,
                (false, _) => Verdict::Changed,
            });
        }
        let (region, _) = Region::of(file)?;
        let spans = self.spans.get(&(region.account.as_str(), region.region.as_str()))?;
        match spans.uncovered(key::parse(file).time?) {
            Uncovered::TooNew => None,
            _ => Some(Verdict::NotCovered),
        }
    }
}

fn text<'a>(batch: &'a RecordBatch, name: &str) -> Option<&'a StringArray> {
    batch.column_by_name(name)?.as_string_opt()
}

/// The rows of a file, in some of its columns or in all.
async fn read(lake: &Lake, file: &LakeFile, columns: Option<&[&str]>) -> Result<Vec<RecordBatch>, Error> {
    let reader = Reader::new(lake.store(LakeTable::Logfiles), file);
    let plain = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let mut builder = ParquetRecordBatchStreamBuilder::new_with_options(reader, plain).await?;
    if let Some(columns) = columns {
        let mask = ProjectionMask::columns(builder.parquet_schema(), columns.iter().copied());
        builder = builder.with_projection(mask);
    }
    Ok(builder.build()?.try_collect().await?)
}
