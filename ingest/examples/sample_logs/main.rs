//! Makes `sample-logs`: one day of an invented organisation, the same in every run.
//!
//! `cargo run --release --example sample_logs -- sample-logs` writes log files in S3's layout and `EXPECTED.json`, what
//! an ingester must count and which rules must find which events. Everything is invented; nothing was captured.

mod random;
mod org;
mod record;
mod routine;
mod incidents;
mod near_misses;
mod rare;
mod delivery;

use self::random::Random;
use serde_json::json;
use std::io;
use std::path::{Path, PathBuf};

/// Any number would do; this one is the date of the day.
const SEED: u64 = 20_260_317;

fn main() -> io::Result<()> {
    generate(&std::env::args_os().nth(1).map_or_else(|| PathBuf::from("sample-logs"), PathBuf::from))
}

/// Writes the day below `folder`, in the place of what was there.
pub(crate) fn generate(folder: &Path) -> io::Result<()> {
    let mut random = Random::new(SEED);
    let mut planted = incidents::day(&mut random);
    near_misses::all(&mut planted, &mut random);
    let mut events = routine::day(&mut random);
    events.append(&mut planted.events);
    events.extend(rare::all(&mut random));
    events.sort_by_key(|event| (event.at, event.id()));
    match std::fs::remove_dir_all(folder.join("AWSLogs")) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    std::fs::create_dir_all(folder)?;
    let delivered = delivery::deliver(&events, folder, &mut random)?;
    let expected = json!({
        "objects": delivered.objects,
        "digests": delivered.digests,
        "records": delivered.records,
        "distinct": events.len(),
        "duplicates": delivered.duplicates,
        "must_fire": planted.must_fire(),
        "must_stay_silent": planted.must_stay_silent,
    });
    std::fs::write(folder.join("EXPECTED.json"), format!("{expected:#}\n"))
}
