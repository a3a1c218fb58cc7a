//! A vacuum beside writers, readers and odd paths. Time passes by setting back the times of files.

use super::{
    super::{
        Appender, CommitSettings, Days,
        faults::{Fault, Point},
        replace::{Exchange, Exchanged},
        toy::{DAY, Toy, append, check, new_lake, settings, upload},
    },
    *,
};
use std::{fs, path::Path as File};
use tempfile::TempDir;

const EVENTS: LakeTable = LakeTable::Events;
const WEEK: Duration = Duration::from_hours(7 * 24);

fn folder(lake: &Lake, table: LakeTable) -> std::path::PathBuf {
    lake.url().to_file_path().unwrap().join(table.name())
}

/// All files below a folder.
fn files(below: &File) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(below).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// Makes everything that is in the lake older.
fn age(lake: &Lake, by: Duration) {
    for file in files(&lake.url().to_file_path().unwrap()) {
        let then = fs::metadata(&file).unwrap().modified().unwrap() - by;
        fs::File::options().append(true).open(&file).unwrap().set_modified(then).unwrap();
    }
}

async fn vacuum(lake: &Lake) -> Vacuumed {
    lake.vacuum(VacuumConfig::default(), |_| ()).await.unwrap()
}

/// A lake with a file that an exchange has taken out, and one that nobody ever named.
async fn with_garbage() -> (TempDir, Lake) {
    let (temporary, lake) = new_lake().await;
    append(&lake, &settings(&[]), 0..4).await.unwrap();
    upload(&lake, EVENTS, DAY, vec![]).await.unwrap();
    let base = lake.base(EVENTS).await.unwrap();
    let old = base.files.iter().find(|file| file.date == DAY).unwrap().clone();
    let hashes = super::super::logfiles::hashes_in(lake.store(EVENTS), &old).await.unwrap();
    let add = upload(&lake, EVENTS, DAY, hashes.into_iter().map(|h| h.to_string()).collect()).await.unwrap();
    let exchange = Exchange { removes: &[old], adds: &[add], relied: &[], duplicates: 0, is_update: false };
    let exchanged = lake.exchange(EVENTS, &base, exchange).await.unwrap();
    assert_eq!(exchanged, Exchanged::Committed(2));
    (temporary, lake)
}

#[tokio::test]
async fn what_no_kept_version_needs_goes() {
    let (_temporary, lake) = with_garbage().await;
    assert_eq!(vacuum(&lake).await.data_files, 0);
    age(&lake, WEEK * 2);
    let mut told = vec![];
    let dry = VacuumConfig { dry_run: true, ..VacuumConfig::default() };
    let would = lake.vacuum(dry, |file| told.push(file.path.clone())).await.unwrap();
    assert_eq!((would.data_files, told.len()), (2, 2));
    let before = files(&folder(&lake, EVENTS)).len();
    let done = vacuum(&lake).await;
    assert_eq!((done.data_files, done.data_bytes), (2, would.data_bytes));
    assert_eq!(files(&folder(&lake, EVENTS)).len(), before - 2);
    assert_eq!(vacuum(&lake).await.data_files, 0);
    check(&lake, EVENTS, 4).await;
}

#[tokio::test]
async fn a_version_within_the_retention_stays_readable() {
    let (_temporary, lake) = with_garbage().await;
    age(&lake, WEEK * 2);
    // The exchange was two weeks ago; a version of today that takes a file out keeps that file.
    let base = lake.base(EVENTS).await.unwrap();
    let old = base.files[0].clone();
    let exchange = Exchange {
        removes: std::slice::from_ref(&old),
        adds: &[],
        relied: &[],
        duplicates: old.rows,
        is_update: false,
    };
    lake.exchange(EVENTS, &base, exchange).await.unwrap();
    assert_eq!(vacuum(&lake).await.data_files, 2);
    for file in lake.snapshot(EVENTS, Some(2)).await.unwrap().files {
        assert!(folder(&lake, EVENTS).join(&file.path).exists());
    }
}

