//! The bytes of an object → the records in it, whatever is wrapped around them.
//!
//! What a thing is, its content says, never its name. Bytes are gzip, a zip archive, UTF-16 or text; text is base64, a
//! table (CSV) or JSON documents, with a time stamp before each or not; a document is a list of records, a record, or
//! an object that has records in its members or its strings. What comes out of a wrapper is put behind the others on
//! the arena and read in the same way, so wrappers nest, to a bound. One bad record costs one record: the walk goes on
//! behind it. What must hold: the bytes unwrapped from an object come out of one share, and the time that damage costs
//! grows with the size of the object.

mod documents;
mod members;
mod strings;
mod lines;
mod table;
mod console;
mod zip;
mod utf16;

use crate::gunzip::gunzip;
use crate::limits::Limits;
use crate::parse::{MAX_DEPTH, Scanner, deeper_than, white};
use crate::record::{Item, PAD};
use std::ops::Range;

/// How deep wrappers may be nested: an event in a message in a batch in base64 in a notification in a queue in a
/// compressed file in an archive is 11.
const MAX_WRAPPERS: usize = 16;

/// Things wrong with an object as a whole that are remembered.
const MAX_FAULTS: usize = 16;

/// How often, on average, a byte may be looked at to find the end of what is damaged.
const PATIENCE: usize = 16;

/// Hears what the walk finds.
pub(crate) trait Hear {
    /// A record: its span in the arena, its first item. `whole` and `aggregated` as the scanner says.
    fn record(
        &mut self,
        arena: &[u8],
        start: usize,
        end: usize,
        first: usize,
        items: &mut Vec<Item>,
        scanner: &Scanner,
    );
    /// A stretch that should have been a record.
    fn reject(&mut self, arena: &[u8], start: usize, end: usize, reason: &str);
    /// A byte of the arena that is no UTF-8 was overwritten; the places rise.
    fn overwritten(&mut self, at: usize, was: u8);
}

/// One walk over one object.
pub(crate) struct Walk<'a, H> {
    arena: &'a mut Vec<u8>,
    items: &'a mut Vec<Item>,
    scanner: &'a mut Scanner,
    hear: &'a mut H,
    limits: &'a Limits,
    /// Bytes that may still be put onto the arena.
    left: usize,
    /// Bytes that may still be looked at in search of an end.
    patience: usize,
    /// Wrappers around this place.
    depth: usize,
    /// Records, good and bad.
    found: usize,
    /// There were too many of them.
    stopped: bool,
    faults: Vec<String>,
}

/// What a value turned out to hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Held {
    /// Records, or an empty list where records belong, or a digest.
    Something,
    /// Nothing that we know.
    Nothing,
}

/// What some bytes are.
enum Content {
    Gzip,
    Zip,
    Utf16,
    Text,
}

impl<'a, H: Hear> Walk<'a, H> {
    /// A walk that may put `left` bytes onto the arena.
    pub(crate) fn new(
        arena: &'a mut Vec<u8>,
        items: &'a mut Vec<Item>,
        scanner: &'a mut Scanner,
        hear: &'a mut H,
        limits: &'a Limits,
        left: usize,
    ) -> Self {
        scanner.most = limits.max_depth.min(MAX_DEPTH);
        let (depth, found, patience) = (0, 0, 0);
        Self {
            arena,
            items,
            scanner,
            hear,
            limits,
            left,
            patience,
            depth,
            found,
            stopped: false,
            faults: vec![],
        }
    }

    /// Reads the object `arena[span]`, which is followed by `PAD` zero bytes; says what is wrong with it as a whole.
    pub(crate) fn read(mut self, span: Range<usize>) -> Vec<String> {
        self.patience = PATIENCE * span.len();
        if let Err(fault) = self.content(span) {
            self.fault(fault);
        }
        self.faults
    }

    /// Reads the bytes in `span`, whatever they are.
    fn content(&mut self, span: Range<usize>) -> Result<(), String> {
        if self.depth == MAX_WRAPPERS {
            return Err(format!("there are more than {MAX_WRAPPERS} wrappers around the records"));
        }
        self.depth += 1;
        let read = match content_of(&self.arena[span.clone()]) {
            Content::Gzip => self.gzip(span),
            Content::Zip => self.archive(span),
            Content::Utf16 => self.utf16(span),
            Content::Text => self.text(span),
        };
        self.depth -= 1;
        read
    }

    /// Gzip in another wrapper. What could be inflated of a damaged one is read all the same.
    fn gzip(&mut self, span: Range<usize>) -> Result<(), String> {
        let gz = self.arena[span].to_vec();
        let from = self.arena.len();
        let inflated = gunzip(&gz, self.limits.room(gz.len(), self.left), self.arena);
        let to = self.arena.len();
        let fault = match inflated {
            Ok(inflated) => behind_last_member(&gz, inflated.trailing),
            Err(error) => Some(self.limits.reason(&error, self.left)),
        };
        self.left = self.left.saturating_sub(to - from);
        self.arena.resize(to + PAD, 0);
        let read = if to > from { self.content(from..to) } else { Ok(()) };
        fault.map_or(read, Err)
    }

