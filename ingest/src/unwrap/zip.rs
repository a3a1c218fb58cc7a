//! A zip archive → the content of its entries.
//!
//! The central directory at the end says where they are (APPNOTE 4.3). Entries are stored or deflated, and each is
//! read like an object of its own, out of the share of the archive. Their names are never looked at.

use super::{Hear, Walk};
use crate::gunzip::{Fault, GunzipError, inflate};
use crate::record::PAD;
use std::ops::Range;

/// Length of the record that ends an archive, and of the longest comment behind it.
const END: usize = 22;
const LONGEST_COMMENT: usize = 0xffff;

/// What the central directory says of an entry.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Entry {
    encrypted: bool,
    method: u16,
    crc: u32,
    compressed: usize,
    size: usize,
    /// Where its own header is.
    header: usize,
}

impl<H: Hear> Walk<'_, H> {
    /// The archive in `span`. A bad entry costs that entry.
    pub(super) fn archive(&mut self, span: Range<usize>) -> Result<(), String> {
        let archive = &self.arena[span.clone()];
        let entries = directory(archive).ok_or("a zip archive whose directory is damaged")?;
        for (number, entry) in (1..).zip(entries) {
            // A folder, or an empty file.
            if self.stopped || entry.size == 0 {
                continue;
            }
            if let Err(reason) = self.entry(&entry, &span) {
                self.fault(format!("entry {number} of the zip archive: {reason}"));
            }
        }
        Ok(())
    }

    fn entry(&mut self, entry: &Entry, archive: &Range<usize>) -> Result<(), String> {
        if entry.encrypted {
            return Err("encrypted".to_owned());
        }
        let bytes = data(&self.arena[archive.clone()], entry).ok_or("outside of the archive")?.to_vec();
        let room = self.limits.room(bytes.len(), self.left);
        let from = self.arena.len();
        let inflated = match entry.method {
            0 if bytes.len() <= room => {
                self.arena.extend_from_slice(&bytes);
                Ok(())
            }
            0 => Err(Fault::Full),
            8 => inflate(&bytes, from + room, self.arena).map(drop),
            other => return Err(format!("compressed by method {other}, which is not known here")),
        };
        let whole = inflated.and_then(|()| {
            let right = crc32fast::hash(&self.arena[from..]) == entry.crc;
            if right { Ok(()) } else { Err(Fault::Damaged) }
        });
        if let Err(fault) = whole {
            self.arena.truncate(from);
            return Err(match fault {
                Fault::Full => self.limits.reason(&GunzipError::TooLarge { limit: room }, self.left),
                Fault::CutShort => "cut short".to_owned(),
                Fault::Damaged => "damaged".to_owned(),
            });
        }
        let to = self.arena.len();
        self.left = self.left.saturating_sub(to - from + PAD);
        self.arena.resize(to + PAD, 0);
        self.content(from..to)
    }
}

/// The entries; `None` when the directory is damaged.
fn directory(archive: &[u8]) -> Option<Vec<Entry>> {
    let last = archive.len().checked_sub(END)?;
    let first = last.saturating_sub(LONGEST_COMMENT);
    let end = (first..=last).rev().find(|&at| archive[at..].starts_with(b"PK\x05\x06"))?;
    let count = short(archive, end + 10)?;
    let mut at = long(archive, end + 16)?;
    let mut entries = Vec::new();
    for _ in 0..count {
        if archive.get(at..at + 4)? != b"PK\x01\x02" {
            return None;
        }
        entries.push(Entry {
            encrypted: short(archive, at + 8)? & 1 != 0,
            method: short(archive, at + 10)?,
            crc: u32::from_le_bytes(archive.get(at + 16..at + 20)?.try_into().ok()?),
            compressed: long(archive, at + 20)?,
            size: long(archive, at + 24)?,
            header: long(archive, at + 42)?,
        });
        // Its name, its extra fields and its comment follow.
        let lengths = [short(archive, at + 28)?, short(archive, at + 30)?, short(archive, at + 32)?];
        at += 46 + lengths.map(usize::from).iter().sum::<usize>();
    }
    Some(entries)
}

/// The compressed bytes of an entry, behind its own header with its name and extra fields.
fn data<'a>(archive: &'a [u8], entry: &Entry) -> Option<&'a [u8]> {
    let header = archive.get(entry.header..)?.strip_prefix(b"PK\x03\x04")?;
    let begin = 26 + usize::from(short(header, 22)?) + usize::from(short(header, 24)?);
    header.get(begin..)?.get(..entry.compressed)
}

fn short(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at.checked_add(2)?)?.try_into().ok()?))
}

fn long(bytes: &[u8], at: usize) -> Option<usize> {
    let value = u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?);
    usize::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_is_no_panic() {
        let mut archive = vec![0; 40];
        archive.extend_from_slice(b"PK\x05\x06\0\0\0\0\x01\0\x01\0\x2e\0\0\0\xf0\xff\xff\xff\0\0");
        assert_eq!(directory(&archive), None);
        assert_eq!(directory(b"PK\x05\x06"), None);
        assert_eq!(directory(b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"), Some(vec![]));
        let entry = Entry { encrypted: false, method: 0, crc: 0, compressed: 9, size: 9, header: usize::MAX };
        assert_eq!(data(&archive, &entry), None);
    }
}
