//! Any bytes, as gzip: bounded, the arena is kept, and what flate2 takes comes out the same.

#![no_main]

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use libfuzzer_sys::fuzz_target;
use std::io::{Read, Write};
use trailhound_ingest_fuzz::gunzip::{GunzipError, gunzip, gunzip_one};

/// What is in the arena before.
const BEFORE: &[u8] = b"before";

// The first byte chooses between gzip as it is and bytes that are compressed here, in two members, and damaged.
fuzz_target!(|input: &[u8]| {
    let [choice, low, high, bytes @ ..] = input else { return };
    let place = usize::from(u16::from_le_bytes([*low, *high]));
    if choice % 4 == 0 {
        let (once, twice) = (bytes, &bytes[bytes.len() / 2..]);
        let mut gz = [member(once), member(twice)].concat();
        let all = [once, twice].concat();
        check(&gz, place, Some(&all));
        let at = place % gz.len();
        gz[at] ^= choice;
        check(&gz, 1 << 16, Some(&all));
    } else {
        check(bytes, place, None);
        check(bytes, 1 << 20, None);
    }
});

fn member(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("memory takes it")
}

/// `all`: what was compressed. One byte that is damaged never makes other bytes of it.
fn check(gz: &[u8], limit: usize, all: Option<&[u8]>) {
    for only_one in [false, true] {
        let mut arena = BEFORE.to_vec();
        let result = if only_one { gunzip_one(gz, limit, &mut arena) } else { gunzip(gz, limit, &mut arena) };
        let (before, inflated) = arena.split_at(BEFORE.len());
        assert_eq!(before, BEFORE);
        assert!(arena.capacity() <= 4 * limit + (1 << 18), "{} for {limit}", arena.capacity());
        match &result {
            Ok(done) => {
                assert!(done.bytes == inflated.len() && done.bytes <= limit);
                assert!(all.is_none_or(|all| all.starts_with(inflated)), "damage was not noticed");
            }
            Err(GunzipError::CutShort { .. }) => {}
            Err(_) => assert!(inflated.is_empty()),
        }
        let mut expected = Vec::new();
        let theirs = GzDecoder::new(gz).take(1 << 21).read_to_end(&mut expected);
        if only_one && theirs.is_ok() && expected.len() <= limit {
            assert!(result.is_ok(), "refused: {result:?}");
            assert_eq!(inflated, expected);
        }
    }
}
