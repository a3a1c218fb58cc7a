//! Digest chains as CloudTrail writes them, signed with a key of the tests, and what can be done to them.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use base64::{Engine, prelude::BASE64_STANDARD};
use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::ops::Range;
use std::path::Path;
use std::sync::LazyLock;
use trailhound_ingest::fetch::hex;
use trailhound_ingest::time;

pub(crate) const BUCKET: &str = "trail";
pub(crate) const ACCOUNT: &str = "111122223333";
pub(crate) const REGION: &str = "us-east-1";

/// Midnight before the first hour, 2026-03-17.
pub(crate) const DAY: i64 = 20_529 * 24 * HOUR;
const MINUTE: i64 = 60_000_000;
pub(crate) const HOUR: i64 = 60 * MINUTE;

/// CloudTrail's key, and somebody else's.
static KEYS: LazyLock<[RsaKeyPair; 2]> =
    LazyLock::new(|| [(); 2].map(|()| RsaKeyPair::generate(KeySize::Rsa2048).unwrap()));

#[derive(Clone)]
pub(crate) struct Stored {
    pub(crate) body: Vec<u8>,
    pub(crate) metadata: BTreeMap<&'static str, String>,
}

/// A bucket with a trail.
#[derive(Clone, Default)]
pub(crate) struct Trail {
    pub(crate) objects: BTreeMap<String, Stored>,
}

/// One chain of digests.
#[derive(Clone)]
pub(crate) struct Chain {
    pub(crate) account: &'static str,
    pub(crate) region: &'static str,
    pub(crate) is_backfill: bool,
    /// The hours, counted from [`DAY`], at which validation begins anew.
    pub(crate) hours: Vec<Range<i64>>,
}

impl Default for Chain {
    fn default() -> Self {
        Self { account: ACCOUNT, region: REGION, is_backfill: false, hours: Vec::from([0..6]) }
    }
}

pub(crate) fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn gunzip(body: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    flate2::read::MultiGzDecoder::new(body).read_to_end(&mut text).unwrap();
    text
}

/// `20260317T0905Z`, or with seconds.
fn compact(at: i64, seconds: bool) -> String {
    let text = time::format(at).replace(['-', ':'], "");
    if seconds { text } else { format!("{}Z", &text[..13]) }
}

fn fingerprint(key: usize) -> String {
    hex(&Sha256::digest(KEYS[key].public_key().as_ref())[..16])
}

/// What `aws cloudtrail list-public-keys` prints.
pub(crate) fn public_keys() -> Value {
    let value = BASE64_STANDARD.encode(KEYS[0].public_key().as_ref());
    let (from, until) = (DAY / 1_000_000 - 86_400, DAY / 1_000_000 + 864_000);
    json!({"PublicKeyList": [
        {"Value": value, "ValidityStartTime": from, "ValidityEndTime": until, "Fingerprint": fingerprint(0)},
    ]})
}

impl Chain {
    fn folder(&self, folder: &str, at: i64) -> String {
        let date = time::format_date(time::day_of(at)).replace('-', "/");
        format!(
            "AWSLogs/{}/{folder}/{}/{date}/{}_{folder}_{}_",
            self.account, self.region, self.account, self.region
        )
    }

    /// The digest whose hour ends then.
    pub(crate) fn digest(&self, hour: i64) -> String {
        let end = DAY + (hour + 1) * HOUR;
        let folder = self.folder("CloudTrail-Digest", end);
        let backfill = if self.is_backfill { "_backfill" } else { "" };
        format!("{folder}my_trail_us-east-1_{}{backfill}.json.gz", compact(end, true))
    }

    /// One of the two log files of an hour.
    pub(crate) fn log(&self, hour: i64, number: i64) -> String {
        let at = DAY + hour * HOUR + (5 + 20 * number) * MINUTE;
        let kind = if self.is_backfill { "b" } else { "a" };
        format!("{}{}_{kind}{number}.json.gz", self.folder("CloudTrail", at), compact(at, false))
    }

    fn record(&self, hour: i64, number: i64) -> Value {
        let at = time::format(DAY + hour * HOUR + 20 * number * MINUTE);
        let id = format!(
            "{:08x}-0000-4000-8000-{}{hour:02}{number}{}",
            hour,
            &self.account[..8],
            u8::from(self.is_backfill)
        );
        json!({"eventVersion": "1.11", "eventTime": at, "eventSource": "s3.amazonaws.com", "eventName": "GetObject",
            "awsRegion": self.region, "recipientAccountId": self.account, "eventID": id})
    }
}

impl Trail {
    pub(crate) fn of(chains: &[Chain]) -> Self {
        let mut trail = Self::default();
        for chain in chains {
            trail.add(chain);
        }
        trail
    }