    fn utf16(&mut self, span: Range<usize>) -> Result<(), String> {
        let text = utf16::decode(&self.arena[span]);
        let span = self.append(text.as_bytes())?;
        self.text(span)
    }

    /// Text that may have stray bytes in it.
    fn text(&mut self, span: Range<usize>) -> Result<(), String> {
        self.make_utf8(span.clone());
        let Range { start, end } = span;
        let bom = if self.arena[start..end].starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        let first = white(self.arena, start + bom).min(end);
        let text = &self.arena[first..end];
        if text.starts_with(b"{") || text.starts_with(b"[") {
            self.documents(first, end);
        } else if strings::packed(text) {
            let bytes = strings::from_base64(text.trim_ascii_end()).ok_or("not base64")?;
            let span = self.append(&bytes)?;
            return self.content(span);
        } else if let Some(header) = table::header(text) {
            self.table(first, end, &header);
        } else if !self.documents(first, end) {
            return Err("neither JSON nor any of its wrappers\nhint: see \"What it reads\"".to_owned());
        }
        Ok(())
    }

    /// Overwrites what is not UTF-8 with a control character, which the scanner refuses: so a stray byte costs the
    /// record that holds it.
    fn make_utf8(&mut self, span: Range<usize>) {
        if simdutf8::basic::from_utf8(&self.arena[span.clone()]).is_ok() {
            return;
        }
        let mut at = span.start;
        while let Err(error) = std::str::from_utf8(&self.arena[at..span.end]) {
            at += error.valid_up_to();
            self.hear.overwritten(at, self.arena[at]);
            self.arena[at] = 1;
        }
    }

    /// Puts what came out of a wrapper behind the others on the arena.
    fn append(&mut self, bytes: &[u8]) -> Result<Range<usize>, String> {
        let cost = bytes.len() + PAD;
        self.left = self.left.checked_sub(cost).ok_or_else(|| self.limits.no_room())?;
        let from = self.arena.len();
        self.arena.extend_from_slice(bytes);
        let to = self.arena.len();
        self.arena.resize(to + PAD, 0);
        Ok(from..to)
    }

    /// The record in `arena[start..end]`, whose items begin at `first`.
    fn record(&mut self, start: usize, end: usize, first: usize) {
        let most = self.limits.max_record_bytes;
        if end - start > most {
            self.items.truncate(first);
            self.reject(start, end, &format!("longer than {most} bytes\nhint: raise --max-record-bytes"));
        } else if self.may_count() {
            self.hear.record(self.arena, start, end, first, self.items, self.scanner);
        } else {
            self.items.truncate(first);
        }
    }

    fn reject(&mut self, start: usize, end: usize, reason: &str) {
        if self.may_count() {
            self.hear.reject(self.arena, start, end, reason);
        }
    }

    /// Rejects what the scanner refused.
    fn reject_bad(&mut self, start: usize, end: usize) {
        let most = self.scanner.most;
        if deeper_than(self.arena.get(start..end).unwrap_or_default(), most) {
            self.reject(
                start,
                end,
                &format!("nested more than {most} levels deep\nhint: raise --max-depth, up to {MAX_DEPTH}"),
            );
        } else {
            self.reject(start, end, "not valid JSON");
        }
    }

    /// Counts a record, if there may be one more.
    fn may_count(&mut self) -> bool {
        if self.found < self.limits.max_records {
            self.found += 1;
            return true;
        }
        if !self.stopped {
            self.stopped = true;
            let most = self.limits.max_records;
            self.fault(format!(
                "holds more than {most} records, the others were not read\nhint: raise --max-records if this is a true log file"
            ));
        }
        false
    }

    fn fault(&mut self, fault: String) {
        if self.faults.len() < MAX_FAULTS {
            self.faults.push(fault);
        }
    }

    /// Takes `bytes` off what may be looked at in search of an end; whether there was enough.
    fn search(&mut self, bytes: usize) -> bool {
        let enough = self.patience >= bytes;
        self.patience = self.patience.saturating_sub(bytes);
        enough
    }
}

/// What is wrong with `trailing` bytes behind the last member of `gz`; zeros are padding.
pub(crate) fn behind_last_member(gz: &[u8], trailing: usize) -> Option<String> {
    let tail = &gz[gz.len() - trailing..];
    tail.iter().any(|&byte| byte != 0).then(|| format!("{trailing} bytes behind the last gzip member"))
}

fn content_of(bytes: &[u8]) -> Content {
    if bytes.starts_with(&[0x1f, 0x8b, 8]) {
        Content::Gzip
    } else if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06") {
        Content::Zip
    } else if utf16::is_utf16(bytes) {
        Content::Utf16
    } else {
        Content::Text
    }
}
