//! Places between the steps of a run, at which a test can stop the process, in order to kill it there.
//!
//! `TRAILHOUND_TEST_STOP=findings-written` lets a run go as far as that place, say so on stderr, and then do nothing
//! more; `findings-written:3` means the third time that it gets there. The binary that ships reads it, so that what is
//! killed is what ships. It has no other use: a run that stands still is one that a scheduler ends.
//! `TRAILHOUND_TEST_TURN=2000` is how long a run's turn to send lasts, in milliseconds, so that a test need not wait for
//! the turn of a run that it killed.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// The variable that names a place.
const VARIABLE: &str = "TRAILHOUND_TEST_STOP";

/// Where this process stops.
static STOP: OnceLock<Option<Stop>> = OnceLock::new();

struct Stop {
    place: String,
    time: u32,
    passed: AtomicU32,
}

/// How long a turn to send lasts, in microseconds, if a test says so.
pub(super) fn turn() -> Option<i64> {
    static TURN: OnceLock<Option<i64>> = OnceLock::new();
    *TURN.get_or_init(|| {
        Some(std::env::var("TRAILHOUND_TEST_TURN").ok()?.parse::<u32>().ok()?.into()).map(|ms: i64| ms * 1000)
    })
}

/// Passes `place`, or stays there for good.
pub(super) fn reach(place: &str) {
    let stop = STOP.get_or_init(|| Stop::parse(&std::env::var(VARIABLE).ok()?));
    if stop.as_ref().is_some_and(|stop| stop.is_now(place)) {
        tracing::error!("stopped at {place}, as {VARIABLE} says");
        loop {
            std::thread::park();
        }
    }
}

impl Stop {
    fn parse(text: &str) -> Option<Self> {
        let (place, time) = text.split_once(':').unwrap_or((text, "1"));
        let (place, time) = (place.to_owned(), time.parse().ok()?);
        Some(Self { place, time, passed: AtomicU32::new(0) })
    }

    fn is_now(&self, place: &str) -> bool {
        place == self.place && self.passed.fetch_add(1, Ordering::Relaxed) + 1 == self.time
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_passed_until_its_time_has_come() {
        let stop = Stop::parse("b:2").unwrap();
        let stops = ["a", "b", "a", "b", "b"].map(|place| stop.is_now(place));
        assert_eq!(stops, [false, false, false, true, false]);
        assert!(Stop::parse("b").unwrap().is_now("b"));
        assert!(Stop::parse("b:x").is_none());
    }
}
