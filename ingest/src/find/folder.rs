//! A file or a folder → its log objects.

use super::{Days, Found, LogObject, Place};
use crate::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

/// Adds the log objects below `path` to `found`. Symbolic links to files are followed, links to folders are not, so
/// that a loop cannot trap us.
///
/// # Errors
/// `path` or a folder below it cannot be read.
pub fn walk(path: &Path, days: Days, found: &mut Found) -> Result<(), Error> {
    let failed = |why| Error::Io { doing: "read", name: path.display().to_string(), source: why };
    let meta = fs::metadata(path).map_err(failed)?;
    if !meta.is_dir() {
        take(path.to_path_buf(), meta.len(), true, days, found);
        return Ok(());
    }
    let mut folders = vec![path.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let failed = |why| Error::Io { doing: "list", name: folder.display().to_string(), source: why };
        for entry in fs::read_dir(&folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            if entry.file_type().map_err(failed)?.is_dir() {
                folders.push(entry.path());
            } else if let Ok(meta) = fs::metadata(entry.path()) {
                take(entry.path(), meta.len(), false, days, found);
            } else {
                found.passed_over += 1;
            }
        }
    }
    Ok(())
}

fn take(path: PathBuf, size: u64, named: bool, days: Days, found: &mut Found) {
    let key = path.to_string_lossy().into_owned();
    found.take(LogObject { place: Place::Disk(path), size, time: None }, &key, named, days);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_counted_and_other_files_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        let day = dir.path().join("AWSLogs/1/CloudTrail/eu-west-1/2026/03/17");
        let digests = dir.path().join("AWSLogs/1/CloudTrail-Digest/eu-west-1/2026/03/17");
        for folder in [&day, &digests] {
            fs::create_dir_all(folder).unwrap();
            fs::write(folder.join("a.json.gz"), "x").unwrap();
        }
        fs::write(day.join("README.md"), "x").unwrap();
        fs::write(day.join("empty.json"), "").unwrap();
        let mut found = Found::default();
        walk(dir.path(), Days::default(), &mut found).unwrap();
        assert_eq!((found.objects.len(), found.digests, found.passed_over), (1, 1, 2));
    }

    #[test]
    fn a_missing_folder_is_named() {
        let error = walk(Path::new("no/such/folder"), Days::default(), &mut Found::default()).unwrap_err();
        assert!(error.to_string().contains("no/such/folder"), "{error}");
    }
}
