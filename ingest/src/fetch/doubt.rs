//! May the bytes that came have been changed on the way?
//!
//! In: an object as it was listed, what came, and what reading it was like. Out: whether it has to be fetched again
//! before anyone says that the stored object is bad. What must hold: no object is quarantined, nor a record of it lost,
//! for what happened between S3 and us.
//!
//! A gzip file that inflates to its end is sound: its CRC-32 covers every byte that is read. Of anything else (damaged,
//! cut short, with bytes behind its last member, or not gzip at all) the `ETag` may tell, which for an object that was
//! uploaded in one part without SSE-KMS or SSE-C is the MD5 of its bytes. An `ETag` that is something else looks the
//! same, so one that does not match proves nothing: then two fetches that bring the same bytes have to do. MD5 is no
//! defence against an attacker here; that is what the digests of CloudTrail are for.

use super::{Fetched, hex};
use crate::batch::Object;
use crate::find::{LogObject, Place};
use md5::{Digest, Md5};

/// How often a doubtful object is fetched again, before it is given up because no two fetches agree.
pub(crate) const SECOND_LOOKS: u32 = 3;

/// Whether what came may not be what is stored.
pub(crate) fn is_doubtful(listed: &LogObject, came: &Fetched, read: &Object) -> bool {
    let Place::S3 { etag, .. } = &listed.place else { return false };
    let is_gzip = came.body.starts_with(&[0x1f, 0x8b, 8]);
    let is_suspect = if is_gzip {
        read.failed.is_some() || read.trailing > 0
    } else {
        read.failed.is_some() || read.quarantined > 0 || may_be_md5(etag)
    };
    is_suspect && !(may_be_md5(etag) && hex(&Md5::digest(&came.body)) == etag.to_ascii_lowercase())
}

/// An object of several parts has an `ETag` with a dash.
fn may_be_md5(etag: &str) -> bool {
    etag.len() == 32 && etag.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::{Batch, Limits, Source};
    use crate::lake::ObjectId;
    use flate2::{Compression, write::GzEncoder};
    use std::io::Write;

    const RECORDS: &[u8] = br#"{"Records":[{"eventVersion":"1.11","eventTime":"2026-03-17T08:00:00Z","eventSource":"s3.amazonaws.com","eventName":"GetObject","eventID":"1"}]}"#;
    const OTHER: &str = "0123456789abcdef0123456789abcdef";
    const PARTS: &str = "0123456789abcdef0123456789abcdef-2";

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn flipped(mut body: Vec<u8>) -> Vec<u8> {
        let middle = body.len() / 2;
        body[middle] ^= 4;
        body
    }

    fn check(body: Vec<u8>, etag: &str, expected: bool) {
        let place = Place::S3 { bucket: "b".into(), key: "k".into(), etag: etag.into() };
        let listed = LogObject { place, size: body.len() as u64, time: None };
        let (name, identity) = ("k".to_owned(), ObjectId(1));
        let came = Fetched { identity, name, etag: etag.into(), date: None, requests: 1, body: body.into() };
        let mut batch = Batch::new();
        let source = Source { identity, key: "k", etag, key_date: None, ingest_date: 0 };
        batch.read(&source, &came.body, &Limits::default());
        assert_eq!(is_doubtful(&listed, &came, &batch.objects[0]), expected, "{etag} {:?}", batch.objects[0]);
        let place = Place::Disk("k".into());
        assert!(!is_doubtful(&LogObject { place, ..listed }, &came, &batch.objects[0]));
    }

    #[test]
    fn a_sound_gzip_file_vouches_for_itself() {
        for etag in [OTHER, PARTS, ""] {
            check(gzip(RECORDS), etag, false);
            check(flipped(gzip(RECORDS)), etag, true);
            check([gzip(RECORDS), b"tail".to_vec()].concat(), etag, true);
            check(gzip(RECORDS)[..20].to_vec(), etag, true);
        }
    }

    #[test]
    fn what_is_stored_damaged_is_known_by_its_md5() {
        for body in [flipped(gzip(RECORDS)), b"no JSON".to_vec(), RECORDS.to_vec()] {
            check(body.clone(), &hex(&Md5::digest(&body)), false);
            check(body.clone(), &hex(&Md5::digest(&body)).to_uppercase(), false);
        }
    }

    #[test]
    fn plain_text_has_only_its_md5() {
        check(RECORDS.to_vec(), OTHER, true);
        check(RECORDS.to_vec(), PARTS, false);
        check(b"{\"Records\":[{\"eventID\":}]}".to_vec(), PARTS, true);
    }
}
