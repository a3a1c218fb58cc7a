//! `logfiles` → the hours for which no log object was read, by account and region.
//!
//! An hour is that of delivery, from the name of the object. An account and region is looked at from its first hour to
//! the last hour of any, so that a trail which has fallen silent shows up. CloudTrail delivers nothing where nothing
//! happened: a gap is a question, not yet a loss.

use crate::error::Error;
use crate::find::key;
use crate::lake::files::LakeTable;
use crate::lake::{Lake, Reader};
use arrow::array::AsArray;
use futures::TryStreamExt;
use parquet::arrow::{ParquetRecordBatchStreamBuilder, ProjectionMask};
use serde::Serialize;
use std::collections::BTreeMap;

const HOUR: i64 = 3_600_000_000;

/// Hours without a log object, one after the other.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Gap {
    /// The account.
    pub account: String,
    /// The region.
    pub region: String,
    /// Begin of the first hour, in µs since 1970.
    pub from: i64,
    /// End of the last hour.
    pub until: i64,
    /// How many there are.
    pub hours: i64,
}

/// Which hours have log objects.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Coverage {
    /// By account and region: days since 1970-01-01, with a bit for each hour.
    places: BTreeMap<(String, String), BTreeMap<i64, u32>>,
    /// Log objects whose key names account, region and time.
    pub objects: u64,
    /// Log objects whose key does not.
    pub unplaced: u64,
}

impl Coverage {
    /// Reads what `logfiles` knows.
    ///
    /// # Errors
    /// A file of `logfiles` cannot be read.
    pub async fn read(lake: &Lake) -> Result<Self, Error> {
        let mut coverage = Self::default();
        for file in lake.snapshot(LakeTable::Logfiles, None).await?.files {
            let reader = Reader::new(lake.store(LakeTable::Logfiles), &file);
            let builder = ParquetRecordBatchStreamBuilder::new(reader).await?;
            let column = ProjectionMask::columns(builder.parquet_schema(), ["sourcefile"]);
            let mut batches = builder.with_projection(column).build()?;
            while let Some(batch) = batches.try_next().await? {
                let keys = batch.column_by_name("sourcefile").and_then(|keys| keys.as_string_opt::<i32>());
                keys.into_iter().flatten().flatten().for_each(|key| coverage.add(key));
            }
        }
        Ok(coverage)
    }

    fn add(&mut self, key: &str) {
        let Some((account, region, hour)) = place(key) else {
            self.unplaced += 1;
            return;
        };
        self.objects += 1;
        let days = self.places.entry((account.to_owned(), region.to_owned())).or_default();
        *days.entry(hour.div_euclid(24)).or_default() |= 1 << hour.rem_euclid(24);
    }

    /// How many pairs of account and region there are.
    #[must_use]
    pub fn places(&self) -> usize {
        self.places.len()
    }

    /// First and last hour of any, in µs since 1970.
    #[must_use]
    pub fn span(&self) -> Option<(i64, i64)> {
        let spans = self.places.values().filter_map(span);
        let (first, last): (Vec<_>, Vec<_>) = spans.unzip();
        Some((first.into_iter().min()? * HOUR, last.into_iter().max()? * HOUR))
    }

    /// Hours with a log object, and hours that were looked at.
    #[must_use]
    pub fn hours(&self) -> (u64, u64) {
        let with =
            self.places.values().flat_map(BTreeMap::values).map(|day| u64::from(day.count_ones())).sum();
        let without = self.gaps().iter().map(|gap| gap.hours.unsigned_abs()).sum::<u64>();
        (with, with + without)
    }

