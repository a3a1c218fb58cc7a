//! A trail, room for lakes beside it, and what an undisturbed run makes of the trail: in a folder, or on S3.

use crate::bucket::Bucket;
use crate::emulator::Emulator;
use crate::logs;
use crate::product::{run, text, trailhound};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use tokio::runtime::Runtime;
use trailhound::Engine;
use trailhound::output::{Format, write};
use trailhound_ingest::lake::Lake;

/// Where a test takes place.
pub(crate) struct Ground {
    folder: tempfile::TempDir,
    emulator: Option<Emulator>,
    runtime: Runtime,
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
        let runtime = Runtime::new().unwrap();
        let mut ground = Self { folder, emulator: None, runtime, files, records: vec![] };
        let lake = ground.lake("undisturbed");
        let output = run(&mut ground.ingest(&lake));
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        let contents = ground.contents(&lake);
        assert!(!contents.records.is_empty() && contents.objects == ground.files);
        ground.records = contents.records;
        ground
    }

    /// The same trail and the lakes in buckets of an emulator; `None` where there is none.
    pub(crate) fn on_s3(objects: u64) -> Option<Self> {
        let emulator = Emulator::start()?;
        let ground = Self::in_folder(objects);
        let fill = async {
            Bucket::make(&emulator, "lake").await;
            let logs = Bucket::make(&emulator, "logs").await;
            for file in files(&ground.folder.path().join("trail")) {
                let key = format!("trail/{}", name_of(&file.to_string_lossy()));
                logs.put(&key, std::fs::read(&file).unwrap()).await;
            }
        };
        ground.runtime.block_on(fill);
        Some(Self { emulator: Some(emulator), ..ground })
    }

    /// The place of the lake `name`.
    pub(crate) fn lake(&self, name: &str) -> String {
        match &self.emulator {
            Some(_) => format!("s3://lake/{name}"),
            None => self.folder.path().join(name).to_str().unwrap().to_owned(),
        }
    }

    /// The emulator, if it is on S3.
    pub(crate) fn emulator(&self) -> Option<&Emulator> {
        self.emulator.as_ref()
    }

    /// Does what has to be waited for.
    pub(crate) fn wait<T>(&self, what: impl Future<Output = T>) -> T {
        self.runtime.block_on(what)
    }

    /// Where S3 is, if it is on S3.
    pub(crate) fn endpoint(&self) -> Option<&str> {
        self.emulator.as_ref().map(Emulator::endpoint)
    }

    /// An ingest of the trail in small batches, so that there are several commits.
    pub(crate) fn ingest(&self, lake: &str) -> Command {
        self.ingest_of(&[self.source("")], lake)
    }

    /// An ingest of the first `count` log files.
    pub(crate) fn ingest_first(&self, count: usize, lake: &str) -> Command {
        let sources = self.files[..count].iter().map(|file| self.source(file)).collect::<Vec<_>>();
        self.ingest_of(&sources, lake)
    }

    /// Where a log file is; of no name, the trail.
    fn source(&self, name: &str) -> String {
        match &self.emulator {
            Some(_) => format!("s3://logs/trail/{name}"),
            None => self.folder.path().join("trail").join(name).to_str().unwrap().to_owned(),
        }
    }

    fn ingest_of(&self, sources: &[String], lake: &str) -> Command {
        let mut ingest =
            self.product(&["ingest", "--report", "json", "--batch-bytes", "130000", "--lake", lake]);
        ingest.args(sources);
        ingest
    }

    /// The product with these arguments.
    pub(crate) fn product(&self, args: &[&str]) -> Command {
        let mut command = trailhound(args);
        if let Some(emulator) = &self.emulator {
            command.envs(emulator.environment());
        }
        command
    }

    /// Copies a lake on S3.
    pub(crate) fn copy_lake(&self, from: &str, to: &str) {
        let copy = async {
            let bucket = Bucket::of(self.emulator.as_ref().unwrap(), "lake").await;
            for key in bucket.keys(&format!("{}/", below_bucket(from))).await {
                let name = key.strip_prefix(below_bucket(from)).unwrap();
                bucket.copy(&key, &format!("{}{name}", below_bucket(to))).await;
            }
        };
        self.runtime.block_on(copy);
    }

    /// What is in a lake. One on S3 is fetched first, past the product, so that what is told of it is true.
    pub(crate) fn contents(&self, lake: &str) -> Contents {
        let Some(emulator) = &self.emulator else { return self.runtime.block_on(Contents::of(lake)) };
        let folder = tempfile::tempdir().unwrap();
        let read = async {
            let bucket = Bucket::of(emulator, "lake").await;
            for key in bucket.keys(&format!("{}/", below_bucket(lake))).await {
                let path = folder.path().join(&key);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, bucket.get(&key).await).unwrap();
            }
            Contents::of(folder.path().join(below_bucket(lake)).to_str().unwrap()).await
        };
        self.runtime.block_on(read)
    }

    /// Checks that the lake holds each record once, and that `logfiles` names each object once.
    pub(crate) fn check(&self, lake: &str, what: &str) {
        let Contents { records, objects, .. } = self.contents(lake);
        assert_eq!(records.len(), self.records.len(), "{what}: number of records");
        assert!(records == self.records, "{what}: the table differs from that of an undisturbed run");
        assert_eq!(objects, self.files, "{what}: logfiles");
    }
}

/// What a lake holds.
pub(crate) struct Contents {
    /// Every record, as text, sorted.
    pub(crate) records: Vec<String>,
    /// The objects that `logfiles` names, sorted.
    pub(crate) objects: Vec<String>,
    /// The objects that a record came from, sorted.
    pub(crate) origins: Vec<String>,
}

impl Contents {
    async fn of(folder: &str) -> Self {
        let engine = Engine::open(&Lake::open(folder).await.unwrap()).await.unwrap();
        let ask = async |query: &str, format| {
            let mut out = Vec::new();
            write(&engine.sql(query).await.unwrap(), format, &mut out).unwrap();
            text(&out)
        };
        let names = async |query: &str| {
            let table = ask(query, Format::Csv).await;
            let mut names = table.lines().skip(1).map(name_of).collect::<Vec<_>>();
            names.sort_unstable();
            names
        };
        let document = ask("select * from cloudtrail", Format::Cloudtrail).await;
        let document = serde_json::from_str::<Value>(&document).unwrap();
        let mut records =
            document["Records"].as_array().unwrap().iter().map(Value::to_string).collect::<Vec<_>>();
        records.sort_unstable();
        let objects = names("select sourcefile from logfiles").await;
        let origins = names("select distinct sourcefile from cloudtrail").await;
        Self { records, objects, origins }
    }
}

/// The place of a lake in its bucket.
fn below_bucket(lake: &str) -> &str {
    lake.strip_prefix("s3://lake/").unwrap()
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
