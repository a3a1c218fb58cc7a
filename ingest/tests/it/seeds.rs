//! The seeds of the fuzz targets: odd records, records of the sample logs, and a record in each wrapper.
//!
//! `TRAILHOUND_WRITE_SEEDS=1 cargo test --test it seeds` writes them; without it, those that are committed are checked.
//! Gzip may differ from one version of the compressor to the next, so what is inside is compared.

use crate::lossless;
use crate::wrappers::{self, ROWS, read, record, records_of};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use trailhound_ingest::config::Limits;
use trailhound_ingest::gunzip::gunzip;

/// Records of the sample logs that are taken.
const SAMPLES: usize = 24;

/// Seeds by path, `target/name`.
type Seeds = BTreeMap<String, Vec<u8>>;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds")
}

fn log_files(below: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(below).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() { log_files(&entry, found) } else { found.push(entry) }
    }
}

/// The first record of log files all over the sample logs.
fn sample_records() -> Vec<String> {
    let mut files = Vec::new();
    log_files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../sample-logs/AWSLogs"), &mut files);
    files.sort_unstable();
    let first = |file: &PathBuf| {
        let batch = read("x", &std::fs::read(file).unwrap(), &Limits::default());
        batch.records.first().map(|record| batch.text(record).to_owned())
    };
    files.iter().step_by(files.len() / SAMPLES).filter_map(first).collect()
}

/// A name of a wrapper as the name of a file.
fn slug(name: &str) -> String {
    let letters = name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { ' ' });
    letters.collect::<String>().split_whitespace().collect::<Vec<_>>().join("-")
}

fn seeds() -> Seeds {
    let mut seeds = Seeds::new();
    for (n, text) in lossless::records().into_iter().enumerate() {
        seeds.insert(format!("lossless/odd-{n:02}"), text.into_bytes());
    }
    for (n, text) in sample_records().into_iter().enumerate() {
        seeds.insert(format!("lossless/sample-{n:02}"), text.into_bytes());
    }
    let records = [record(1), record(2)];
    for (name, wrap) in ROWS {
        let body = wrap(&records);
        // The first three bytes choose what the target does with the others.
        if body.starts_with(&[0x1f, 0x8b]) {
            seeds.insert(format!("gunzip/{}", slug(name)), [&[1, 0, 16], body.as_slice()].concat());
        }
        seeds.insert(format!("documents/{}", slug(name)), body);
    }
    seeds.insert("gunzip/text".to_owned(), [&[4, 40, 0], records[0].as_bytes()].concat());
    seeds.insert(
        "documents/archive-in-gzip".to_owned(),
        wrappers::gzip(&wrappers::zip(&[(vec![b'['], true)])),
    );
    seeds
}

/// What there is in a seed, whatever the compressor made of it.
fn inside(path: &str, seed: &[u8]) -> Vec<String> {
    match path.split('/').next() {
        Some("documents") => records_of(&read("x", seed, &Limits::default())),
        Some("gunzip") => {
            let mut inflated = Vec::new();
            let came = gunzip(&seed[3..], 1 << 20, &mut inflated);
            vec![format!("{:?} {came:?} {inflated:?}", &seed[..3])]
        }
        _ => vec![String::from_utf8(seed.to_vec()).unwrap()],
    }
}

#[test]
fn seeds_of_the_fuzz_targets_are_committed() {
    let seeds = seeds();
    assert!(seeds.len() > 100, "{} seeds", seeds.len());
    if std::env::var_os("TRAILHOUND_WRITE_SEEDS").is_some() {
        for (path, seed) in &seeds {
            let path = folder().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, seed).unwrap();
        }
    }
    let hint = "run `TRAILHOUND_WRITE_SEEDS=1 cargo test --test it seeds`";
    for (path, seed) in &seeds {
        let committed =
            std::fs::read(folder().join(path)).unwrap_or_else(|_| panic!("{path} is missing: {hint}"));
        assert_eq!(inside(path, &committed), inside(path, seed), "{path}: {hint}");
    }
}
