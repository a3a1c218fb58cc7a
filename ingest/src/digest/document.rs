//! The JSON of a digest → what it claims. Whether CloudTrail claimed it is seen later ([`signature`]).
//!
//! AWS CloudTrail user guide, "CloudTrail digest file structure". Whoever can write to the bucket may have written this,
//! so nothing in it is trusted: a member of another type is a reason, a hash of another length is none.
//!
//! [`signature`]: super::signature

use crate::time;
use serde::Deserialize;

/// The one algorithm that CloudTrail hashes with.
const SHA_256: &str = "SHA-256";

/// A digest.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Digest {
    /// Begin and end of the hour, in µs since 1970.
    pub(super) start: i64,
    pub(super) end: i64,
    /// The end as it is written, which is what is signed.
    pub(super) end_text: String,
    /// Where it was delivered.
    pub(super) bucket: String,
    pub(super) object: String,
    /// Of the key that it is signed with.
    pub(super) fingerprint: String,
    /// The signature of the digest before, in hex.
    pub(super) previous_signature: Option<String>,
    /// The digest before; none where validation began.
    pub(super) previous: Option<Previous>,
    pub(super) logs: Vec<Log>,
}

/// What a digest says of the one before it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Previous {
    pub(super) bucket: String,
    pub(super) object: String,
    pub(super) hash: Option<[u8; 32]>,
}

/// What a digest says of a log file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Log {
    pub(super) bucket: String,
    pub(super) object: String,
    /// SHA-256 of its uncompressed bytes; `None` where it is no such hash.
    pub(super) hash: Option<[u8; 32]>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw {
    digest_start_time: String,
    digest_end_time: String,
    digest_s3_bucket: String,
    digest_s3_object: String,
    digest_public_key_fingerprint: String,
    previous_digest_s3_bucket: Option<String>,
    previous_digest_s3_object: Option<String>,
    previous_digest_hash_value: Option<String>,
    previous_digest_hash_algorithm: Option<String>,
    previous_digest_signature: Option<String>,
    log_files: Option<Vec<RawLog>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawLog {
    s3_bucket: String,
    s3_object: String,
    hash_value: String,
    hash_algorithm: Option<String>,
}

impl Digest {
    /// Reads the inflated bytes.
    ///
    /// # Errors
    /// It is not JSON, or lacks something; the text says what.
    pub(super) fn parse(json: &[u8]) -> Result<Self, String> {
        let raw: Raw = serde_json::from_slice(json).map_err(|error| format!("it is no digest: {error}"))?;
        let moment = |text: &str| {
            let time = time::parse(&format!("\"{text}\"")).map(|(micros, _)| micros);
            time.ok_or_else(|| format!("it is no digest: {text:?} is no time"))
        };
        let (start, end) = (moment(&raw.digest_start_time)?, moment(&raw.digest_end_time)?);
        let hash =
            sha256(raw.previous_digest_hash_value.as_deref(), raw.previous_digest_hash_algorithm.as_deref());
        let previous = raw.previous_digest_s3_bucket.zip(raw.previous_digest_s3_object);
        Ok(Self {
            start,
            end,
            end_text: raw.digest_end_time,
            bucket: raw.digest_s3_bucket,
            object: raw.digest_s3_object,
            fingerprint: raw.digest_public_key_fingerprint,
            previous_signature: raw.previous_digest_signature,
            previous: previous.map(|(bucket, object)| Previous { bucket, object, hash }),
            logs: raw.log_files.unwrap_or_default().into_iter().map(Log::from).collect(),
        })
    }
}

impl From<RawLog> for Log {
    fn from(raw: RawLog) -> Self {
        let hash = sha256(Some(&raw.hash_value), raw.hash_algorithm.as_deref());
        Self { bucket: raw.s3_bucket, object: raw.s3_object, hash }
    }
}

fn sha256(text: Option<&str>, algorithm: Option<&str>) -> Option<[u8; 32]> {
    let is_known = algorithm.is_none_or(|name| name == SHA_256);
    text.filter(|_| is_known).and_then(unhex)?.try_into().ok()
}

/// Hex → bytes.
pub(super) fn unhex(text: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let bytes = pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?));
    bytes.collect::<Option<Vec<_>>>().filter(|_| rest.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn starting() -> serde_json::Value {
        json!({
            "digestStartTime": "2026-01-01T00:00:00Z", "digestEndTime": "2026-01-01T01:00:00Z",
            "digestS3Bucket": "b", "digestS3Object": "k", "digestPublicKeyFingerprint": "f",
            "previousDigestS3Bucket": null, "previousDigestS3Object": null, "previousDigestHashValue": null,
            "previousDigestSignature": null, "logFiles": [],
        })
    }

    #[test]
    fn a_starting_digest_has_nothing_before_it() {
        let digest = Digest::parse(starting().to_string().as_bytes()).unwrap();
        assert_eq!((digest.previous, digest.previous_signature, digest.logs.len()), (None, None, 0));
        assert_eq!(digest.end - digest.start, 3_600_000_000);
    }

    #[test]
    fn what_it_lacks_is_named() {
        for member in ["digestEndTime", "digestS3Bucket", "digestPublicKeyFingerprint"] {
            let mut json = starting();
            json.as_object_mut().unwrap().remove(member);
            let why = Digest::parse(json.to_string().as_bytes()).unwrap_err();
            assert!(why.contains(member), "{why}");
        }
        let mut json = starting();
        json["digestEndTime"] = "soon".into();
        assert_eq!(
            Digest::parse(json.to_string().as_bytes()).unwrap_err(),
            "it is no digest: \"soon\" is no time"
        );
        assert!(Digest::parse(b"{").is_err());
    }

    #[test]
    fn only_a_hash_is_a_hash() {
        let log = |hash: &str, algorithm: &str| {
            let mut json = starting();
            json["logFiles"] =
                json!([{"s3Bucket": "b", "s3Object": "l", "hashValue": hash, "hashAlgorithm": algorithm}]);
            Digest::parse(json.to_string().as_bytes()).unwrap().logs.remove(0).hash
        };
        assert_eq!(log(&"aB".repeat(32), "SHA-256"), Some([0xab; 32]));
        for (hash, algorithm) in [("", "SHA-256"), (&"ab".repeat(32), "MD5"), (&"+1".repeat(32), "SHA-256")] {
            assert_eq!(log(hash, algorithm), None, "{hash} {algorithm}");
        }
    }
}
