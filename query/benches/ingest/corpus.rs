//! The log files that are measured, a million events where the corpus is at hand.

use std::ffi::OsStr;
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Copies of the sample logs that make about a million events.
const COPIES: u32 = 80;

/// The folder of log files: what the environment names, else the corpus of real templates, else the sample logs, with
/// an id of its own for each event. The latter two are made once, below the target folder.
pub(crate) fn folder() -> PathBuf {
    if let Some(named) = std::env::var_os("TRAILHOUND_BENCH_LOGS") {
        return named.into();
    }
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpora");
    let name = if corpus.join("scale.py").is_file() { "bench-corpus" } else { "bench-samples" };
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if !folder.join("ready").is_file() {
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("a folder for the corpus");
        match name {
            "bench-corpus" => scale(&corpus, &folder),
            _ => enlarge(&folder),
        }
        fs::write(folder.join("ready"), "").expect("a mark in the folder");
    }
    folder.join("AWSLogs")
}

fn scale(corpus: &Path, folder: &Path) {
    let status = Command::new("python3")
        .arg(corpus.join("scale.py"))
        .args([OsStr::new("--events"), OsStr::new("1000000"), OsStr::new("--templates")])
        .arg(corpus.join("templates.ndjson.gz"))
        .arg("--out")
        .arg(folder)
        .stdout(std::process::Stdio::null())
        .status();
    assert!(
        status.is_ok_and(|status| status.success()),
        "the corpus could not be made (it needs Python's orjson)"
    );
}

/// Copies of the sample logs; in copy `n` each eventID begins with `n`.
fn enlarge(folder: &Path) {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sample-logs");
    for file in files(&samples.join("AWSLogs")) {
        let mut text = Vec::new();
        let gz = fs::read(&file).expect("a sample log");
        flate2::read::MultiGzDecoder::new(&gz[..]).read_to_end(&mut text).expect("gzip");
        let ids = memchr_all(&text, b"\"eventID\":\"");
        let to = folder.join(file.strip_prefix(&samples).expect("below the samples"));
        fs::create_dir_all(to.parent().expect("a folder")).expect("a folder");
        for copy in 0..COPIES {
            for &at in &ids {
                text[at..at + 8].copy_from_slice(format!("{copy:08x}").as_bytes());
            }
            let out = fs::File::create(to.with_file_name(format!("{copy}_{}", name(&to)))).expect("a file");
            let mut gz = flate2::write::GzEncoder::new(out, flate2::Compression::default());
            gz.write_all(&text).and_then(|()| gz.try_finish()).expect("a file");
        }
    }
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Where `needle` ends in `text`, each time.
fn memchr_all(text: &[u8], needle: &[u8]) -> Vec<usize> {
    let starts = text.windows(needle.len()).enumerate().filter(|(_, window)| *window == needle);
    starts.map(|(at, _)| at + needle.len()).collect()
}

/// All log files below `folder`, in a fixed order. Digests are left out, as ingest does.
fn files(folder: &Path) -> Vec<PathBuf> {
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_path_buf()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of logs").flatten() {
            match entry.path() {
                path if path.ends_with("CloudTrail-Digest") => {}
                path if path.is_dir() => folders.push(path),
                path if path.extension() == Some(OsStr::new("gz")) => found.push(path),
                _ => {}
            }
        }
    }
    found.sort_unstable();
    found
}

/// The files, as stored.
pub(crate) fn read(folder: &Path) -> Vec<Vec<u8>> {
    files(folder).iter().map(|path| fs::read(path).expect("a log file")).collect()
}
