//! What one log object may cost. A limit that is passed costs the record or the file, never the run, and the reason in
//! the quarantine names the setting.
//!
//! Whatever is unwrapped from an object (inflated, decoded from base64, unescaped from a string) comes out of one
//! share of bytes, so that a wrapper in a wrapper cannot multiply.

use crate::gunzip::GunzipError;

/// An object may inflate to this much whatever its ratio is: a small file of equal records is no bomb.
const ALWAYS_INFLATED: usize = 16 << 20;

/// Bounds on one object.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes that may be unwrapped from it, at most.
    pub max_inflated: usize,
    /// Times that compressed data may grow; it is asked above 16 MiB only.
    pub max_ratio: usize,
    /// Bytes of a record.
    pub max_record_bytes: usize,
    /// How deep a value in a record may be nested; more than 1,024 levels are never read.
    pub max_depth: usize,
    /// Records, good or bad.
    pub max_records: usize,
    /// Bytes of a bad record or file that the quarantine keeps.
    pub max_quarantine_bytes: usize,
}

impl Default for Limits {
    /// Five times the largest file that CloudTrail writes (50 MB), ten times the growth of its files, sixteen times
    /// its largest record (256 KB), ten times its deepest, and more records than fit in its largest file.
    fn default() -> Self {
        Self {
            max_inflated: 256 << 20,
            max_ratio: 300,
            max_record_bytes: 4 << 20,
            max_depth: 256,
            max_records: 2_000_000,
            max_quarantine_bytes: 64 << 10,
        }
    }
}

impl Limits {
    /// What `compressed` bytes may inflate to, where `left` bytes are left of the share of the object.
    #[must_use]
    pub fn room(&self, compressed: usize, left: usize) -> usize {
        left.min(compressed.saturating_mul(self.max_ratio).max(ALWAYS_INFLATED))
    }

    /// Why `compressed` bytes could not be inflated into that room.
    #[must_use]
    pub fn reason(&self, error: &GunzipError, left: usize) -> String {
        match error {
            GunzipError::TooLarge { limit } if *limit < left => format!(
                "inflates to more than {} times its size\nhint: raise --max-ratio if this is a true log file",
                self.max_ratio
            ),
            GunzipError::TooLarge { .. } => self.no_room(),
            other => other.to_string(),
        }
    }

    /// Why there is nothing left of the share of the object.
    #[must_use]
    pub fn no_room(&self) -> String {
        let most = self.max_inflated;
        format!("unwraps to more than {most} bytes\nhint: raise --max-inflated if this is a true log file")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_file_may_grow_as_it_likes() {
        let limits = Limits { max_ratio: 10, ..Limits::default() };
        for (compressed, left, room) in
            [(1, 1 << 30, 16 << 20), (4 << 20, 1 << 30, 40 << 20), (4 << 20, 1 << 20, 1 << 20), (1, 0, 0)]
        {
            assert_eq!(limits.room(compressed, left), room, "{compressed} {left}");
        }
    }
}
