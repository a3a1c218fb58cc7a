//! Who did how much of what in each hour: the table `activity_hourly`, a small copy of what baselines are made of.
//!
//! In: all new events, batch by batch, in the pass that the rules share. Out: rows to be added; an hour that gets late
//! events has several rows for the same thing, so that readers sum. Fourteen days of it are some megabytes, where the
//! events are gigabytes.

use super::finding::store;
use crate::error::Error;
use datafusion::arrow::array::{Array, AsArray, RecordBatch, StringArray};
use datafusion::arrow::datatypes::TimestampMicrosecondType;
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;
use trailhound_ingest::lake::{Lake, LakeTable, NewFile};
use trailhound_ingest::time;

/// What an hour of activity is told apart by, as the files name it; and what is read besides.
const TEXTS: [&str; 7] = [
    "recipientaccountid",
    "awsregion",
    "actor",
    "useridentity_accesskeyid",
    "sourceipaddress",
    "eventsource",
    "eventname",
];
const TIME: &str = "eventtime";
const ERROR: &str = "errorcode";
const DATA: &str = "additionaleventdata";

/// An hour, in microseconds.
const HOUR: i64 = 3_600_000_000;

/// The columns that it reads.
pub(super) fn columns() -> impl Iterator<Item = &'static str> {
    TEXTS.into_iter().chain([TIME, ERROR, DATA])
}

/// What happened, by hour and by all that tells it apart, as one text.
#[derive(Default)]
pub(super) struct Activity {
    counts: HashMap<String, Counts>,
}

#[derive(Clone, Copy, Default)]
struct Counts {
    calls: i64,
    bytes_out: i64,
}

#[derive(Serialize)]
struct Row<'a> {
    hour: String,
    recipientaccountid: Option<&'a str>,
    awsregion: Option<&'a str>,
    actor: Option<&'a str>,
    accesskeyid: Option<&'a str>,
    network: Option<&'a str>,
    eventsource: Option<&'a str>,
    eventname: Option<&'a str>,
    failed: bool,
    calls: i64,
    bytesout: i64,
    eventsversion: i64,
}

/// Separates the parts of a key; no text of a log has it, since JSON readers of ours refuse control characters raw.
const SEPARATOR: char = '\u{1f}';

impl Activity {
    /// Counts the events of a batch, which has [`columns`].
    pub(super) fn count(&mut self, batch: &RecordBatch) -> Result<(), Error> {
        let missing = |name: &str| Error::Format(format!("events has no column {name} of its type"));
        let text = |name: &str| batch.column_by_name(name).and_then(|column| column.as_string_opt::<i32>());
        let texts = TEXTS.iter().map(|name| text(name).ok_or_else(|| missing(name)));
        let texts = texts.collect::<Result<Vec<_>, _>>()?;
        let [errors, data] = [ERROR, DATA].map(|name| text(name).ok_or_else(|| missing(name)));
        let (errors, data) = (errors?, data?);
        let times = batch.column_by_name(TIME).and_then(|c| c.as_primitive_opt::<TimestampMicrosecondType>());
        let times = times.ok_or_else(|| missing(TIME))?;
        let mut key = String::new();
        for row in 0..batch.num_rows() {
            let time = if times.is_valid(row) { times.value(row) } else { 0 };
            key.clear();
            let _ = write!(key, "{}", time.div_euclid(HOUR));
            key.push(SEPARATOR);
            key.push(if value(errors, row).is_none_or(str::is_empty) { '0' } else { '1' });
            for (name, column) in TEXTS.iter().zip(&texts) {
                key.push(SEPARATOR);
                let text = value(column, row).unwrap_or_default();
                key.push_str(if *name == "sourceipaddress" { network(text) } else { text });
            }
            let bytes = value(data, row).and_then(bytes_out).unwrap_or(0);
            self.add(&key, bytes);
        }
        Ok(())
    }

