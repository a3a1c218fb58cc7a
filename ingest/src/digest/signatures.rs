//! Signatures of digests, for copies: the metadata of an object is lost when it is copied to a disk.
//!
//! A JSON object a line, as `{"object": KEY, "signature": HEX}`; other members, such as the bucket, are passed over. A
//! digest without a line is proven by the next one, which has its hash, so all but the newest of a chain do without.

use super::place::stem;
use super::store::Notes;
use crate::error::Error;
use serde::Deserialize;
use std::collections::HashMap;
use std::path::Path;

/// What is known of the metadata of digests, by the key they had.
#[derive(Clone, Default, Debug)]
pub struct Signatures(HashMap<String, Notes>);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    object: String,
    signature: String,
    backfill_generation_timestamp: Option<String>,
}

impl Signatures {
    /// Reads the file.
    ///
    /// # Errors
    /// It is gone, or has a line that is no signature.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let name = || path.display().to_string();
        let text = std::fs::read_to_string(path);
        let text = text.map_err(|source| Error::Io { doing: "read", name: name(), source })?;
        Self::parse(&text).map_err(|why| Error::Source {
            name: name(),
            why: format!("{why}\nhint: a line is {{\"object\": KEY, \"signature\": HEX}}"),
        })
    }

    fn parse(text: &str) -> Result<Self, String> {
        let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        let read = |(at, line): (usize, &str)| {
            let line: Line =
                serde_json::from_str(line).map_err(|error| format!("line {}: {error}", at + 1))?;
            let notes =
                Notes { signature: Some(line.signature), backfilled: line.backfill_generation_timestamp };
            Ok((stem(&line.object).to_owned(), notes))
        };
        Ok(Self(lines.map(read).collect::<Result<_, String>>()?))
    }

    pub(super) fn of(&self, stem: &str) -> Option<&Notes> {
        self.0.get(stem)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_found_by_the_key_it_had() {
        let text = "{\"bucket\": \"b\", \"object\": \"p/AWSLogs/1/x.json.gz\", \"signature\": \"ab\"}\n\n";
        let signatures = Signatures::parse(text).unwrap();
        let copy = signatures.of(stem("/copies/AWSLogs/1/x.json")).unwrap();
        assert_eq!(copy.signature.as_deref(), Some("ab"));
        assert_eq!(signatures.of("AWSLogs/2/x.json"), None);
        assert!(Signatures::parse("\n{}").unwrap_err().starts_with("line 2: "));
    }
}
