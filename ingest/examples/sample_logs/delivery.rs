//! Records → log files, as CloudTrail delivers them: gzip, some minutes late, some records twice, beside digests.

use super::org::ORGANISATION;
use super::random::Random;
use super::record::{Event, Second, day, time};
use flate2::{Compression, GzBuilder};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Files are closed this often; CloudTrail itself does about every five minutes.
const EVERY: Second = 1800;

/// Of a hundred records, so many are delivered again in a later file.
const AGAIN: u64 = 2;

/// What was delivered.
#[derive(Default)]
pub(crate) struct Delivered {
    pub(crate) objects: u64,
    pub(crate) digests: u64,
    pub(crate) records: u64,
    pub(crate) duplicates: u64,
}

impl std::ops::AddAssign for Delivered {
    fn add_assign(&mut self, more: Self) {
        self.objects += more.objects;
        self.digests += more.digests;
        self.records += more.records;
        self.duplicates += more.duplicates;
    }
}

/// A log file: account, folder, region, and when it was closed.
type File = (String, &'static str, String, Second);

/// Writes all files below `folder`.
pub(crate) fn deliver(events: &[Event], folder: &Path, random: &mut Random) -> io::Result<Delivered> {
    let mut delivered = Delivered::default();
    let mut files = BTreeMap::<File, Vec<&Value>>::new();
    for event in events {
        let closed = (event.at.div_euclid(EVERY) + 1) * EVERY;
        let file = |closed| (event.account.clone(), event.folder, event.region.clone(), closed);
        files.entry(file(closed)).or_default().push(&event.record);
        delivered.records += 1;
        if event.folder == "CloudTrail" && random.chance(AGAIN) {
            files.entry(file(closed + EVERY)).or_default().push(&event.record);
            delivered.records += 1;
            delivered.duplicates += 1;
        }
    }
    for ((account, kind, region, closed), records) in &files {
        let name =
            format!("{account}_{kind}_{region}_{}_{}.json.gz", stamp(closed + 240), random.letters(16));
        store(&place(folder, account, kind, region, closed + 240), &name, &json!({ "Records": records }))?;
        delivered.objects += 1;
    }
    for (account, region) in digested(&files) {
        let name =
            format!("{account}_CloudTrail-Digest_{region}_org-trail_{region}_20260317T120000Z.json.gz");
        let digest = json!({
            "awsAccountId": account, "digestStartTime": "2026-03-17T11:00:00Z", "digestEndTime": time(12 * 3600),
            "digestS3Bucket": "example-trail", "digestSignatureAlgorithm": "SHA256withRSA", "logFiles": [], "previousDigestSignature": null,
        });
        store(&place(folder, &account, "CloudTrail-Digest", &region, 0), &name, &digest)?;
        delivered.digests += 1;
    }
    Ok(delivered)
}

/// `20260317T1434Z`; what is closed after midnight bears the next day's date.
fn stamp(at: Second) -> String {
    time(at).replace(['-', ':'], "").replace("00Z", "Z")
}

fn digested(files: &BTreeMap<File, Vec<&Value>>) -> Vec<(String, String)> {
    let mut places =
        files.keys().map(|(account, _, region, _)| (account.clone(), region.clone())).collect::<Vec<_>>();
    places.sort();
    places.dedup();
    places.truncate(8);
    places
}

/// The folder of a log file that is closed at `at`.
fn place(root: &Path, account: &str, kind: &str, region: &str, at: Second) -> PathBuf {
    let root = root.join("AWSLogs").join(ORGANISATION).join(account);
    root.join(kind).join(region).join("2026/03").join(format!("{:02}", day(at)))
}

fn store(folder: &Path, name: &str, document: &Value) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    // Without a time stamp, so that the same records give the same bytes.
    let mut gzip = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
    gzip.write_all(document.to_string().as_bytes())?;
    std::fs::write(folder.join(name), gzip.finish()?)
}
