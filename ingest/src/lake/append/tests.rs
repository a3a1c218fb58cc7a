//! An append under faults, crashes, races and a cleaned log. Each test ends by counting what is in the lake.

use super::{
    super::{
        faults::{Fault, Point},
        toy::{self, Toy, append, check, check_commits, clean_log, id, new_lake, settings},
    },
    *,
};
use std::time::Duration;

const DONE: Committed = Committed { version: Some(1) };

/// Appends objects 0 to 9 under `faults`; the lake must end with each once.
async fn check_survives(faults: &[(Point, Fault)], expected: Committed) {
    let (_folder, lake) = new_lake().await;
    let settings = settings(faults);
    assert_eq!(append(&lake, &settings, 0..10).await.unwrap(), expected, "{faults:?}");
    assert!(settings.faults.are_all_done(), "{faults:?}");
    check_commits(&lake, LakeTable::Events, 10).await;
    check(&lake, LakeTable::Events, 10).await;
}

#[tokio::test]
async fn what_is_known_is_not_committed_again() {
    let (_folder, lake) = new_lake().await;
    let mut appender = Appender::open(&lake, LakeTable::Events, &settings(&[])).await.unwrap();
    assert!(!appender.knows(id(1)));
    assert_eq!(appender.append(&mut Toy::new(0..5)).await.unwrap(), DONE);
    assert!(appender.knows(id(1)) && appender.files().len() == 2);
    assert_eq!(appender.append(&mut Toy::new(0..5)).await.unwrap().version, None);
    assert_eq!(appender.append(&mut Toy::new(3..8)).await.unwrap().version, Some(2));
    assert_eq!(append(&lake, &settings(&[]), 0..8).await.unwrap().version, None);
    check(&lake, LakeTable::Events, 8).await;
    assert_eq!(append(&lake, &settings(&[]), 0..8).await.unwrap().version, None);
}

#[tokio::test]
async fn objects_without_rows_are_recorded() {
    let (_folder, lake) = new_lake().await;
    assert_eq!(append(&lake, &settings(&[]), [0]).await.unwrap(), DONE);
    assert_eq!(append(&lake, &settings(&[]), [0]).await.unwrap().version, None);
    check(&lake, LakeTable::Events, 1).await;
}

#[tokio::test]
async fn any_answer_to_the_put_is_understood() {
    for fault in [Fault::LostResponse, Fault::OwnSlotTaken, Fault::Conflict, Fault::Reset] {
        check_survives(&[(Point::Put, fault)], DONE).await;
        check_survives(
            &[(Point::Put, Fault::Reset), (Point::Put, Fault::Conflict), (Point::Put, fault)],
            DONE,
        )
        .await;
    }
}

#[tokio::test]
async fn a_storage_that_never_answers_is_an_error() {
    let (_folder, lake) = new_lake().await;
    let dead = settings(&[(Point::Put, Fault::Reset); 10]);
    let mut appender = Appender::open(&lake, LakeTable::Events, &dead).await.unwrap();
    let error = appender.append(&mut Toy::new(0..4)).await.unwrap_err();
    assert!(error.is_transient(), "{error}");
    assert_eq!(appender.append(&mut Toy::new(0..4)).await.unwrap(), DONE);
    check(&lake, LakeTable::Events, 4).await;
}

#[tokio::test]
async fn a_crash_anywhere_is_repaired() {
    use Point::{AfterPut, AfterWrite, BeforeCheckpoint, BeforePut, BeforeWrite};
    for point in [BeforeWrite, AfterWrite, BeforePut, AfterPut, BeforeCheckpoint] {
        for reopens in [true, false] {
            let (_folder, lake) = new_lake().await;
            let settings = CommitSettings { checkpoint_every: 1, ..settings(&[(point, Fault::Crash)]) };
            let mut appender = Appender::open(&lake, LakeTable::Events, &settings).await.unwrap();
            let crashed = appender.append(&mut Toy::new(0..6)).await;
            assert!(crashed.is_err() != (point == BeforeCheckpoint), "{point:?}");
            if reopens {
                appender = Appender::open(&lake, LakeTable::Events, &settings).await.unwrap();
            }
            appender.append(&mut Toy::new(0..10)).await.unwrap();
            check_commits(&lake, LakeTable::Events, 10).await;
            check(&lake, LakeTable::Events, 10).await;
        }
    }
}

