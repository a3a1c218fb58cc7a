//! What is in the folder of a table: data files, commits, checkpoints.
//!
//! In: the folder. Out: the files that we know for what they are. Anything else is none of our business: files with
//! another ending, in folders that are hidden from readers (`_` or `.` in front), or with odd characters in their path.

use super::{Lake, error::LakeError, files::LakeTable};
use deltalake::{ObjectStore, Path};
use futures::TryStreamExt;
use std::{collections::BTreeMap, time::SystemTime};

const LOG: &str = "_delta_log/";

/// A file of a folder.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Listed {
    /// Its path in the folder.
    pub(super) path: String,
    /// Bytes.
    pub(super) size: u64,
    /// When it was written, by the clock of the storage.
    pub(super) modified: SystemTime,
}

/// The files of a folder.
#[derive(Default, Debug)]
pub(super) struct Listing {
    pub(super) data: Vec<Listed>,
    /// By version.
    pub(super) commits: BTreeMap<u64, Listed>,
    /// By version; those of one file, as we make them.
    pub(super) checkpoints: BTreeMap<u64, Listed>,
}

impl Lake {
    /// The oldest version of `table` that can still be read.
    ///
    /// # Errors
    /// The log cannot be listed.
    pub async fn first_version(&self, table: LakeTable) -> Result<u64, LakeError> {
        let log = self.list_below(table, Some(&Path::from(LOG))).await?;
        let first = log.checkpoints.keys().next().copied();
        Ok(if log.commits.contains_key(&0) { 0 } else { first.unwrap_or(0) })
    }

    /// Lists the folder of `table`.
    pub(super) async fn listing(&self, table: LakeTable) -> Result<Listing, LakeError> {
        self.list_below(table, None).await
    }

    async fn list_below(&self, table: LakeTable, prefix: Option<&Path>) -> Result<Listing, LakeError> {
        let store = self.store(table);
        let mut listing = Listing::default();
        let mut entries = store.list(prefix);
        while let Some(entry) = entries.try_next().await.map_err(|e| self.failed(table, "list", e))? {
            let (path, modified) = (entry.location.to_string(), SystemTime::from(entry.last_modified));
            listing.add(Listed { path, size: entry.size, modified });
        }
        Ok(listing)
    }
}

impl Listing {
    fn add(&mut self, file: Listed) {
        if let Some(name) = file.path.strip_prefix(LOG) {
            if let Some(version) = version_of(name, ".json") {
                self.commits.insert(version, file);
            } else if let Some(version) = version_of(name, ".checkpoint.parquet") {
                self.checkpoints.insert(version, file);
            }
        } else if is_data_file(&file.path) {
            self.data.push(file);
        }
    }
}

/// `00000000000000000007.json` → 7.
fn version_of(name: &str, ending: &str) -> Option<u64> {
    let digits = name.strip_suffix(ending)?;
    let is_version = digits.len() == 20 && digits.bytes().all(|digit| digit.is_ascii_digit());
    is_version.then(|| digits.parse().ok()).flatten()
}

fn is_data_file(path: &str) -> bool {
    let is_plain = path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._=-/".contains(&byte));
    let hidden = |part: &str| part.is_empty() || part.starts_with(['_', '.']);
    is_plain && path.ends_with(".parquet") && !path.split('/').any(hidden)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_known_is_taken() {
        let mut listing = Listing::default();
        for path in [
            "date=2025-12-01/part-a.zstd.parquet",
            "_delta_log/00000000000000000007.json",
            "_delta_log/00000000000000000006.checkpoint.parquet",
            "_delta_log/0000000000000000000x.json",
            "_delta_log/00000000000000000006.checkpoint.0000000001.0000000002.parquet",
            "_delta_log/_last_checkpoint",
            "_delta_log/../../00000000000000000007.json",
            "date=2025-12-01/../../../x.parquet",
            "date=2025-12-01/%2e%2e/x.parquet",
            "date=2025-12-01/.hidden/x.parquet",
            "_change_data/x.parquet",
            "/x.parquet",
            "notes.txt",
        ] {
            listing.add(Listed { path: path.to_owned(), size: 1, modified: SystemTime::UNIX_EPOCH });
        }
        let data = listing.data.iter().map(|file| file.path.as_str()).collect::<Vec<_>>();
        assert_eq!(data, ["date=2025-12-01/part-a.zstd.parquet"]);
        assert!(listing.commits.keys().eq([&7]) && listing.checkpoints.keys().eq([&6]));
    }
}
