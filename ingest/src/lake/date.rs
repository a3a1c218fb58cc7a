//! Partition dates: days since 1970-01-01 in memory, `YYYY-MM-DD` in paths and in the log.

use jiff::{Span, civil::Date};

const EPOCH: Date = Date::constant(1970, 1, 1);

/// The day as the log spells it.
///
/// Days outside the years that a calendar of four digits has become its first or last day.
#[must_use]
pub fn date_text(days: i32) -> String {
    let span = Span::new().try_days(days).ok();
    let date = span.and_then(|span| EPOCH.checked_add(span).ok());
    date.unwrap_or(if days < 0 { Date::MIN } else { Date::MAX }).to_string()
}

/// The day that [`date_text`] wrote; `None` for any other text.
#[must_use]
pub fn parse_date(text: &str) -> Option<i32> {
    let date: Date = text.parse().ok()?;
    EPOCH.until(date).ok().map(|span| span.get_days())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_has_one_spelling() {
        for (days, text) in
            [(0, "1970-01-01"), (-1, "1969-12-31"), (20_423, "2025-12-01"), (11_016, "2000-02-29")]
        {
            assert_eq!(date_text(days), text);
            assert_eq!(parse_date(text), Some(days));
        }
        assert_eq!(parse_date("__HIVE_DEFAULT_PARTITION__"), None);
        assert_eq!(date_text(i32::MAX), "9999-12-31");
    }
}