    fn add(&mut self, key: &str, bytes: i64) {
        if let Some(counts) = self.counts.get_mut(key) {
            counts.calls += 1;
            counts.bytes_out = counts.bytes_out.saturating_add(bytes);
        } else {
            self.counts.insert(key.to_owned(), Counts { calls: 1, bytes_out: bytes });
        }
    }

    /// Writes the rows, a file for each day.
    ///
    /// # Errors
    /// The lake cannot be written.
    pub(super) async fn write(&self, lake: &Lake, upto: i64) -> Result<Vec<NewFile>, Error> {
        let mut days = BTreeMap::<i32, Vec<(&str, Counts)>>::new();
        for (key, counts) in &self.counts {
            let hour = key.split(SEPARATOR).next().and_then(|hour| hour.parse::<i64>().ok()).unwrap_or(0);
            days.entry(time::day_of(hour * HOUR)).or_default().push((key, *counts));
        }
        let mut files = Vec::new();
        for (date, mut of_day) in days {
            of_day.sort_unstable_by_key(|(key, _)| *key);
            let rows = of_day.into_iter().map(|(key, counts)| row(key, counts, upto)).collect::<Vec<_>>();
            files.push(store(lake, LakeTable::Activity, date, &rows).await?);
        }
        Ok(files)
    }
}

fn row(key: &str, counts: Counts, eventsversion: i64) -> Row<'_> {
    let mut parts = key.split(SEPARATOR);
    let hour = parts.next().and_then(|hour| hour.parse::<i64>().ok()).unwrap_or(0);
    let failed = parts.next() == Some("1");
    let mut text = || parts.next().filter(|text| !text.is_empty());
    Row {
        hour: time::format(hour * HOUR),
        recipientaccountid: text(),
        awsregion: text(),
        actor: text(),
        accesskeyid: text(),
        network: text(),
        eventsource: text(),
        eventname: text(),
        failed,
        calls: counts.calls,
        bytesout: counts.bytes_out,
        eventsversion,
    }
}

fn value(column: &StringArray, row: usize) -> Option<&str> {
    column.is_valid(row).then(|| column.value(row))
}

/// The /24 of an IPv4 address, the /48 of an IPv6 address, both without their ends: `198.51.100`, `2001:db8:1`. The name
/// of a service as it is.
fn network(address: &str) -> &str {
    let is_v4 = address.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if is_v4 {
        return address.rsplit_once('.').map_or(address, |(network, _)| network);
    }
    let is_v6 = address.contains(':') && address.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b':');
    let third = address.match_indices(':').nth(2).filter(|_| is_v6);
    third.map_or(address, |(at, _)| &address[..at])
}

/// `bytesTransferredOut` of `additionalEventData`, which S3 writes as a number, with or without a fraction.
fn bytes_out(data: &str) -> Option<i64> {
    const KEY: &str = "\"bytesTransferredOut\":";
    let rest = data[data.find(KEY)? + KEY.len()..].trim_start();
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    rest[..end].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_the_beginning_of_addresses() {
        for (address, expected) in [
            ("198.51.100.7", "198.51.100"),
            ("2001:db8:1:2::3", "2001:db8:1"),
            ("::1", "::1"),
            ("ec2.amazonaws.com", "ec2.amazonaws.com"),
            ("AWS Internal", "AWS Internal"),
            ("", ""),
        ] {
            assert_eq!(network(address), expected);
        }
    }

    #[test]
    fn bytes_are_read_where_they_are() {
        for (data, expected) in [
            (r#"{"bytesTransferredIn":0,"bytesTransferredOut":1234}"#, Some(1234)),
            (r#"{"bytesTransferredOut": 12.0}"#, Some(12)),
            (r#"{"bytesTransferredOut":"x"}"#, None),
            ("{}", None),
        ] {
            assert_eq!(bytes_out(data), expected, "{data}");
        }
    }
}
