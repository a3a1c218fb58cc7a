//! Sums and differences of times, times in texts, and texts of times.
//!
//! Times are counted in microseconds of UTC. A time of another kind, a date, or a text that AWS or SQL would write is
//! read as one; what is none is NULL.

use super::TIMES;
use super::json::integers;
use crate::functions::arguments::{Argument, Texts};
use crate::functions::scalar::{Definition, function, time_function, typed_function};
use datafusion::arrow::array::timezone::Tz;
use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, Int64Array, StringArray, TimestampMicrosecondArray,
};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, IntervalMonthDayNano, TimeUnit, TimestampMicrosecondType};
use datafusion::common::{Result, exec_err};
use datafusion::logical_expr::ScalarUDF;
use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::fmt::strtime::BrokenDownTime;
use jiff::tz::Offset;
use std::sync::Arc;

/// A unit of time.
#[derive(Clone, Copy)]
enum Unit {
    /// So many microseconds.
    Micros(i64),
    /// So many months.
    Months(i64),
}

/// # Errors
/// There is no such unit.
fn unit(name: &str) -> Result<Unit> {
    const SECOND: i64 = 1_000_000;
    let name = name.to_lowercase();
    Ok(match name.strip_suffix('s').unwrap_or(&name) {
        "millisecond" => Unit::Micros(1_000),
        "second" => Unit::Micros(SECOND),
        "minute" => Unit::Micros(60 * SECOND),
        "hour" => Unit::Micros(3_600 * SECOND),
        "day" => Unit::Micros(86_400 * SECOND),
        "week" => Unit::Micros(7 * 86_400 * SECOND),
        "month" => Unit::Months(1),
        "quarter" => Unit::Months(3),
        "year" => Unit::Months(12),
        _ => {
            return exec_err!(
                "'{name}' is no unit of time: use millisecond, second, minute, hour, day, week, month, quarter or year"
            );
        }
    })
}

fn utc() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// An argument as times.
fn times(argument: &Argument, rows: usize) -> Result<TimestampMicrosecondArray> {
    Ok(cast(&argument.column(rows)?, &utc())?.as_primitive::<TimestampMicrosecondType>().clone())
}

/// The kind of what is made of a time: a time or a date of the same kind, and of a text a time.
fn kind_of(time: &DataType) -> DataType {
    match time {
        DataType::Timestamp(..) | DataType::Date32 => time.clone(),
        _ => utc(),
    }
}

pub(super) fn date_add() -> Arc<ScalarUDF> {
    let definition = Definition {
        chapter: TIMES,
        call: "date_add(unit, number, time)",
        doc: "The time with so many units added; units are those of `date_diff`.",
        example: "date_add('month', -1, '2026-03-31T12:00:00Z')",
        returns: utc(),
        body: |arguments, rows| {
            let units = Texts::new(&arguments[0])?;
            let (numbers, times) = (integers(&arguments[1], rows)?, times(&arguments[2], rows)?);
            let utc: Tz = "+00:00".parse()?;
            let mut out = TimestampMicrosecondArray::builder(rows);
            for row in 0..rows {
                let (Some(name), true, true) = (units.get(row), numbers.is_valid(row), times.is_valid(row))
                else {
                    out.append_null();
                    continue;
                };
                out.append_option(added(times.value(row), numbers.value(row), unit(name)?, utc));
            }
            Ok(cast(&out.finish().with_timezone("UTC"), &kind_of(arguments[2].data_type()))?)
        },
    };
    typed_function(definition, |types| types.get(2).map_or_else(utc, kind_of))
}

/// `None` if that is beyond all time.
fn added(time: i64, number: i64, unit: Unit, utc: Tz) -> Option<i64> {
    match unit {
        Unit::Micros(one) => time.checked_add(number.checked_mul(one)?),
        Unit::Months(one) => {
            let months = i32::try_from(number.checked_mul(one)?).ok()?;
            let delta = IntervalMonthDayNano::new(months, 0, 0);
            TimestampMicrosecondType::add_month_day_nano(time, delta, utc)
        }
    }
}

pub(super) fn date_diff() -> Arc<ScalarUDF> {
    function(Definition {
        chapter: TIMES,
        call: "date_diff(unit, from, to)",
        doc: "How many whole units lie between two times: `millisecond`, `second`, `minute`, `hour`, `day`, `week`, \
              `month`, `quarter` or `year`.",
        example: "date_diff('hour', '2026-03-17T08:00:00Z', '2026-03-17T10:59:59Z')",
        returns: DataType::Int64,
        body: |arguments, rows| {
            let units = Texts::new(&arguments[0])?;
            let (from, to) = (times(&arguments[1], rows)?, times(&arguments[2], rows)?);
            let mut out = Int64Array::builder(rows);
            for row in 0..rows {
                let (Some(name), true, true) = (units.get(row), from.is_valid(row), to.is_valid(row)) else {
                    out.append_null();
                    continue;
                };
                out.append_option(between(from.value(row), to.value(row), unit(name)?));
            }
            Ok(Arc::new(out.finish()))
        },
    })
}

