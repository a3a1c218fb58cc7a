//! The identity of a log object: a 128-bit hash of what makes it that object (bucket, key and ETag, or key, size and
//! content for a file on disk).
//!
//! In: the hash. Out: its two spellings, 32 hex digits for people and columns, 16 bytes for the ledger in a commit.
//! Both are big-endian, so that they sort alike.

use std::{fmt, str::FromStr};

/// A log object, whatever it is called: two with the same identity hold the same bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId(pub u128);

impl ObjectId {
    /// Length of [`ObjectId::to_bytes`].
    pub const BYTES: usize = 16;

    /// The hash, most significant byte first.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; Self::BYTES] {
        self.0.to_be_bytes()
    }

    /// The identity that [`ObjectId::to_bytes`] wrote.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        Self(u128::from_be_bytes(bytes))
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ObjectId({self})")
    }
}

/// A text that is not 32 hex digits.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not an object identity of 32 hex digits")]
pub struct NotAnObjectId(pub String);

impl FromStr for ObjectId {
    type Err = NotAnObjectId;

    fn from_str(text: &str) -> Result<Self, NotAnObjectId> {
        let digits = text.len() == 2 * Self::BYTES && text.bytes().all(|b| b.is_ascii_hexdigit());
        let value = digits.then(|| u128::from_str_radix(text, 16).ok()).flatten();
        value.map(Self).ok_or_else(|| NotAnObjectId(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_spelled_in_32_hex_digits() {
        assert_eq!(ObjectId(0xff).to_string(), "000000000000000000000000000000ff");
        assert_eq!("000000000000000000000000000000FF".parse(), Ok(ObjectId(0xff)));
        for bad in ["", "ff", "+00000000000000000000000000000ff", "g00000000000000000000000000000ff"] {
            assert_eq!(bad.parse::<ObjectId>(), Err(NotAnObjectId(bad.to_owned())));
        }
    }

    #[test]
    fn bytes_and_digits_agree() {
        let id = ObjectId(0x0123_4567_89ab_cdef_0011_2233_4455_6677);
        assert_eq!(ObjectId::from_bytes(id.to_bytes()), id);
        assert_eq!(id.to_bytes()[..2], [0x01, 0x23]);
        assert_eq!(id.to_string(), "0123456789abcdef0011223344556677");
    }
}
