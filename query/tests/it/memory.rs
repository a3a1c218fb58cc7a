//! Memory is bounded by the settings, whatever the input: peaks of the real process at its defaults.

use crate::dice::Dice;
use crate::logs::record;
use crate::product::{text, trailhound};
use flate2::{Compression, write::GzEncoder};
use serde_json::Value;
use std::fs;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

/// Bytes that a run may hold at the default settings.
const MOST: u64 = 512 << 20;

/// The most memory that the process ever had, as far as it was looked at.
fn peak(process: &mut Child) -> u64 {
    let status = format!("/proc/{}/status", process.id());
    let mut peak = 0;
    while process.try_wait().unwrap().is_none() {
        let status = fs::read_to_string(&status).unwrap_or_default();
        let kib = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.strip_suffix("kB"));
        peak = peak.max(kib.map_or(0, |kib| kib.trim().parse::<u64>().unwrap() << 10));
        std::thread::sleep(Duration::from_millis(5));
    }
    peak
}

/// Ingests what `fill` writes into a folder; checks the peak and how many records were written and quarantined.
fn check(what: &str, (written, quarantined): (u64, u64), fill: impl FnOnce(&Path)) {
    if !Path::new("/proc/self/status").exists() {
        eprintln!("SKIPPED: {what} (needs /proc to see the memory of a process)");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let logs = dir.path().join("logs");
    fs::create_dir(&logs).unwrap();
    fill(&logs);
    let mut ingest = trailhound(["ingest", "--report", "json", "--lake"]);
    ingest.arg(dir.path().join("lake")).arg(logs);
    let mut ingest = ingest.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let peak = peak(&mut ingest);
    let output = ingest.wait_with_output().unwrap();
    let report = serde_json::from_slice::<Value>(&output.stdout);
    let report = report.unwrap_or_else(|error| panic!("{what}: {error}: {}", text(&output.stderr)));
    let count = |name: &str| report[name].as_u64().unwrap();
    assert_eq!((count("written"), count("quarantined")), (written, quarantined), "{what}: {report}");
    eprintln!("{what}: {} MB", peak >> 20);
    assert!(peak > 0 && peak < MOST, "{what}: {peak} bytes");
}

/// One gzipped document `{"Records":[…]}` whose records `write` writes.
fn document(folder: &Path, write: impl FnOnce(&mut dyn Write)) {
    let file = fs::File::create(folder.join("log.json.gz")).unwrap();
    let mut gzip = BufWriter::with_capacity(1 << 20, GzEncoder::new(file, Compression::fast()));
    gzip.write_all(b"{\"Records\":[").unwrap();
    write(&mut gzip);
    gzip.write_all(b"]}").unwrap();
    gzip.into_inner().unwrap().finish().unwrap();
}

fn comma(first: bool) -> &'static str {
    if first { "" } else { "," }
}

#[test]
fn one_line_of_200_megabytes() {
    // About 640 bytes each.
    let records = 200_000_000 / record(1_000_000).len() as u64;
    check("200 MB in one line", (records, 0), |folder| {
        document(folder, |out| {
            (0..records).for_each(|n| write!(out, "{}{}", comma(n == 0), record(n)).unwrap());
        });
    });
}

#[test]
fn a_million_tiny_records() {
    check("a million tiny records", (1_000_000, 0), |folder| {
        document(folder, |out| {
            for n in 0..1_000_000 {
                let head =
                    r#"{"eventVersion":"1","eventTime":"2026-03-01T00:00:00Z","eventName":"x","eventID":""#;
                write!(out, "{}{head}{n}\"}}", comma(n == 0)).unwrap();
            }
        });
    });
}

#[test]
fn records_of_very_many_members() {
    // 3 MB each, and nothing that a column knows; as long as all files of a batch together.
    check("records of 300,000 members", (60, 0), |folder| {
        document(folder, |out| {
            for n in 0..60 {
                write!(
                    out,
                    r#"{}{{"eventTime":"2026-03-01T00:00:00Z","eventName":"x","eventID":"{n}""#,
                    comma(n == 0)
                )
                .unwrap();
                (0..300_000).for_each(|member| write!(out, ",\"{member:x}\":1").unwrap());
                write!(out, "}}").unwrap();
            }
        });
    });
    check("an object of 12 million members", (0, 1), |folder| {
        document(folder, |out| {
            write!(out, r#"{{"eventTime":"2026-03-01T00:00:00Z","eventName":"x""#).unwrap();
            (0..12_000_000).for_each(|member| write!(out, ",\"{member:x}\":1").unwrap());
            write!(out, "}}").unwrap();
        });
    });
}

/// Large objects wait for each other, and the next one is not fetched before the one before is in the lake.
#[test]
fn large_objects_of_random_text() {
    const FILES: u64 = 3;
    const RECORDS: u64 = 75_000;
    let mut dice = Dice::new("large objects of random text", 1);
    check("3 files of 170 MB of random text", (FILES * RECORDS, 0), |folder| {
        for file in 0..FILES {
            let folder = folder.join(file.to_string());
            fs::create_dir(&folder).unwrap();
            document(&folder, |out| {
                for n in 0..RECORDS {
                    let head = format!(
                        r#"{}{{"eventTime":"2026-03-01T00:00:00Z","eventName":"x","eventID":"{file}-{n}""#,
                        comma(n == 0)
                    );
                    write!(out, r#"{head},"requestParameters":{{"key":""#).unwrap();
                    (0..130).for_each(|_| write!(out, "{:016x}", dice.number()).unwrap());
                    write!(out, "\"}}}}").unwrap();
                }
            });
        }
    });
}