/// Dropping the future at a point is no different from a crash there, also for the same writer.
#[tokio::test]
async fn an_append_may_be_dropped() {
    use Point::{AfterPut, AfterWrite, BeforePut, BeforeWrite};
    for point in [BeforeWrite, AfterWrite, BeforePut, AfterPut] {
        let (_folder, lake) = new_lake().await;
        let settings = settings(&[(point, Fault::Stall(Duration::from_mins(1)))]);
        let mut appender = Appender::open(&lake, LakeTable::Events, &settings).await.unwrap();
        let dropped =
            tokio::time::timeout(Duration::from_millis(300), appender.append(&mut Toy::new(0..6))).await;
        assert!(dropped.is_err() && settings.faults.are_all_done(), "{point:?}");
        appender.append(&mut Toy::new(0..10)).await.unwrap();
        check_commits(&lake, LakeTable::Events, 10).await;
        check(&lake, LakeTable::Events, 10).await;
    }
}

/// Writers that all bring the same objects, each in an order of its own.
async fn check_race(table: LakeTable, writers: u64, objects: u64) {
    let (_folder, lake) = new_lake().await;
    let race = (0..writers).map(|writer| {
        let lake = lake.clone();
        tokio::spawn(async move {
            let fault = [Fault::LostResponse, Fault::Conflict, Fault::OwnSlotTaken, Fault::Reset];
            let faults = fault.map(|fault| (Point::Put, fault));
            let mut appender = Appender::open(&lake, table, &settings(&faults)).await.unwrap();
            for batch in 0..objects / 5 {
                let first = (batch + writer * 3) % (objects / 5) * 5 + writer % 2;
                let brought = (first..first + 5).map(|n| n % objects);
                appender.append(&mut Toy { table, ..Toy::new(brought) }).await.unwrap();
            }
        })
    });
    for writer in race.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    check_commits(&lake, table, objects).await;
    check(&lake, table, objects).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_race_brings_each_object_once() {
    check_race(LakeTable::Events, 6, 60).await;
    check_race(LakeTable::Quarantine, 4, 20).await;
    check_race(LakeTable::Aggregated, 4, 20).await;
}

#[tokio::test]
async fn the_loser_sees_the_files_of_the_winner() {
    let (_folder, lake) = new_lake().await;
    append(&lake, &settings(&[]), [1]).await.unwrap();
    let mut loser = Appender::open(&lake, LakeTable::Events, &settings(&[])).await.unwrap();
    append(&lake, &settings(&[]), [2, 4]).await.unwrap();
    let mut toy = Toy::new([4, 5]);
    assert_eq!(loser.append(&mut toy).await.unwrap().version, Some(3));
    let added = async |after, upto| {
        let files = lake.added(LakeTable::Events, after, upto).await.unwrap();
        files.into_iter().map(|file| file.path).collect::<Vec<_>>()
    };
    assert_eq!(toy.shown, [added(0, 1).await, added(1, 2).await]);
    assert_eq!(toy.objects, [5]);
    let mut files = lake.snapshot(LakeTable::Events, None).await.unwrap().files;
    files.sort_by_key(|file| file.modified_ms);
    assert_eq!(loser.files(), files);
}

#[tokio::test]
async fn a_commit_that_took_too_long_is_looked_up() {
    let limit = Duration::from_millis(300);
    let faults = [(Point::BeforePut, Fault::Stall(limit * 2))];
    let (_folder, lake) = new_lake().await;
    let settings = CommitSettings { age_limit: limit, ..settings(&faults) };
    assert_eq!(append(&lake, &settings, 0..10).await.unwrap(), DONE);
    check_commits(&lake, LakeTable::Events, 10).await;
}

#[tokio::test]
async fn a_writer_that_is_always_too_slow_gives_up() {
    let (_folder, lake) = new_lake().await;
    let never_in_time = settings(&[(Point::Put, Fault::Reset); 4]);
    let settings = CommitSettings { age_limit: Duration::ZERO, ..never_in_time };
    let error = append(&lake, &settings, 0..10).await.unwrap_err();
    assert!(matches!(error, LakeError::TooOld { .. }), "{error}");
    append(&lake, &toy::settings(&[]), 0..10).await.unwrap();
    check_commits(&lake, LakeTable::Events, 10).await;
    check(&lake, LakeTable::Events, 10).await;
}

/// A writer sleeps, others go on, the log behind it is cleaned: its commit succeeds and nobody sees it.
#[tokio::test]
async fn a_commit_into_the_gap_of_a_cleaned_log_does_not_count() {
    let (_folder, lake) = new_lake().await;
    let limit = Duration::from_millis(700);
    let faults = [(Point::BeforePut, Fault::Stall(limit * 3))];
    let sleeper = CommitSettings { age_limit: limit, ..settings(&faults) };
    let sleeper = tokio::spawn({
        let lake = lake.clone();
        async move { append(&lake, &sleeper, 4..10).await }
    });
    tokio::time::sleep(limit / 2).await;
    let others = CommitSettings { checkpoint_every: 3, ..settings(&[]) };
    for object in [0, 1, 5] {
        append(&lake, &others, [object]).await.unwrap();
    }
    lake.sync_logfiles().await.unwrap();
    clean_log(&lake, LakeTable::Events, 3);
    assert_eq!(sleeper.await.unwrap().unwrap().version, Some(4));
    let gap = lake.log(LakeTable::Events).read_commit_entry(1).await.unwrap();
    assert!(gap.is_some(), "the test is to commit into the gap");
    append(&lake, &others, 0..10).await.unwrap();
    check(&lake, LakeTable::Events, 10).await;
}

#[tokio::test]
async fn a_gap_in_the_log_stops_everything() {
    let (_folder, lake) = new_lake().await;
    for object in 0..3 {
        append(&lake, &CommitSettings { checkpoint_every: 3, ..settings(&[]) }, [object]).await.unwrap();
    }
    clean_log(&lake, LakeTable::Events, 3);
    let opened = Appender::open(&lake, LakeTable::Events, &settings(&[])).await;
    assert!(matches!(opened.err(), Some(LakeError::LedgerIncomplete { .. })));
}

#[tokio::test]
async fn a_table_that_was_upgraded_is_left_alone() {
    let (_folder, lake) = new_lake().await;
    let mut appender = Appender::open(&lake, LakeTable::Events, &settings(&[])).await.unwrap();
    let upgrade = r#"{"protocol":{"minReaderVersion":1,"minWriterVersion":7,"writerFeatures":["appendOnly","invariants"]}}"#;
    lake.put(LakeTable::Events, "_delta_log/00000000000000000001.json", upgrade.into()).await.unwrap();
    let error = appender.append(&mut Toy::new(0..5)).await.unwrap_err();
    assert!(matches!(error, LakeError::Unwritable { .. }), "{error}");
}

#[tokio::test]
async fn events_must_name_the_files_of_logfiles() {
    let (_folder, lake) = new_lake().await;
    let mut appender = Appender::open(&lake, LakeTable::Events, &settings(&[])).await.unwrap();
    let mut careless = Toy { table: LakeTable::Quarantine, ..Toy::new(0..5) };
    assert!(matches!(appender.append(&mut careless).await, Err(LakeError::NoLogfiles { objects: 5 })));
}
