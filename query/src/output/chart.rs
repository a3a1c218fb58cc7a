//! The answer of a group-by → a picture on the terminal.
//!
//! A label and a number are bars; a time and a number are columns; a time, a label and a number are a line for each
//! label; two labels and a number are a map of shades. The number is the last column. It is a format like the others,
//! since it is one more way to print the same rows: whatever takes a format can draw.

use super::table::cells;
use super::visible::visible;
use crate::error::Error;
use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Float64Type, Int64Type, Schema, SchemaRef, TimeUnit};
use std::io::{self, Write};
use std::sync::Arc;

mod bars;
mod map;
mod over_time;

/// Rows that a picture is made of; it would not be one with more.
const ROWS: usize = 100_000;

/// What is drawn on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Screen {
    /// Characters in a line.
    pub width: usize,
    /// Whether there is nothing but ASCII.
    pub is_plain: bool,
}

impl Default for Screen {
    fn default() -> Self {
        Self { width: 80, is_plain: false }
    }
}

impl Screen {
    /// `text` in `width` characters at most; what is cut says so.
    fn cut(self, text: &str, width: usize) -> String {
        if text.chars().count() <= width {
            return text.to_owned();
        }
        let kept = text.chars().take(width.saturating_sub(1));
        kept.chain([if self.is_plain { '~' } else { '…' }]).collect()
    }

    /// Room for labels: as much as they need, and two fifths of the line at most.
    fn room_for<'a>(self, labels: impl Iterator<Item = &'a String>) -> usize {
        labels.map(|label| label.chars().count()).max().unwrap_or(0).clamp(1, (self.width * 2 / 5).max(8))
    }
}

/// A row: what stands before the number, the number, and how it is printed.
#[derive(Clone, Debug)]
struct Point {
    labels: Vec<String>,
    /// Microseconds, where one of the labels is a time.
    time: Option<i64>,
    value: f64,
    shown: String,
}

/// Collects the rows, and draws them when all are there.
pub(super) struct Chart<W> {
    out: W,
    schema: SchemaRef,
    pub(super) screen: Screen,
    points: Vec<Point>,
    /// Rows that came after.
    beyond: usize,
}

impl<W: Write> Chart<W> {
    pub(super) fn new(schema: &SchemaRef, out: W) -> Self {
        Self { out, schema: Arc::clone(schema), screen: Screen::default(), points: Vec::new(), beyond: 0 }
    }

    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<(), Error> {
        let shape = Shape::of(&self.schema)?;
        let (Some(last), time) = (batch.columns().last(), shape.time()) else { return Ok(()) };
        let values = cast(last, &DataType::Float64)?;
        let values = values.as_primitive::<Float64Type>();
        let micros = DataType::Timestamp(TimeUnit::Microsecond, None);
        let times = time.map(|at| cast(&cast(batch.column(at), &micros)?, &DataType::Int64)).transpose()?;
        for (row, mut labels) in cells(batch)?.into_iter().enumerate() {
            if self.points.len() == ROWS {
                self.beyond += 1;
                continue;
            }
            let shown = labels.pop().unwrap_or_default();
            let value = if values.is_null(row) { 0.0 } else { values.value(row) };
            let time = times.as_ref().map(AsArray::as_primitive::<Int64Type>);
            self.points.push(Point {
                labels: labels.iter().map(|label| visible(label)).collect(),
                time: time.filter(|times| times.is_valid(row)).map(|times| times.value(row)),
                value: if value.is_finite() { value.max(0.0) } else { 0.0 },
                shown: if shown.is_empty() { "-".to_owned() } else { shown },
            });
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<(), Error> {
        let shape = Shape::of(&self.schema)?;
        if !self.points.is_empty() {
            self.draw(shape)?;
        }
        if self.beyond > 0 {
            writeln!(self.out, "{} more rows are not in the picture", self.beyond)?;
        }
        Ok(self.out.flush()?)
    }

    fn draw(&mut self, shape: Shape) -> io::Result<()> {
        let (out, points, screen) = (&mut self.out, &self.points, self.screen);
        match shape {
            Shape::Bars => bars::draw(out, points, screen),
            Shape::Columns => over_time::columns(out, points, screen),
            Shape::Lines { time } => over_time::lines(out, points, 1 - time, screen),
            Shape::Map => {
                let is_number = self.schema.field(1).data_type().is_numeric();
                map::draw(out, points, is_number, screen)
            }
        }
    }
}

/// Which picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Bars,
    Columns,
    Lines { time: usize },
    Map,
}

impl Shape {
    fn of(schema: &Schema) -> Result<Self, Error> {
        let types = schema.fields().iter().map(|field| field.data_type()).collect::<Vec<_>>();
        let is_number = types.last().is_some_and(|last| last.is_numeric());
        let is_time = |at: usize| matches!(types[at], DataType::Timestamp(..) | DataType::Date32);
        match types.len() {
            2 if is_number && is_time(0) => Ok(Self::Columns),
            2 if is_number => Ok(Self::Bars),
            3 if is_number && is_time(0) => Ok(Self::Lines { time: 0 }),
            3 if is_number && is_time(1) => Ok(Self::Lines { time: 1 }),
            3 if is_number => Ok(Self::Map),
            _ => Err(Error::Format(
                "a chart needs one or two labels or times, and then a number\n\
                 hint: SELECT eventName, count(*) FROM cloudtrail GROUP BY eventName"
                    .to_owned(),
            )),
        }
    }