fn between(from: i64, to: i64, unit: Unit) -> Option<i64> {
    match unit {
        Unit::Micros(one) => Some(to.checked_sub(from)? / one),
        Unit::Months(one) if to < from => between(to, from, Unit::Months(one)).map(|months| -months),
        Unit::Months(one) => {
            let (from, to) = (civil(from)?, civil(to)?);
            let month = |time: DateTime| i64::from(time.year()) * 12 + i64::from(time.month());
            // 31 January and a month is 28 February.
            let day = if to.day() == to.days_in_month() { from.day().min(to.day()) } else { from.day() };
            let is_over = (to.day(), to.time()) >= (day, from.time());
            Some((month(to) - month(from) - i64::from(!is_over)) / one)
        }
    }
}

fn civil(micros: i64) -> Option<DateTime> {
    Some(Offset::UTC.to_datetime(Timestamp::from_microsecond(micros).ok()?))
}

pub(super) fn parse_time() -> Arc<ScalarUDF> {
    time_function(Definition {
        chapter: TIMES,
        call: "parse_time(text, pattern)",
        doc: "The time that a text says by a pattern of `strftime`; what is a time already stays. `date_parse` and \
              `parse_datetime`, with their own patterns, mean it.",
        example: "parse_time('17/Mar/2026 08:00', '%d/%b/%Y %H:%M')",
        returns: utc(),
        body: |arguments, rows| {
            if matches!(arguments[0].data_type(), DataType::Timestamp(..) | DataType::Date32) {
                return arguments[0].column(rows);
            }
            let (texts, patterns) = (Texts::new(&arguments[0])?, Texts::new(&arguments[1])?);
            let parse = |row: usize| parsed(texts.get(row)?, patterns.get(row)?);
            let times = (0..rows).map(parse).collect::<TimestampMicrosecondArray>();
            Ok(Arc::new(times.with_timezone("UTC")) as ArrayRef)
        },
    })
}

/// Parts that a pattern does not name are those of 1970-01-01T00:00:00Z.
fn parsed(text: &str, pattern: &str) -> Option<i64> {
    let parts = BrokenDownTime::parse(pattern, text).ok()?;
    let date = parts.to_date().or_else(|_| {
        Date::new(parts.year().unwrap_or(1970), parts.month().unwrap_or(1), parts.day().unwrap_or(1))
    });
    let time = parts.to_time().unwrap_or(Time::midnight());
    let civil = DateTime::from_parts(date.ok()?, time);
    let offset = parts.offset().unwrap_or(Offset::UTC);
    Some(offset.to_timestamp(civil).ok()?.as_microsecond())
}

pub(super) fn time_text() -> Arc<ScalarUDF> {
    function(Definition {
        chapter: TIMES,
        call: "time_text(time)",
        doc: "A time as CloudTrail writes it; a text as it is. It is what `eventTime` means where a text is asked for, as in \
              `substr(eventTime, 1, 10)`.",
        example: "time_text(timestamp '2026-03-17 08:00:00')",
        returns: DataType::Utf8,
        body: |arguments, rows| {
            let argument = &arguments[0];
            if !matches!(argument.data_type(), DataType::Timestamp(..)) {
                return Ok(cast(&argument.column(rows)?, &DataType::Utf8)?);
            }
            let times = times(argument, rows)?;
            let text = |micros: i64| Some(civil(micros)?.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
            let texts = times.iter().map(|time| time.and_then(text));
            Ok(Arc::new(texts.collect::<StringArray>()))
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn micros(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_microsecond()
    }

    #[test]
    fn months_count_when_they_are_over() {
        for (from, to, months) in [
            ("2026-01-31T00:00:00Z", "2026-02-28T00:00:00Z", 1),
            ("2026-01-31T00:00:00Z", "2026-02-27T00:00:00Z", 0),
            ("2026-01-15T12:00:00Z", "2026-03-15T11:59:59Z", 1),
            ("2026-03-15T11:59:59Z", "2026-01-15T12:00:00Z", -1),
            ("2025-01-01T00:00:00Z", "2026-01-01T00:00:00Z", 12),
        ] {
            assert_eq!(between(micros(from), micros(to), Unit::Months(1)), Some(months), "{from} {to}");
        }
    }

    #[test]
    fn parts_that_are_missing_are_the_first() {
        assert_eq!(parsed("2026-03", "%Y-%m"), Some(micros("2026-03-01T00:00:00Z")));
        assert_eq!(parsed("2026-03-17T10:00+0200", "%Y-%m-%dT%H:%M%z"), Some(micros("2026-03-17T08:00:00Z")));
        assert_eq!(parsed("yesterday", "%Y-%m-%d"), None);
    }

    #[test]
    fn nothing_is_beyond_all_time() {
        let utc: Tz = "+00:00".parse().unwrap();
        assert_eq!(added(i64::MAX, 1, Unit::Micros(1), utc), None);
        assert_eq!(added(0, i64::MAX, Unit::Months(12), utc), None);
    }
}
