//! What people type → a point in time. A text that is no time is an error for the caller to tell, never an empty range.

use crate::rules::duration::Seconds;
use trailhound_ingest::time;

/// `now`, a time that lies so far back (`7d`), a date, or a date and a time of day in UTC, to the minute or second
/// (`2026-03-17T09:00Z`); in microseconds since 1970.
pub(crate) fn moment(text: &str) -> Option<i64> {
    match Seconds::parse(text) {
        Some(span) => Some(time::now() - span.micros()),
        None if text == "now" => Some(time::now()),
        None => written_out(text),
    }
}

fn written_out(text: &str) -> Option<i64> {
    let (date, clock) = text.split_once('T').unwrap_or((text, "00:00:00Z"));
    let clock = clock.strip_suffix('Z')?;
    let seconds = if clock.len() == 5 { ":00" } else { "" };
    time::parse(&format!("\"{date}T{clock}{seconds}Z\"")).map(|(micros, _)| micros)
}
