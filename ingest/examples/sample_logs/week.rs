//! A week of the company, Monday 16 to Sunday 22 March, after two weeks in which rules get to know it.
//!
//! Tuesday is the day of `sample-logs`, the same event for event. The week is too large to be committed, and is made
//! where it is needed. Each folder is what arrives between two runs of the rules: all that was before, and then half a
//! day each, so that a rule about what other rules have found has something to look at.

use super::incidents::{self, meta};
use super::org::{PEOPLE, Person};
use super::random::Random;
use super::record::{Call, DAY, Event, Second, day, on};
use super::{delivery, habits, routine, the_day};
use serde_json::{Value, json};
use std::io;
use std::path::Path;

const SEED: u64 = 20_260_322;

const BEFORE: std::ops::Range<i64> = 1..16;
const WEEK: std::ops::Range<i64> = 16..23;

/// Of a hundred events so many are kept of the time before: enough to know who does what from where.
const KEPT: u64 = 25;

/// On this day an administrator was told to go.
const THE_LAST_AFTERNOON: i64 = 17;

/// Writes the week below `folder`: a folder for each run of the rules, in order, and `EXPECTED.json`.
pub(crate) fn generate(folder: &Path) -> io::Result<()> {
    let (mut planted, mut events, mut random) = the_day();
    incidents::week(&mut planted, SEED * 100);
    events.append(&mut planted.events);
    for date in BEFORE.chain(WEEK).filter(|&date| date != THE_LAST_AFTERNOON) {
        events.extend(ordinary(date, &mut Random::new(SEED + date.unsigned_abs())));
    }
    events.retain(meta::is_heard);
    events.sort_by_key(|event| (event.at, event.id()));

    let mut delivered = delivery::Delivered::default();
    for run in events.chunk_by(|one, next| run_of(one.at) == run_of(next.at)) {
        let name = run.first().map_or_else(String::new, |event| run_of(event.at));
        delivered += delivery::deliver(run, &folder.join(name), &mut random)?;
    }
    let expected = json!({
        "records": delivered.records,
        "distinct": events.len(),
        "duplicates": delivered.duplicates,
        "stories": planted.stories.iter().map(|story| json!({
            "family": story.family, "title": story.title, "begins": story.begins, "actors": story.actors, "events": story.events, "must_fire": story.must_fire,
        })).collect::<Vec<Value>>(),
        "must_stay_silent": planted.must_stay_silent,
    });
    std::fs::write(folder.join("EXPECTED.json"), format!("{expected:#}\n"))
}

/// The folder of what arrives before the same run of the rules.
fn run_of(at: Second) -> String {
    match day(at) {
        date if BEFORE.contains(&date) => "0301-before".to_owned(),
        date if at.rem_euclid(DAY) < DAY / 2 => format!("03{date:02}-a-morning"),
        date => format!("03{date:02}-b-afternoon"),
    }
}

/// A day on which nothing happens.
fn ordinary(date: i64, random: &mut Random) -> Vec<Event> {
    // The first of March 2026 is a Sunday.
    let weekend = date % 7 <= 1;
    let works = |person: &&Person| !weekend && (person.name != "mara.holt" || date <= THE_LAST_AFTERNOON);
    let people = PEOPLE.iter().filter(works).collect::<Vec<_>>();
    let mut calls = routine::calls(&people, random);
    if BEFORE.contains(&date) {
        calls.retain(|_| random.chance(KEPT));
    }
    calls.extend(habits::of(date, random));
    let days = on(date, 0, 0) / DAY;
    // On the 17th the pipeline may not see everything it asks for; day after day that would be a broken pipeline, which
    // is worth a finding.
    let mended = |call: Call| if call.is_by("terraform") { call.allowed() } else { call };
    routine::record(calls.into_iter().map(|call| mended(call).later(days)).collect(), random)
}
