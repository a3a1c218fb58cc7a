//! The bytes of a file as stored → the SHA-256 of what is inside, without holding it: a hostile file may inflate to
//! much more than it is.

use crate::config::Limits;
use flate2::bufread::GzDecoder;
use sha2::{Digest, Sha256};
use std::io::Read;

/// What is inside.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Content {
    pub(super) sha256: [u8; 32],
    /// Bytes behind the one gzip member that CloudTrail writes.
    pub(super) trailing: usize,
}

/// Hashes what is inside `body`. A plain copy, unpacked by somebody, is hashed as it is where `may_be_plain`.
///
/// # Errors
/// It cannot be read to its end; the text says why.
pub(super) fn hash(body: &[u8], may_be_plain: bool, limits: &Limits) -> Result<Content, String> {
    if may_be_plain && !crate::gunzip::begins_member(body) {
        return Ok(Content { sha256: Sha256::digest(body).into(), trailing: 0 });
    }
    let room = limits.room(body.len(), limits.max_inflated);
    let mut gunzip = GzDecoder::new(body).take(room as u64 + 1);
    let (mut sha256, mut buffer, mut length) = (Sha256::new(), vec![0; 64 << 10], 0);
    loop {
        let read = gunzip.read(&mut buffer).map_err(|error| format!("it is damaged: {error}"))?;
        if read == 0 {
            break;
        }
        length += read;
        sha256.update(&buffer[..read]);
    }
    if length > room {
        return Err(format!("it inflates to more than {room} bytes"));
    }
    Ok(Content { sha256: sha256.finalize().into(), trailing: gunzip.into_inner().into_inner().len() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use proptest::prelude::*;
    use std::io::Write;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn of(body: &[u8]) -> Result<Content, String> {
        hash(body, false, &Limits::default())
    }

    #[test]
    fn what_follows_the_member_is_counted() {
        let whole = |text: &[u8], trailing| Ok(Content { sha256: Sha256::digest(text).into(), trailing });
        let two = [gzip(b"[1]"), gzip(b"[2]")].concat();
        assert_eq!(of(&gzip(b"[1]")), whole(b"[1]", 0));
        assert_eq!(of(&two), whole(b"[1]", gzip(b"[2]").len()));
        assert_eq!(of(&[gzip(b"[1]"), b"x".to_vec()].concat()), whole(b"[1]", 1));
        assert_eq!(hash(b"[1]", true, &Limits::default()), whole(b"[1]", 0));
        assert!(of(b"[1]").is_err() && of(b"").is_err());
        let long = gzip(b"[1]");
        assert!(of(&long[..long.len() - 1]).is_err(), "without its end");
    }

    #[test]
    fn a_bomb_stops_at_the_limit() {
        let limits = Limits { max_inflated: 1 << 20, ..Limits::default() };
        let why = hash(&gzip(&vec![b' '; 50 << 20]), false, &limits).unwrap_err();
        assert_eq!(why, "it inflates to more than 1048576 bytes");
    }

    proptest! {
        /// The naive way is the oracle.
        #[test]
        fn equals_hashing_all_of_it(text in prop::collection::vec(any::<u8>(), 0..200_000)) {
            prop_assert_eq!(of(&gzip(&text)).unwrap().sha256, <[u8; 32]>::from(Sha256::digest(&text)));
        }
    }
}
