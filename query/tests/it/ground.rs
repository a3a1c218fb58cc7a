//! A trail, room for lakes beside it, and what an undisturbed run makes of the trail: in a folder, or on S3.

use crate::emulator::Emulator;
use crate::logs;
use crate::product::{json, run, text, trailhound};
use aws_sdk_s3::primitives::ByteStream;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where a test takes place.
pub(crate) struct Ground {
    folder: tempfile::TempDir,
    emulator: Option<Emulator>,
    /// The names of the log files, from `AWSLogs/` on, sorted.
    pub(crate) files: Vec<String>,
    /// The records of the trail, each once, as text, sorted.
    pub(crate) records: Vec<String>,
}

impl Ground {
    /// Everything in a folder; the trail has this many log files.
    pub(crate) fn in_folder(objects: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = logs::write_first(objects, &folder.path().join("trail")).to_owned();
        let mut files = files(&root).iter().map(|file| name_of(&file.to_string_lossy())).collect::<Vec<_>>();
        files.sort_unstable();
        let mut ground = Self { folder, emulator: None, files, records: vec![] };
        let lake = ground.lake("undisturbed");
        let output = run(&mut ground.ingest(&lake));
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        ground.records = ground.records_in(&lake);
        assert!(!ground.records.is_empty() && ground.objects_in(&lake) == ground.files);
        ground
    }

    /// The same trail and the lakes in buckets of an emulator; `None` where there is none.
    pub(crate) fn on_s3(objects: u64) -> Option<Self> {
        let emulator = Emulator::start()?;
        let ground = Self::in_folder(objects);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(fill(&emulator, &ground.folder.path().join("trail")));
        Some(Self { emulator: Some(emulator), ..ground })
    }

    /// The place of the lake `name`.
    pub(crate) fn lake(&self, name: &str) -> String {
        match &self.emulator {
            Some(_) => format!("s3://lake/{name}"),
            None => self.folder.path().join(name).to_str().unwrap().to_owned(),
        }
    }

    /// Where S3 is, if it is on S3.
    pub(crate) fn endpoint(&self) -> Option<&str> {
        self.emulator.as_ref().map(Emulator::endpoint)
    }

    /// An ingest of the trail in small batches, so that there are several commits.
    pub(crate) fn ingest(&self, lake: &str) -> Command {
        let source = match &self.emulator {
            Some(_) => "s3://logs/trail/".to_owned(),
            None => self.folder.path().join("trail").to_str().unwrap().to_owned(),
        };
        self.product(&["ingest", "--report", "json", "--batch-bytes", "130000", "--lake", lake, &source])
    }

    /// The product with these arguments.
    pub(crate) fn product(&self, args: &[&str]) -> Command {
        let mut command = trailhound(args);
        if let Some(emulator) = &self.emulator {
            command.envs(emulator.environment());
        }
        command
    }

    /// Every record of the lake, as text, sorted.
    pub(crate) fn records_in(&self, lake: &str) -> Vec<String> {
        let query = "select * from cloudtrail";
        let document = json(&mut self.product(&["sql", query, "--format", "cloudtrail", "--lake", lake]));
        let Some(Value::Array(records)) = document.get("Records") else { panic!("no Records in {document}") };
        let mut records = records.iter().map(Value::to_string).collect::<Vec<_>>();
        records.sort_unstable();
        records
    }

    /// The objects that `logfiles` names, sorted.
    pub(crate) fn objects_in(&self, lake: &str) -> Vec<String> {
        let query = "select sourcefile from logfiles";
        let output = run(&mut self.product(&["sql", query, "--format", "csv", "--lake", lake]));
        let mut objects = text(&output.stdout).lines().skip(1).map(name_of).collect::<Vec<_>>();
        objects.sort_unstable();
        objects
    }

    /// Checks that the lake holds each record once, and that `logfiles` names each object once.
    pub(crate) fn check(&self, lake: &str, what: &str) {
        let records = self.records_in(lake);
        assert_eq!(records.len(), self.records.len(), "{what}: number of records");
        assert!(records == self.records, "{what}: the table differs from that of an undisturbed run");
        assert_eq!(self.objects_in(lake), self.files, "{what}: logfiles");
    }
}

/// The part of a path or key that is the same in a folder and in a bucket.
fn name_of(path: &str) -> String {
    path[path.find("AWSLogs/").unwrap()..].to_owned()
}

/// All files below a folder.
pub(crate) fn files(below: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(below).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// Puts the trail into the bucket `logs`, and makes the bucket `lake`.
async fn fill(emulator: &Emulator, root: &Path) {
    let config = aws_sdk_s3::config::Builder::from(&emulator.config().await).force_path_style(true).build();
    let s3 = aws_sdk_s3::Client::from_conf(config);
    for bucket in ["logs", "lake"] {
        s3.create_bucket().bucket(bucket).send().await.unwrap();
    }
    for file in files(root) {
        let key = format!("trail/{}", name_of(&file.to_string_lossy()));
        let body = ByteStream::from(std::fs::read(&file).unwrap());
        s3.put_object().bucket("logs").key(key).body(body).send().await.unwrap();
    }
}