    fn time(self) -> Option<usize> {
        match self {
            Self::Columns => Some(0),
            Self::Lines { time } => Some(time),
            Self::Bars | Self::Map => None,
        }
    }
}

/// The largest number.
fn highest<'a>(points: impl IntoIterator<Item = &'a Point>) -> f64 {
    points.into_iter().map(|point| point.value).fold(0.0, f64::max)
}

/// `value` in steps of which `of` has `steps`; one that is there has one step at least.
fn steps(value: f64, of: f64, steps: usize) -> usize {
    if value <= 0.0 || of <= 0.0 {
        return 0;
    }
    #[expect(clippy::cast_precision_loss, reason = "characters on a screen")]
    let exact = value / of * steps as f64;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "characters on a screen")]
    let rounded = exact.round() as usize;
    rounded.clamp(1, steps)
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::arrow::array::{ArrayRef, Int64Array, StringArray, TimestampMicrosecondArray};

    const HOUR: i64 = 3_600_000_000;

    /// The picture of some columns.
    #[track_caller]
    fn check(columns: Vec<(&str, ArrayRef)>, is_plain: bool, expected: &str) {
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let mut out = Vec::new();
        let mut chart = Chart::new(&batch.schema(), &mut out);
        chart.screen = Screen { width: 40, is_plain };
        chart.write(&batch).unwrap();
        chart.finish().unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    fn texts(texts: &[&str]) -> ArrayRef {
        Arc::new(StringArray::from(texts.to_vec()))
    }

    fn numbers(numbers: &[i64]) -> ArrayRef {
        Arc::new(Int64Array::from(numbers.to_vec()))
    }

    fn hours(hours: &[i64]) -> ArrayRef {
        let micros = hours.iter().map(|hour| hour * HOUR).collect::<Vec<_>>();
        Arc::new(TimestampMicrosecondArray::from(micros).with_timezone("UTC"))
    }

    #[test]
    fn a_label_and_a_number_are_bars() {
        let columns =
            || vec![("name", texts(&["GetObject", "a\u{202e}b", "none"])), ("calls", numbers(&[200, 25, 0]))];
        let lines = |bars: [&str; 2]| {
            let [first, second] = bars;
            format!("GetObject   200  {first}\na\\u{{202e}}b   25  {second}\nnone          0\n")
        };
        check(columns(), false, &lines([&"█".repeat(23), "██▉"]));
        check(columns(), true, &lines([&"#".repeat(23), "###"]));
    }

    #[test]
    fn a_time_and_a_number_are_columns_and_gaps_are_seen() {
        let columns = vec![("hour", hours(&[0, 1, 3])), ("calls", numbers(&[8, 4, 1]))];
        check(
            columns,
            true,
            "8 |##\n  |##\n  |##\n  |##\n  |####\n  |####\n  |####\n0 |####  ##\n   1970-01-01T00:00:00Z\n   1970-01-01T03:00:00Z\n",
        );
    }

    #[test]
    fn a_time_a_label_and_a_number_are_lines() {
        let columns = vec![
            ("hour", hours(&[0, 0, 2])),
            ("service", texts(&["s3", "iam", "s3"])),
            ("calls", numbers(&[8, 1, 4])),
        ];
        check(columns, false, "s3   █▄  8\niam  ▁   1\n     1970-01-01T00:00:00Z – 1970-01-01T02:00:00Z\n");
    }

    #[test]
    fn two_labels_and_a_number_are_a_map() {
        let columns = vec![
            ("service", texts(&["s3", "s3", "iam"])),
            ("hour", numbers(&[9, 10, 9])),
            ("calls", numbers(&[1000, 100, 1])),
        ];
        check(columns, true, "     9  10\ns3   ## ++\niam  ..\nfrom . to #, which is 1000\n");
    }

    #[test]
    fn other_answers_are_refused() {
        let batch = RecordBatch::try_from_iter(vec![("name", texts(&["a"]))]).unwrap();
        let error = Chart::new(&batch.schema(), Vec::new()).write(&batch).unwrap_err();
        assert!(error.to_string().starts_with("a chart needs"), "{error}");
    }
}
