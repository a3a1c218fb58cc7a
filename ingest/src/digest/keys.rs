//! The public keys of CloudTrail, by fingerprint: from the file that `aws cloudtrail list-public-keys` prints, or from
//! whoever can ask CloudTrail.

use crate::error::Error;
use async_trait::async_trait;
use base64::{Engine, prelude::BASE64_STANDARD};
use serde::Deserialize;
use std::collections::HashMap;
use std::path::Path;

/// A public key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PublicKey {
    /// By which digests name it.
    pub fingerprint: String,
    /// `RSAPublicKey` of PKCS #1, in DER.
    pub der: Vec<u8>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct List {
    public_key_list: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    value: String,
    fingerprint: String,
}

impl PublicKey {
    /// Reads the JSON that CloudTrail's `ListPublicKeys` answers, which is also what the AWS CLI prints.
    ///
    /// # Errors
    /// It is something else; the text says what.
    pub fn list(json: &[u8]) -> Result<Vec<Self>, String> {
        let list: List = serde_json::from_slice(json).map_err(|error| error.to_string())?;
        let read = |entry: Entry| {
            let der = BASE64_STANDARD.decode(&entry.value);
            let der = der.map_err(|error| format!("the key {} is not base64: {error}", entry.fingerprint))?;
            Ok(Self { fingerprint: entry.fingerprint, der })
        };
        list.public_key_list.into_iter().map(read).collect()
    }
}

/// Where public keys come from.
#[async_trait]
pub trait KeySource: Send + Sync {
    /// The keys of a region that were valid at some time in a span, in µs since 1970.
    ///
    /// # Errors
    /// Nobody answers.
    async fn keys(&self, region: &str, from: i64, until: i64) -> Result<Vec<PublicKey>, Error>;

    /// Whether a key that is not among them does not exist.
    fn is_complete(&self) -> bool;
}

/// Keys from a file: those of all regions, for all times.
#[derive(Debug)]
pub struct KeyFile(Vec<PublicKey>);

impl KeyFile {
    /// Reads it.
    ///
    /// # Errors
    /// It is gone, or is not what CloudTrail answers.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let name = || path.display().to_string();
        let json = std::fs::read(path).map_err(|source| Error::Io { doing: "read", name: name(), source })?;
        let keys = PublicKey::list(&json).map_err(|why| Error::Source {
            name: name(),
            why: format!("{why}\nhint: it has to be what `aws cloudtrail list-public-keys` prints as JSON"),
        });
        Ok(Self(keys?))
    }
}

#[async_trait]
impl KeySource for KeyFile {
    async fn keys(&self, _: &str, _: i64, _: i64) -> Result<Vec<PublicKey>, Error> {
        Ok(self.0.clone())
    }

    fn is_complete(&self) -> bool {
        false
    }
}

/// The keys at hand.
#[derive(Clone, Default, Debug)]
pub(super) struct Keys(HashMap<String, Vec<u8>>);

impl Keys {
    pub(super) fn of(&self, fingerprint: &str) -> Option<&[u8]> {
        self.0.get(fingerprint).map(Vec::as_slice)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn merge(&mut self, others: &Self) {
        self.0.extend(others.0.iter().map(|(fingerprint, der)| (fingerprint.clone(), der.clone())));
    }

    pub(super) fn extend(&mut self, keys: Vec<PublicKey>) {
        self.0.extend(keys.into_iter().map(|key| (key.fingerprint, key.der)));
    }
}

impl From<Vec<PublicKey>> for Keys {
    fn from(list: Vec<PublicKey>) -> Self {
        let mut keys = Self::default();
        keys.extend(list);
        keys
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_cli_prints_is_read() {
        let text = br#"{"PublicKeyList":[{"Value":"AQI=","ValidityStartTime":"2021-01-01T00:00:00Z","Fingerprint":"f"}]}"#;
        let key = PublicKey { fingerprint: "f".to_owned(), der: vec![1, 2] };
        assert_eq!(PublicKey::list(text), Ok(vec![key]));
        assert!(PublicKey::list(b"[]").is_err());
        let why = PublicKey::list(br#"{"PublicKeyList":[{"Value":"?","Fingerprint":"f"}]}"#).unwrap_err();
        assert!(why.contains("the key f"), "{why}");
    }
}