#[tokio::test]
async fn a_writer_has_time_to_commit() {
    let (_temporary, lake) = new_lake().await;
    let error =
        lake.vacuum(VacuumConfig { keep: Duration::from_hours(5), ..VacuumConfig::default() }, |_| ());
    let error = error.await.unwrap_err().to_string();
    assert!(error.starts_with("versions must be kept for 6 h at least, not 5.0 h\nhint: "), "{error}");
}

/// An ingester stops after its upload, for less than the limit of a file or for much longer, and then its files are gone.
/// What it commits is there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_about_to_be_committed_is_there() {
    let age_limit = Duration::from_millis(400);
    for (stall, is_gone) in [(age_limit, false), (age_limit * 15, true)] {
        let (_temporary, lake) = new_lake().await;
        append(&lake, &settings(&[]), 0..3).await.unwrap();
        let ingester = CommitSettings { age_limit, ..settings(&[(Point::AfterWrite, Fault::Stall(stall))]) };
        let faults = ingester.faults.clone();
        let ingester = tokio::spawn({
            let lake = lake.clone();
            async move {
                let mut appender = Appender::open(&lake, EVENTS, &ingester).await.unwrap();
                appender.append(&mut Toy::new(3..9)).await.unwrap()
            }
        });
        while !faults.are_all_done() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        if is_gone {
            age(&lake, WEEK * 2);
        }
        assert_eq!(vacuum(&lake).await.data_files > 0, is_gone);
        assert!(ingester.await.unwrap().version.is_some());
        check(&lake, EVENTS, 9).await;
    }
}

#[tokio::test]
async fn rows_of_logfiles_that_wait_are_kept() {
    let (_temporary, lake) = new_lake().await;
    append(&lake, &settings(&[]), 0..4).await.unwrap();
    age(&lake, WEEK * 2);
    let dry = VacuumConfig { dry_run: true, ..VacuumConfig::default() };
    assert_eq!(lake.vacuum(dry, |_| ()).await.unwrap().data_files, 0);
    assert_eq!(vacuum(&lake).await.data_files, 0);
    check(&lake, EVENTS, 4).await;
}

#[tokio::test]
async fn what_the_detector_has_not_seen_is_kept() {
    let (_temporary, lake) = with_garbage().await;
    lake.commit_with_txn(LakeTable::Findings, vec![], DETECTOR, None, 0, "t").await.unwrap();
    age(&lake, WEEK * 2);
    assert_eq!(vacuum(&lake).await.data_files, 1, "only the file that nobody named");
    for file in lake.added(EVENTS, 0, 2).await.unwrap() {
        assert!(folder(&lake, EVENTS).join(&file.path).exists());
    }
    lake.commit_with_txn(LakeTable::Findings, vec![], DETECTOR, Some(0), 2, "u").await.unwrap();
    assert_eq!(vacuum(&lake).await.data_files, 1);
}

/// The log of `events` goes up to a checkpoint, but not past what `logfiles` covers and the detector has seen.
#[tokio::test]
async fn the_log_goes_as_far_as_nobody_needs_it() {
    let (_temporary, lake) = new_lake().await;
    let checkpoints = CommitSettings { checkpoint_every: 3, ..settings(&[]) };
    for object in 0..10 {
        append(&lake, &checkpoints, [object]).await.unwrap();
        if object == 7 {
            lake.sync_logfiles().await.unwrap();
            lake.commit_with_txn(LakeTable::Findings, vec![], DETECTOR, None, 5, "t").await.unwrap();
        }
    }
    age(&lake, WEEK * 2);
    let first = async || lake.first_version(EVENTS).await.unwrap();
    assert_eq!(vacuum(&lake).await.log_files, 3, "commits 0 to 2");
    assert_eq!(first().await, 3);
    lake.commit_with_txn(LakeTable::Findings, vec![], DETECTOR, Some(5), 8, "u").await.unwrap();
    assert_eq!(vacuum(&lake).await.log_files, 4, "commits 3 to 5, and the checkpoint");
    lake.commit_with_txn(LakeTable::Findings, vec![], DETECTOR, Some(8), 10, "v").await.unwrap();
    vacuum(&lake).await;
    assert_eq!(first().await, 9);
    append(&lake, &settings(&[]), 0..12).await.unwrap();
    check(&lake, EVENTS, 12).await;
}

