//! Times: µs since 1970-01-01 UTC, and days since then.

use std::time::{SystemTime, UNIX_EPOCH};

const MICROS: i64 = 1_000_000;
const DAY: i64 = 86_400 * MICROS;

/// Bytes of the longest JSON text of a time: `"2026-03-17T09:05:12.123456Z"`.
const MAX_TEXT: usize = 29;

/// Reads the JSON text of a time, quotes included: `"2026-03-17T09:05:12Z"`, with or without a fraction of up to six
/// digits. With it, whether the text is the canonical one, which [`format`] gives back.
#[must_use]
pub fn parse(raw: &str) -> Option<(i64, bool)> {
    let text = raw.strip_prefix('"')?.strip_suffix("Z\"")?;
    let (whole, fraction) = (text.get(..19)?, text.get(19..)?);
    let bytes = whole.as_bytes();
    let separators = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    if separators.iter().any(|&(at, separator)| bytes[at] != separator) {
        return None;
    }
    let number = |from: usize, to: usize| digits(&bytes[from..to]);
    let day = day_of_civil(number(0, 4)?, number(5, 7)?, number(8, 10)?)?;
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let seconds = i64::from(day) * 86_400 + i64::from(hour * 3600 + minute * 60 + second);
    let micros = if fraction.is_empty() { 0 } else { fraction_micros(fraction.strip_prefix('.')?)? };
    Some((seconds * MICROS + micros, fraction.is_empty()))
}

/// Reads times as [`parse`] does, most of which are the one before.
#[derive(Debug, Default)]
pub(crate) struct Times {
    raw: Vec<u8>,
    read: Option<(i64, bool)>,
}

impl Times {
    pub(crate) fn parse(&mut self, raw: &[u8]) -> Option<(i64, bool)> {
        if self.raw != raw {
            self.raw.clear();
            // What is longer is no time, and not worth to be kept.
            self.raw.extend_from_slice(&raw[..raw.len().min(MAX_TEXT + 1)]);
            self.read = std::str::from_utf8(raw).ok().and_then(parse);
        }
        self.read
    }
}

/// `5` → 500,000; finer than a microsecond is refused.
fn fraction_micros(text: &str) -> Option<i64> {
    if text.is_empty() || text.len() > 6 {
        return None;
    }
    let scale = 10_i64.pow(6 - u32::try_from(text.len()).ok()?);
    Some(i64::from(digits(text.as_bytes())?) * scale)
}

fn digits(text: &[u8]) -> Option<u32> {
    text.iter().try_fold(0, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + u32::from(byte - b'0')))
}

/// `20260317T0905Z` or `20260317T090512Z`, as in the names of log files and digests.
#[must_use]
pub fn parse_compact(text: &str) -> Option<i64> {
    let text = text.split('.').next()?.strip_suffix('Z')?.as_bytes();
    if !matches!(text.len(), 13 | 15) || text[8] != b'T' {
        return None;
    }
    let day = day_of_civil(digits(&text[..4])?, digits(&text[4..6])?, digits(&text[6..8])?)?;
    let (hour, minute) = (digits(&text[9..11])?, digits(&text[11..13])?);
    let second = if text.len() == 15 { digits(&text[13..])? } else { 0 };
    Some(i64::from(day) * DAY + i64::from(hour * 3600 + minute * 60 + second) * MICROS)
}

/// The day of a civil date, proleptic Gregorian (Hinnant, "chrono-Compatible Low-Level Date Algorithms"); `None` for a
/// day that does not exist.
#[must_use]
pub fn day_of_civil(year: u32, month: u32, day: u32) -> Option<i32> {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let length = match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        1..=12 => 31,
        _ => return None,
    };
    if day == 0 || day > length || year > 9999 {
        return None;
    }
    let (year, month, day) =
        (i32::try_from(year).ok()?, i32::try_from(month).ok()?, i32::try_from(day).ok()?);
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

/// Year, month and day of a day.
fn civil_of_day(day: i32) -> (i32, i32, i32) {
    let day = day + 719_468;
    let era = day.div_euclid(146_097);
    let of_era = day.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year + era * 400 + i32::from(month <= 2), month, of_year - (153 * shifted + 2) / 5 + 1)
}

/// `2026-03-17T09:05:12Z`; what is finer than a second is left out.
#[must_use]
pub fn format(micros: i64) -> String {
    let seconds = micros.rem_euclid(DAY) / MICROS;
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{}T{hour:02}:{minute:02}:{second:02}Z", format_date(day_of(micros)))
}

/// `2026-03-17`.
#[must_use]
pub fn format_date(day: i32) -> String {
    let (year, month, day) = civil_of_day(day);
    format!("{year:04}-{month:02}-{day:02}")
}

/// The day of a time.
#[must_use]
pub fn day_of(micros: i64) -> i32 {
    i32::try_from(micros.div_euclid(DAY)).unwrap_or(i32::MAX)
}

/// The clock of the machine. Only the ends of the pipeline ask for it.
#[must_use]
pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn canonical_and_other_texts() {
        let nine = 20_529 * DAY + 9 * 3600 * MICROS;
        assert_eq!(parse("\"2026-03-17T09:00:00Z\""), Some((nine, true)));
        assert_eq!(parse("\"2026-03-17T09:00:00.5Z\""), Some((nine + 500_000, false)));
        assert_eq!(parse("\"2026-03-17T09:00:00.000001Z\""), Some((nine + 1, false)));
        for bad in [
            "\"2026-03-17T09:00:00+00:00\"",
            "\"2026-02-30T00:00:00Z\"",
            "\"2026-03-17T23:59:60Z\"",
            "null",
            "\"2026-03-17T09:00:00.Z\"",
            "\"2026-03-17T09:00:00.1234567Z\"",
            "\"é026-03-17T09:00:00Z\"",
            "\"\"",
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_times_in_names_of_files() {
        assert_eq!(parse_compact("20260317T0905Z"), Some(20_529 * DAY + (9 * 3600 + 300) * MICROS));
        assert_eq!(parse_compact("20260317T090512Z.json.gz"), Some(20_529 * DAY + (9 * 3600 + 312) * MICROS));
        assert_eq!(parse_compact("20260317"), None);
    }

    proptest! {
        #[test]
        fn a_formatted_time_is_read_back(second in -62_000_000_000_i64..253_000_000_000) {
            let text = format(second * MICROS);
            prop_assert_eq!(parse(&format!("\"{text}\"")), Some((second * MICROS, true)));
        }
    }

    /// Whatever came before, a time is read as if it came alone.
    #[test]
    fn what_is_remembered_is_right() {
        let long = format!("\"2026-03-17T09:05:12Z{}", "x".repeat(100));
        let raw =
            ["\"2026-03-17T09:05:12Z\"", "\"2026-03-17T09:05:12.5Z\"", "null", "", &long, &long[..=MAX_TEXT]];
        let mut times = Times::default();
        for first in raw {
            for second in raw {
                assert_eq!(times.parse(first.as_bytes()), parse(first), "{first}");
                assert_eq!(times.parse(second.as_bytes()), parse(second), "{second} after {first}");
            }
        }
        assert_eq!(times.parse(b"\xff"), None);
    }
}
