//! `sample-logs` is what its generator makes, to the byte.

use flate2::read::GzDecoder;
use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

#[path = "../../examples/sample_logs/main.rs"]
#[expect(dead_code, reason = "its `main` is for the command line, and the week is for the rules")]
mod sample_logs;

/// What is below `folder`, by path; log files inflated, since another version of the compressor may compress better.
fn content(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let mut bytes = fs::read(&path).unwrap();
            if path.extension().is_some_and(|extension| extension == "gz") {
                let compressed = std::mem::take(&mut bytes);
                GzDecoder::new(compressed.as_slice()).read_to_end(&mut bytes).unwrap();
            }
            found.insert(path.strip_prefix(folder).unwrap().to_owned(), bytes);
        }
    }
    found
}

#[test]
fn the_generator_makes_what_is_committed() {
    let fresh = tempfile::tempdir().unwrap();
    sample_logs::generate(fresh.path()).unwrap();
    let (fresh, mut committed) =
        (content(fresh.path()), content(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../sample-logs")));
    for written in ["README.md", "FINDINGS.md"] {
        committed.remove(Path::new(written));
    }
    let names = |files: &BTreeMap<PathBuf, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&fresh), names(&committed));
    let stale = fresh.iter().filter(|(path, bytes)| committed[*path] != **bytes).map(|(path, _)| path);
    assert_eq!(stale.collect::<Vec<_>>(), Vec::<&PathBuf>::new(), "run the generator again");
}
