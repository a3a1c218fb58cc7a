//! Rows that the table has once more → which of them to leave out.
//!
//! A duplicate is what it is for ingest (`dedup`): the same id, and the same content once both records are rebuilt. Two
//! records that share an id and differ are both kept, and so is one without an id. Suspects are found by the hash of
//! their id, in the group and in the files of the day whose time range meets that of the group; only suspects are read
//! whole, and what is kept of them is a SHA-256, since what they hold may be somebody's choice. Of copies in the group
//! the one that came first stays; a copy in a file outside makes all of them go, and binds the exchange to that file.

use super::index::{self, Row};
use super::input::Input;
use super::layout::Layout;
use crate::dedup::time_range;
use crate::error::Error;
use crate::lake::Lake;
use crate::lake::files::LakeFile;
use crate::rebuild::rebuild;
use crate::record;
use crate::schema::Table;
use arrow::array::{Array, AsArray};
use arrow::datatypes::TimestampMicrosecondType;
use futures::TryStreamExt;
use std::collections::HashSet;

/// What is to be left out.
#[derive(Default, Debug)]
pub(super) struct Found {
    /// Numbers of rows.
    pub(super) rows: HashSet<usize>,
    /// Files outside the group that hold rows which are left out.
    pub(super) relied: Vec<String>,
}

/// What two copies have in common.
type Content = [u8; 32];

/// A suspect that was read.
struct Suspect {
    content: Content,
    /// When it was written to the lake, in µs since 1970.
    ingested: i64,
    number: usize,
}

/// Finds the rows that are in the group, or in one of `others`, once more.
pub(super) async fn find(
    lake: &Lake,
    layout: &Layout,
    records: Table,
    inputs: &[Input],
    rows: &[Row],
    others: &[LakeFile],
) -> Result<Found, Error> {
    let ids = rows.iter().enumerate().filter(|(_, row)| row.id != 0).map(|(at, row)| (row.id, at));
    let mut ids = ids.collect::<Vec<_>>();
    ids.sort_unstable();
    let mut suspects = HashSet::new();
    for copies in ids.chunk_by(|a, b| a.0 == b.0).filter(|copies| copies.len() > 1) {
        suspects.extend(copies.iter().map(|(_, number)| *number));
    }
    let mut outside = Vec::new();
    for file in others.iter().filter(|file| meets(file, records, rows)) {
        let input = Input::open(lake, layout, file).await?;
        let hits = hits(&input, &ids, &mut suspects).await?;
        if !hits.is_empty() {
            outside.push((input, hits));
        }
    }
    let mut suspects = read_suspects(records, inputs, rows, suspects).await?;
    let mut found = Found::default();
    for (input, hits) in outside {
        let contents = contents(&input, records, &hits).await?;
        let held = contents.into_iter().map(|(content, _)| content).collect::<HashSet<_>>();
        let before = suspects.len();
        let gone = suspects.extract_if(.., |suspect| held.contains(&suspect.content));
        found.rows.extend(gone.map(|suspect| suspect.number));
        if suspects.len() < before {
            found.relied.push(input.path.clone());
        }
    }
    suspects.sort_unstable_by_key(|suspect| (suspect.content, suspect.ingested, suspect.number));
    for copies in suspects.chunk_by(|a, b| a.content == b.content) {
        found.rows.extend(copies[1..].iter().map(|suspect| suspect.number));
    }
    Ok(found)
}

/// Whether a file may hold an event of the time of one of `rows`.
fn meets(file: &LakeFile, records: Table, rows: &[Row]) -> bool {
    let (first, last) = time_range(file, records);
    // A record without a time is in files of any range.
    rows.iter().any(|row| row.time == i64::MAX || (first..=last).contains(&row.time))
}

/// The rows of a file outside whose id is in the group; those that have it there become suspects.
async fn hits(input: &Input, ids: &[(u64, usize)], suspects: &mut HashSet<usize>) -> Result<Vec<u32>, Error> {
    let mut hits = Vec::new();
    let mut batches = input.columns(&[index::ID])?;
    let mut number = 0;
    while let Some(batch) = batches.try_next().await? {
        for id in index::ids(&batch) {
            let from = ids.partition_point(|&(other, _)| other < id);
            let same = ids[from..].iter().take_while(|&&(other, _)| other == id);
            let mut same = same.map(|(_, number)| *number).peekable();
            if same.peek().is_some() {
                suspects.extend(same);
                hits.push(number);
            }
            number += 1;
        }
    }
    Ok(hits)
}

/// Reads the suspects of the group.
async fn read_suspects(
    records: Table,
    inputs: &[Input],
    rows: &[Row],
    suspects: HashSet<usize>,
) -> Result<Vec<Suspect>, Error> {
    // Handles are in the order of files and rows.
    let mut numbers = suspects.into_iter().collect::<Vec<_>>();
    numbers.sort_unstable();
    let mut read = Vec::with_capacity(numbers.len());
    for of_file in numbers.chunk_by(|a, b| rows[*a].file == rows[*b].file) {
        let wanted = of_file.iter().map(|&number| rows[number].row).collect::<Vec<_>>();
        let contents = contents(&inputs[rows[of_file[0]].file as usize], records, &wanted).await?;
        let suspect = |(&number, (content, ingested))| Suspect { content, ingested, number };
        read.extend(of_file.iter().zip(contents).map(suspect));
    }
    Ok(read)
}

/// What rows of a file hold, and when they were written.
async fn contents(input: &Input, records: Table, rows: &[u32]) -> Result<Vec<(Content, i64)>, Error> {
    let mut contents = Vec::with_capacity(rows.len());
    let mut batches = input.take(rows)?;
    while let Some(batch) = batches.try_next().await? {
        let times = batch.column_by_name("ingesttime");
        let times = times.and_then(|column| column.as_primitive_opt::<TimestampMicrosecondType>());
        for (at, text) in rebuild(&batch, records)?.iter().enumerate() {
            let ingested = times.filter(|times| !times.is_null(at)).map_or(i64::MAX, |times| times.value(at));
            contents.push((record::content(text), ingested));
        }
    }
    Ok(contents)
}
