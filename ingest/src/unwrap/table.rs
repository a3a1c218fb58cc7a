//! A table as CSV (RFC 4180) → the records in its cells.
//!
//! CloudTrail Lake saves query results like this, with the record in the column `eventjson`; CloudWatch Logs Insights
//! has it in `@message`. A row without a record in a cell may still say something, see `console.rs`.

use super::console::{partial, plain};
use super::{Hear, Walk, strings};
use memchr::{memchr, memchr2};
use std::borrow::Cow;
use std::ops::Range;

/// The longest first line that is a header.
const LONGEST_HEADER: usize = 64 << 10;

/// Columns that hold whole records, by their `plain` names.
const RECORDS: [&str; 6] = ["eventjson", "message", "eventoriginal", "cloudtrailevent", "raw", "event"];

/// The first row of a table.
pub(super) struct Header {
    /// The names of the columns, as they are.
    names: Vec<String>,
    /// Which of them hold whole records.
    records: Vec<bool>,
    /// Where the second row begins, counted from the begin of the table.
    next: usize,
}

/// A row: its cells, with their quotes, and where the next one begins.
struct Row {
    cells: Vec<Range<usize>>,
    next: usize,
}

/// The header, if the text is a table that may hold records.
pub(super) fn header(text: &[u8]) -> Option<Header> {
    let Row { cells, next } = row(&text[..text.len().min(LONGEST_HEADER)], 0)?;
    let names = cells.into_iter().map(|cell| String::from_utf8_lossy(&content(text, &cell)).into_owned());
    let names = names.collect::<Vec<_>>();
    let plain = names.iter().map(|name| plain(name)).collect::<Vec<_>>();
    let has = |name: &str| plain.iter().any(|plain| plain == name);
    let records = plain.iter().map(|name| RECORDS.contains(&name.as_str())).collect::<Vec<_>>();
    let known = records.contains(&true) || (has("eventname") && has("eventtime"));
    known.then_some(Header { names, records, next })
}

/// The row that begins at `at`; `None` when it has a quote that is never closed.
fn row(text: &[u8], mut at: usize) -> Option<Row> {
    let mut cells = Vec::new();
    loop {
        let begin = at;
        if text.get(at) == Some(&b'"') {
            at += 1;
            loop {
                at += memchr(b'"', text.get(at..)?)? + 1;
                if text.get(at) != Some(&b'"') {
                    break;
                }
                at += 1;
            }
        }
        at += memchr2(b',', b'\n', &text[at..]).unwrap_or(text.len() - at);
        let feed = text.get(at) != Some(&b',');
        let carriage = feed && at > begin && text[at - 1] == b'\r';
        cells.push(begin..at - usize::from(carriage));
        at += 1;
        if feed {
            return Some(Row { cells, next: at.min(text.len()) });
        }
    }
}

/// What is in a cell.
fn content<'a>(text: &'a [u8], cell: &Range<usize>) -> Cow<'a, [u8]> {
    let cell = &text[cell.clone()];
    let Some(quoted) = cell.strip_prefix(b"\"").and_then(|cell| cell.strip_suffix(b"\"")) else {
        return Cow::Borrowed(cell);
    };
    if memchr(b'"', quoted).is_none() {
        return Cow::Borrowed(quoted);
    }
    let (mut plain, mut rest) = (Vec::with_capacity(quoted.len()), quoted);
    while let Some(at) = memchr(b'"', rest) {
        plain.extend_from_slice(&rest[..=at]);
        rest = rest.get(at + 2..).unwrap_or_default();
    }
    plain.extend_from_slice(rest);
    Cow::Owned(plain)
}

impl<H: Hear> Walk<'_, H> {
    /// The rows of the table in `arena[start..end]`. A bad row costs that row, and at most those on its lines.
    pub(super) fn table(&mut self, start: usize, end: usize, header: &Header) {
        let mut at = start + header.next;
        while at < end && !self.stopped {
            let line = memchr(b'\n', &self.arena[at..end]).map_or(end, |feed| at + feed);
            if self.arena[at..line].trim_ascii().is_empty() {
                at = line + 1;
                continue;
            }
            match row(&self.arena[at..end], 0) {
                Some(row) if row.cells.len() == header.names.len() => {
                    let next = at + row.next;
                    self.row(at, &row, header);
                    at = next;
                }
                other => {
                    let looked_at = other.map_or(end - at, |row| row.next);
                    let bad = if self.search(looked_at) { line } else { end };
                    self.reject(at, bad, "not a row of the table");
                    at = bad + 1;
                }
            }
        }
    }

    fn row(&mut self, at: usize, row: &Row, header: &Header) {
        let mut held = false;
        for (cell, _) in row.cells.iter().zip(&header.records).filter(|(_, record)| **record) {
            let cell = content(&self.arena[at..], cell).into_owned();
            if cell.trim_ascii_start().starts_with(b"{") && strings::likely(&cell) {
                self.document(at, row, &cell);
                held = true;
            }
        }
        if held {
            return;
        }
        let cells = row.cells.iter().map(|cell| content(&self.arena[at..], cell));
        match partial(&header.names, cells) {
            Some(record) => self.document(at, row, record.as_bytes()),
            None => self.reject(at, at + row.next, "a row without a CloudTrail record"),
        }
    }

    /// The document that the row at `at` holds or makes.
    fn document(&mut self, at: usize, row: &Row, text: &[u8]) {
        match self.append(text) {
            Ok(span) => {
                self.documents(span.start, span.end);
            }
            Err(reason) => self.reject(at, at + row.next, &reason),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<(&[&str], usize)>) {
        let row = row(text.as_bytes(), 0);
        let got = row.as_ref().map(|row| {
            let cells = row.cells.iter().map(|cell| content(text.as_bytes(), cell));
            (cells.map(|cell| String::from_utf8(cell.into_owned()).unwrap()).collect::<Vec<_>>(), row.next)
        });
        let expected = expected.map(|(cells, next)| (cells.iter().map(|&c| c.to_owned()).collect(), next));
        assert_eq!(got, expected, "{text}");
    }

    #[test]
    fn rows_are_taken_apart() {
        check("a,b\nc", Some((&["a", "b"], 4)));
        check("a,b\r\nc", Some((&["a", "b"], 5)));
        check(",", Some((&["", ""], 1)));
        check("\"a,\"\"b\"\"\nc\",\"\"\nd", Some((&["a,\"b\"\nc", ""], 15)));
        check("\"\"\"\"", Some((&["\""], 4)));
        check("\"a", None);
        check("\"a\"\"", None);
        check("", Some((&[""], 0)));
    }

    #[test]
    fn only_tables_of_events_are_tables() {
        for (text, table) in [
            ("eventjson\n", true),
            ("\"Event name\",\"Event time\"\n", true),
            ("@timestamp,@message\n", true),
            ("name,time\n", false),
            ("plain text\n", false),
            ("", false),
        ] {
            assert_eq!(header(text.as_bytes()).is_some(), table, "{text}");
        }
    }
}
