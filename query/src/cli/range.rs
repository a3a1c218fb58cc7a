//! `--since` and `--until`: what people type → days. A text that is no time is an error, never an empty range.

use clap::Args;
use trailhound_ingest::find::Days;
use trailhound_ingest::time;

/// The days of delivery to read.
#[derive(Debug, Default, Args)]
pub(crate) struct Range {
    /// Only log files delivered from then on: `7d`, `2026-03-17` or `2026-03-17T09:00Z`; whole days are read.
    #[arg(long, value_name = "TIME", value_parser = day)]
    since: Option<i32>,
    /// Only log files delivered up to then; the day itself is read.
    #[arg(long, value_name = "TIME", value_parser = day)]
    until: Option<i32>,
}

impl Range {
    /// What was delivered from a day on, in days since 1970-01-01.
    pub(crate) fn from(day: i32) -> Self {
        Self { since: Some(day), until: None }
    }

    /// Whether there is any bound.
    pub(crate) fn is_given(&self) -> bool {
        self.since.is_some() || self.until.is_some()
    }

    /// The days.
    ///
    /// # Errors
    /// The range ends before it begins.
    pub(crate) fn days(&self) -> anyhow::Result<Days> {
        if let (Some(since), Some(until)) = (self.since, self.until)
            && since > until
        {
            let (since, until) = (time::format_date(since), time::format_date(until));
            anyhow::bail!("--since {since} is after --until {until}, so there is nothing between them");
        }
        Ok(Days { first: self.since, last: self.until })
    }
}

/// The day, since 1970-01-01, of a time that is written out or lies so far back.
fn day(text: &str) -> Result<i32, String> {
    moment(text).map(time::day_of)
}

/// The same in microseconds since 1970.
pub(crate) fn moment(text: &str) -> Result<i64, String> {
    let micros = crate::moment::moment(text);
    micros.ok_or_else(|| "a time is needed, such as 7d, 2026-03-17 or 2026-03-17T09:00Z".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_days() {
        for text in ["2026-03-17", "2026-03-17T09:00Z", "2026-03-17T23:59:59Z"] {
            assert_eq!(day(text), Ok(20_529), "{text}");
        }
        assert_eq!(day("0d"), Ok(time::day_of(time::now())));
        for text in ["", "yesterday", "2026-13-01", "2026-02-30", "2026-03-17T09:00", "7", "17.03.2026"] {
            assert!(day(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_range_has_a_direction() {
        assert!(Range { since: Some(2), until: Some(1) }.days().is_err());
        assert!(Range { since: Some(1), until: Some(1) }.days().is_ok());
    }
}