/// The ledger of `quarantine` is its log.
#[tokio::test]
async fn logs_that_are_ledgers_are_kept() {
    let (_temporary, lake) = new_lake().await;
    let checkpoints = CommitSettings { checkpoint_every: 1, ..settings(&[]) };
    for table in [LakeTable::Quarantine, LakeTable::Aggregated] {
        for object in 0..3 {
            let mut appender = Appender::open(&lake, table, &checkpoints).await.unwrap();
            appender.append(&mut Toy { table, ..Toy::new([object]) }).await.unwrap();
        }
    }
    age(&lake, WEEK * 2);
    assert_eq!(vacuum(&lake).await.log_files, 0);
    for table in [LakeTable::Quarantine, LakeTable::Aggregated] {
        let mut appender = Appender::open(&lake, table, &settings(&[])).await.unwrap();
        appender.look_up(&Days::All).await.unwrap();
        assert!(appender.knows(super::super::toy::id(2)));
    }
}

/// Paths in the log that lead elsewhere, and links on the disk: what is outside stays, and what is meant stays.
#[tokio::test]
async fn nothing_outside_the_table_is_deleted() {
    let (temporary, lake) = new_lake().await;
    append(&lake, &settings(&[]), 0..4).await.unwrap();
    let outside = temporary.path().join("outside");
    fs::create_dir_all(outside.join("date=2025-12-01")).unwrap();
    fs::write(outside.join("date=2025-12-01/theirs.parquet"), "x").unwrap();
    fs::write(temporary.path().join("near.parquet"), "x").unwrap();
    let events = folder(&lake, EVENTS);
    fs::write(events.join("date=2025-12-01/meant-a.parquet"), "x").unwrap();
    fs::write(events.join("date=2025-12-01/meant=b.parquet"), "x").unwrap();
    fs::write(events.join("notes.txt"), "x").unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(&outside, events.join("link")).unwrap();
    let paths = [
        "../../near.parquet".to_owned(),
        "%2e%2e/%2e%2e/near.parquet".to_owned(),
        temporary.path().join("near.parquet").to_str().unwrap().to_owned(),
        format!("file://{}/date=2025-12-01/meant-a.parquet", events.display()),
        "date%3D2025-12-01/meant%3Db.parquet".to_owned(),
    ];
    let actions = paths.map(|path| {
        format!(
            r#"{{"add":{{"path":"{path}","partitionValues":{{"date":"2025-12-01"}},"size":1,"modificationTime":1,"dataChange":true}}}}"#
        )
    });
    let version = lake.latest_version(EVENTS).await.unwrap() + 1;
    let commit = format!("_delta_log/{version:020}.json");
    lake.put(EVENTS, &commit, actions.join("\n").into()).await.unwrap();
    age(&lake, WEEK * 2);
    let old = fs::metadata(outside.join("date=2025-12-01/theirs.parquet")).unwrap().modified().unwrap();
    assert!(old < SystemTime::now() - WEEK);
    vacuum(&lake).await;
    for kept in [
        outside.join("date=2025-12-01/theirs.parquet"),
        temporary.path().join("near.parquet"),
        events.join("date=2025-12-01/meant-a.parquet"),
        events.join("date=2025-12-01/meant=b.parquet"),
        events.join("notes.txt"),
    ] {
        assert!(kept.exists(), "{}", kept.display());
    }
}