    /// The gaps, by account, region and time.
    #[must_use]
    pub fn gaps(&self) -> Vec<Gap> {
        let Some((_, last)) = self.span() else { return vec![] };
        let end = last / HOUR + 1;
        let mut gaps = Vec::new();
        for ((account, region), days) in &self.places {
            let mut next = None;
            let hours = days.iter().flat_map(|(day, bits)| {
                (0..24).filter(move |hour| bits & (1 << hour) != 0).map(move |hour| day * 24 + hour)
            });
            for hour in hours.chain([end]) {
                if let Some(from) = next.filter(|&next| next < hour) {
                    let (account, region) = (account.clone(), region.clone());
                    let hours = hour - from;
                    gaps.push(Gap { account, region, from: from * HOUR, until: hour * HOUR, hours });
                }
                next = Some(hour + 1);
            }
        }
        gaps
    }
}

/// First and last hour of some days.
fn span(days: &BTreeMap<i64, u32>) -> Option<(i64, i64)> {
    let (first, bits) = days.first_key_value()?;
    let (last, ends) = days.last_key_value()?;
    Some((first * 24 + i64::from(bits.trailing_zeros()), last * 24 + i64::from(ends.ilog2())))
}

/// Account, region and hour of delivery of a log file of a trail.
fn place(key: &str) -> Option<(&str, &str, i64)> {
    let parsed = key::parse(key);
    let parts = parsed.canonical.split('/').collect::<Vec<_>>();
    let at = parts.iter().position(|part| *part == "CloudTrail")?;
    let (account, region) = (*parts.get(at.checked_sub(1)?)?, *parts.get(at + 1)?);
    let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    let is_region = region.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    (is_account && is_region && !region.is_empty()).then_some(())?;
    Some((account, region, parsed.time?.div_euclid(HOUR)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time;

    fn key(account: &str, region: &str, time: &str) -> String {
        format!(
            "logs/AWSLogs/o-abc/{account}/CloudTrail/{region}/2026/03/17/{account}_CloudTrail_{region}_{time}_x.json.gz"
        )
    }

    const ONE: (&str, &str) = ("111122223333", "eu-west-1");
    const OTHER: (&str, &str) = ("111122223333", "us-east-1");

    fn coverage(objects: &[((&str, &str), &str)]) -> Coverage {
        let mut coverage = Coverage::default();
        for &((account, region), time) in objects {
            coverage.add(&key(account, region, time));
        }
        coverage
    }

    /// Gaps as `region from until hours`.
    fn check(coverage: &Coverage, expected: &[&str]) {
        let gaps = coverage.gaps().into_iter().map(|gap| {
            let (from, until) = (time::format(gap.from), time::format(gap.until));
            format!("{} {} {} {}", gap.region, &from[5..16], &until[5..16], gap.hours)
        });
        assert_eq!(gaps.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn hours_without_an_object_are_ranges() {
        let times =
            ["20260317T0805Z", "20260317T0855Z", "20260317T0900Z", "20260317T2359Z", "20260318T0205Z"];
        let full = coverage(&times.map(|time| (ONE, time)));
        check(&full, &["eu-west-1 03-17T10:00 03-17T23:00 13", "eu-west-1 03-18T00:00 03-18T02:00 2"]);
        assert_eq!(full.hours(), (4, 19));
    }

    #[test]
    fn a_trail_that_fell_silent_shows_up() {
        let silent =
            coverage(&[(ONE, "20260317T0805Z"), (OTHER, "20260317T0905Z"), (OTHER, "20260317T1005Z")]);
        check(&silent, &["eu-west-1 03-17T09:00 03-17T11:00 2"]);
        assert_eq!(silent.places(), 2);
        let (first, last) = silent.span().unwrap();
        assert_eq!(
            (time::format(first), time::format(last)),
            ("2026-03-17T08:00:00Z".into(), "2026-03-17T10:00:00Z".into())
        );
    }

    #[test]
    fn other_keys_are_counted() {
        let mut none = Coverage::default();
        for key in [
            "events.json",
            "AWSLogs/1/CloudTrail/eu-west-1/2026/03/17/1_CloudTrail_eu-west-1_20260317T0805Z_x.json.gz",
            "CloudTrail/x",
            "",
        ] {
            none.add(key);
        }
        assert_eq!((none.unplaced, none.objects, none.span()), (4, 0, None));
        check(&none, &[]);
    }
}
