//! Makes `sample-logs`: one day of an invented organisation, the same in every run; and the week around it.
//!
//! `cargo run --release --example sample_logs -- sample-logs` writes log files in S3's layout and `EXPECTED.json`, what
//! an ingester must count and which rules must find which events. `-- --week FOLDER` does so for a week, with a story for
//! each family of rules. Everything is invented; nothing was captured.

mod random;
mod org;
mod record;
mod routine;
mod incidents;
mod near_misses;
mod rare;
mod habits;
mod delivery;
mod week;

use self::incidents::Planted;
use self::random::Random;
use self::record::Event;
use serde_json::json;
use std::io;
use std::path::{Path, PathBuf};

/// Any number would do; this one is the date of the day.
const SEED: u64 = 20_260_317;

fn main() -> io::Result<()> {
    let mut arguments = std::env::args_os().skip(1);
    match arguments.next() {
        Some(flag) if flag == "--week" => {
            generate_week(&arguments.next().map_or_else(|| "week".into(), PathBuf::from))
        }
        folder => generate(&folder.map_or_else(|| PathBuf::from("sample-logs"), PathBuf::from)),
    }
}

/// Writes the week below `folder`, which has to be new or empty.
pub(crate) fn generate_week(folder: &Path) -> io::Result<()> {
    week::generate(folder)
}

/// Writes the day below `folder`, in the place of what was there.
pub(crate) fn generate(folder: &Path) -> io::Result<()> {
    let (planted, events, mut random) = the_day();
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

/// What was planted on the day, all of its events in order, and the numbers that come next.
fn the_day() -> (Planted, Vec<Event>, Random) {
    let mut random = Random::new(SEED);
    let mut planted = incidents::day(&mut random);
    near_misses::all(&mut planted, &mut random);
    let mut events = routine::day(&mut random);
    events.append(&mut planted.events);
    events.extend(rare::all(&mut random));
    events.sort_by_key(|event| (event.at, event.id()));
    (planted, events, random)
}
