//! Hostile values through every format: people are shown escapes, spreadsheets get no formulas, programs get what was there.

use super::visible::is_hidden;
use super::{Format, Printer, write};
use crate::engine::Answer;
use datafusion::arrow::array::{
    ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use datafusion::arrow::compute::concat_batches;
use datafusion::arrow::datatypes::{Float64Type, Int64Type};
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;
use std::sync::Arc;

/// What drives a terminal, reads other than it is, runs in a spreadsheet, or ends a cell too early.
const HOSTILE: [&str; 30] = [
    "\u{1b}[2J\u{1b}]0;title\u{7}",
    "\u{9b}31m\u{90}x\u{9c}",
    "\u{202e}gpj.exe\u{202c}",
    "ad\u{200b}min\u{feff}",
    "\u{0}\u{8}\u{7f}",
    "a\r\nb\rc\nd\te",
    "\u{2028}\u{2029}",
    "\u{e0041}\u{e007f}",
    "=cmd|'/c calc'!A0",
    "+1+1",
    "-2+3",
    "@SUM(A1)",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "＝1+1",
    "＋1",
    "－1",
    "＠SUM(A1)",
    "\"=1+1\"",
    "a\",=1+1,\"b",
    ",=1+1",
    "a|b\\|c",
    "<script>alert(1)</script>",
    "[x](javascript:alert(1))",
    "'quoted'",
    "\\u001b",
    "",
    " ",
    "漢字 🦀 e\u{301}",
];

fn answer() -> Answer {
    let rows = i64::try_from(HOSTILE.len()).unwrap();
    let numbers = (0..rows).map(|n| if n % 2 == 0 { i64::MAX - n } else { i64::MIN + n });
    let floats = (0..HOSTILE.len()).map(|n| [0.1 + 0.2, -0.0, 1e300, f64::MIN_POSITIVE][n % 4]);
    let times = TimestampMicrosecondArray::from((0..rows).map(|n| n * 1_000_003 - 5).collect::<Vec<_>>());
    let columns: [(&str, ArrayRef); 5] = [
        ("=text\u{1b}[1m", Arc::new(StringArray::from(HOSTILE.to_vec()))),
        ("null", Arc::new(StringArray::from(vec![None::<&str>; HOSTILE.len()]))),
        ("number", Arc::new(Int64Array::from(numbers.collect::<Vec<_>>()))),
        ("float", Arc::new(Float64Array::from(floats.collect::<Vec<_>>()))),
        ("time", Arc::new(times.with_timezone("UTC"))),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    // Two batches, since printers work on one after the other.
    let (first, rest) = (batch.slice(0, 7), batch.slice(7, batch.num_rows() - 7));
    Answer { schema: batch.schema(), batches: vec![first, rest] }
}

fn printed(format: Format) -> Vec<u8> {
    let mut out = Vec::new();
    write(&answer(), format, &mut out).unwrap();
    out
}

fn text(format: Format) -> String {
    String::from_utf8(printed(format)).unwrap()
}

/// People see every character, and a row is a line.
#[test]
fn what_people_read_drives_nothing() {
    for format in [Format::Table, Format::Markdown] {
        let text = text(format);
        assert!(
            !text.chars().any(|character| is_hidden(character) && character != '\n'),
            "{format:?}: {text}"
        );
        assert_eq!(text.lines().count(), 2 + HOSTILE.len(), "{format:?}: {text}");
        assert!(text.contains("\\u{1b}[2J") && text.contains("\\u{202e}gpj"), "{format:?}: {text}");
    }
    let mut out = Vec::new();
    let answer = answer();
    let mut printer = Printer::expanded(Arc::clone(&answer.schema), &mut out);
    for batch in &answer.batches {
        printer.write(batch).unwrap();
    }
    printer.finish().unwrap();
    let text = String::from_utf8(out).unwrap();
    assert!(!text.chars().any(|character| is_hidden(character) && character != '\n'), "{text}");
    assert_eq!(text.lines().count(), 5 * HOSTILE.len(), "{text}");
}

/// The cells of a row of Markdown are those of the header, and hold no markup that runs.
#[test]
fn markdown_keeps_its_cells() {
    let text = text(Format::Markdown);
    for line in text.lines() {
        let bars = line.replace("\\\\", "").replace("\\|", "").matches('|').count();
        assert_eq!(bars, 6, "{line}");
        assert!(!line.contains('<'), "{line}");
    }
}

/// A reader of RFC 4180, so that what is written is not read by its writer.
fn read_csv(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut cell, mut quoted) = (vec![], vec![], String::new(), false);
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match (character, quoted) {
            ('"', true) if characters.next_if_eq(&'"').is_some() => cell.push('"'),
            ('"', _) => quoted = !quoted,
            (',', false) => row.push(std::mem::take(&mut cell)),
            ('\n', false) => {
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            _ => cell.push(character),
        }
    }
    assert!(!quoted && cell.is_empty() && row.is_empty(), "the file is cut");
    rows
}

#[test]
fn csv_has_no_formulas_and_loses_nothing_else() {
    let rows = read_csv(&text(Format::Csv));
    assert_eq!(rows.len(), 1 + HOSTILE.len());
    assert_eq!(rows[0][0], "'=text\u{1b}[1m");
    for (row, hostile) in rows[1..].iter().zip(HOSTILE) {
        assert_eq!(row.len(), 5, "{row:?}");
        let cell = row[0].as_str();
        assert!(
            !cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']),
            "{cell:?}"
        );
        assert_eq!(cell.strip_prefix('\'').filter(|_| !hostile.starts_with('\'')).unwrap_or(cell), hostile);
    }
    let numbers = rows[1..].iter().map(|row| row[2].parse::<i64>().unwrap()).collect::<Vec<_>>();
    assert_eq!(numbers[..2], [i64::MAX, i64::MIN + 1]);
}

#[test]
fn json_is_exact() {
    let whole = serde_json::from_slice::<Vec<Value>>(&printed(Format::Json)).unwrap();
    let lines = text(Format::Ndjson);
    assert_eq!(lines.lines().count(), HOSTILE.len());
    let lines = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Value>>();
    for objects in [whole, lines] {
        assert_eq!(objects.len(), HOSTILE.len());
        for (number, (object, hostile)) in objects.iter().zip(HOSTILE).enumerate() {
            assert_eq!(object["=text\u{1b}[1m"], *hostile);
            let number = i64::try_from(number).unwrap();
            let expected = if number % 2 == 0 { i64::MAX - number } else { i64::MIN + number };
            assert_eq!(object["number"], expected);
        }
    }
}

/// By Rust's own reader of numbers, since that of `serde_json` may be off by a bit.
#[test]
fn json_has_every_bit_of_a_number() {
    for (number, line) in text(Format::Ndjson).lines().enumerate() {
        let float = line.split("\"float\":").nth(1).and_then(|rest| rest.split([',', '}']).next()).unwrap();
        let expected = [0.1 + 0.2, -0.0, 1e300, f64::MIN_POSITIVE][number % 4];
        assert_eq!(float.parse::<f64>().unwrap().to_bits(), f64::to_bits(expected), "{line}");
    }
}

#[test]
fn parquet_is_exact() {
    let bytes = bytes::Bytes::from(printed(Format::Parquet));
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap().build().unwrap();
    let read = reader.collect::<Result<Vec<_>, _>>().unwrap();
    let read = concat_batches(&read[0].schema(), &read).unwrap();
    let answer = answer();
    let written = concat_batches(&answer.schema, &answer.batches).unwrap();
    assert_eq!(read.schema().fields(), written.schema().fields());
    assert_eq!(read.columns(), written.columns());
    assert_eq!(read.column(2).as_primitive::<Int64Type>().value(0), i64::MAX);
    assert!(read.column(3).as_primitive::<Float64Type>().value(1).is_sign_negative());
}