    /// Writes the log files and digests of a chain.
    pub(crate) fn add(&mut self, chain: &Chain) {
        for hours in &chain.hours {
            let mut before: Option<String> = None;
            for hour in hours.clone() {
                let logs = [0, 1].map(|number| {
                    let text = json!({"Records": [chain.record(hour, number)]}).to_string();
                    let key = chain.log(hour, number);
                    self.put(&key, gzip(text.as_bytes()));
                    json!({"s3Bucket": BUCKET, "s3Object": key, "hashAlgorithm": "SHA-256",
                        "hashValue": hex(&Sha256::digest(&text))})
                });
                let (start, end) = (DAY + hour * HOUR, DAY + (hour + 1) * HOUR);
                let key = chain.digest(hour);
                let mut digest = json!({
                    "awsAccountId": chain.account, "digestStartTime": time::format(start),
                    "digestEndTime": time::format(end), "digestS3Bucket": BUCKET, "digestS3Object": key,
                    "digestPublicKeyFingerprint": fingerprint(0), "digestSignatureAlgorithm": "SHA256withRSA",
                    "previousDigestS3Bucket": null, "previousDigestS3Object": null, "previousDigestHashValue": null,
                    "previousDigestHashAlgorithm": null, "previousDigestSignature": null, "logFiles": logs,
                });
                if let Some(before) = before {
                    let stored = &self.objects[&before];
                    digest["previousDigestS3Bucket"] = BUCKET.into();
                    digest["previousDigestHashValue"] = hex(&Sha256::digest(gunzip(&stored.body))).into();
                    digest["previousDigestHashAlgorithm"] = "SHA-256".into();
                    digest["previousDigestSignature"] = stored.metadata["signature"].clone().into();
                    digest["previousDigestS3Object"] = before.into();
                }
                self.put(&key, vec![]);
                self.sign(&key, &digest, 0);
                if chain.is_backfill {
                    let made = time::format(DAY + 30 * HOUR);
                    self.at(&key).metadata.insert("backfill-generation-timestamp", made);
                }
                before = Some(key);
            }
        }
    }

    pub(crate) fn put(&mut self, key: &str, body: Vec<u8>) {
        self.objects.insert(key.to_owned(), Stored { body, metadata: BTreeMap::new() });
    }

    pub(crate) fn at(&mut self, key: &str) -> &mut Stored {
        self.objects.get_mut(key).unwrap()
    }

    pub(crate) fn delete(&mut self, key: &str) {
        self.objects.remove(key).unwrap();
    }

    /// Changes what is inside an object, and leaves what is noted beside it.
    pub(crate) fn edit(&mut self, key: &str, from: &str, to: &str) {
        let text = String::from_utf8(gunzip(&self.at(key).body)).unwrap();
        assert!(text.contains(from), "{text}");
        self.at(key).body = gzip(text.replace(from, to).as_bytes());
    }

    /// Writes a digest, signed with CloudTrail's key (0) or somebody else's (1).
    pub(crate) fn sign(&mut self, key: &str, digest: &Value, by: usize) {
        let text = digest.to_string();
        let field = |name: &str| digest[name].as_str().unwrap_or("null").to_owned();
        let place = format!("{}/{}", field("digestS3Bucket"), field("digestS3Object"));
        let hash = hex(&Sha256::digest(&text));
        let signed = [field("digestEndTime"), place, hash, field("previousDigestSignature")].join("\n");
        let mut signature = vec![0; KEYS[by].public_modulus_len()];
        KEYS[by].sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature).unwrap();
        let stored = self.at(key);
        stored.body = gzip(text.as_bytes());
        stored.metadata.insert("signature", hex(&signature));
        stored.metadata.insert("signature-algorithm", "SHA256withRSA".to_owned());
    }

    /// Hides a log file: takes it out of its digest, and signs that with somebody else's key.
    pub(crate) fn sign_again(&mut self, key: &str, names_its_key: bool) {
        let mut digest: Value = serde_json::from_slice(&gunzip(&self.at(key).body)).unwrap();
        let gone = digest["logFiles"].as_array_mut().unwrap().remove(0);
        if names_its_key {
            digest["digestPublicKeyFingerprint"] = fingerprint(1).into();
        }
        self.delete(gone["s3Object"].as_str().unwrap());
        self.sign(key, &digest, 1);
    }

    /// Copies the bucket to a folder, as `aws s3 sync` does: without what is noted beside objects.
    pub(crate) fn write(&self, folder: &Path) {
        for (key, stored) in &self.objects {
            let path = folder.join(key);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, &stored.body).unwrap();
        }
    }

    /// The signatures of the digests, a line each.
    pub(crate) fn signatures(&self) -> String {
        let lines = self.objects.iter().filter_map(|(key, stored)| {
            let signature = stored.metadata.get("signature")?;
            let backfilled = stored.metadata.get("backfill-generation-timestamp");
            let line = json!({"bucket": BUCKET, "object": key, "signature": signature,
                "backfillGenerationTimestamp": backfilled});
            Some(format!("{line}\n"))
        });
        lines.collect()
    }
}
