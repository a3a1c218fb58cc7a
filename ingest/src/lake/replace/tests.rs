//! Exchanges under faults and races. Each test ends by counting what is in the lake.

use super::{
    super::{
        CommitSettings,
        faults::{Fault, Point},
        logfiles::hashes_in,
        toy::{append, check, new_lake, settings, upload},
    },
    *,
};
use std::time::Duration;

const EVENTS: LakeTable = LakeTable::Events;

/// Uploads a file with the rows of `files`.
async fn merged(lake: &Lake, files: &[LakeFile]) -> Vec<NewFile> {
    let mut hashes = vec![];
    for file in files {
        let found = hashes_in(lake.store(EVENTS), file).await.unwrap();
        hashes.extend(found.into_iter().map(|hash| hash.to_string()));
    }
    vec![upload(lake, EVENTS, files[0].date, hashes).await.unwrap()]
}

/// Exchanges the files of the first day for one.
async fn exchange(lake: &Lake, base: &Base) -> Result<Exchanged, LakeError> {
    let day = base.files.iter().map(|file| file.date).min().unwrap();
    let files = base.files.iter().filter(|file| file.date == day).cloned().collect::<Vec<_>>();
    let adds = merged(lake, &files).await;
    let exchange = Exchange { removes: &files, adds: &adds, relied: &[], duplicates: 0, is_update: false };
    lake.exchange(EVENTS, base, exchange).await
}

/// A lake with the objects below 10, in five commits.
async fn filled() -> (tempfile::TempDir, Lake) {
    let (folder, lake) = new_lake().await;
    for object in 0..5 {
        append(&lake, &settings(&[]), object * 2..object * 2 + 2).await.unwrap();
    }
    (folder, lake)
}

#[tokio::test]
async fn rows_move_and_are_not_new() {
    let (_folder, lake) = filled().await;
    let base = lake.base(EVENTS).await.unwrap();
    assert_eq!(exchange(&lake, &base).await.unwrap(), Exchanged::Committed(6));
    assert_eq!(lake.added(EVENTS, 5, 6).await.unwrap(), []);
    check(&lake, EVENTS, 10).await;
    append(&lake, &settings(&[]), 5..12).await.unwrap();
    check(&lake, EVENTS, 12).await;
}

#[tokio::test]
async fn of_two_that_take_one_file_one_gives_up() {
    let (_folder, lake) = filled().await;
    let base = lake.base(EVENTS).await.unwrap();
    assert_eq!(exchange(&lake, &base).await.unwrap(), Exchanged::Committed(6));
    assert_eq!(exchange(&lake, &base).await.unwrap(), Exchanged::GaveUp);
    check(&lake, EVENTS, 10).await;
}

#[tokio::test]
async fn a_file_that_is_relied_on_has_to_stay() {
    let (_folder, lake) = filled().await;
    let base = lake.base(EVENTS).await.unwrap();
    let [one, other] = [&base.files[0], &base.files[1]];
    let relying = async |file: &LakeFile, on: &LakeFile| {
        let (removes, relied) = (std::slice::from_ref(file), [on.path.clone()]);
        let exchange =
            Exchange { removes, adds: &[], relied: &relied, duplicates: file.rows, is_update: false };
        lake.exchange(EVENTS, &base, exchange).await.unwrap()
    };
    assert_eq!(relying(one, other).await, Exchanged::Committed(6));
    assert_eq!(relying(other, one).await, Exchanged::GaveUp);
}

#[tokio::test]
async fn appends_in_between_do_not_matter() {
    let (_folder, lake) = filled().await;
    let base = lake.base(EVENTS).await.unwrap();
    append(&lake, &settings(&[]), 10..14).await.unwrap();
    assert_eq!(exchange(&lake, &base).await.unwrap(), Exchanged::Committed(7));
    check(&lake, EVENTS, 14).await;
}

#[tokio::test]
async fn any_answer_to_the_put_is_understood() {
    for fault in [Fault::LostResponse, Fault::OwnSlotTaken, Fault::Conflict, Fault::Reset] {
        let (_folder, lake) = filled().await;
        let base = lake.base(EVENTS).await.unwrap();
        let lake = lake.with_settings(settings(&[(Point::Put, fault)]));
        assert_eq!(exchange(&lake, &base).await.unwrap(), Exchanged::Committed(6), "{fault:?}");
        check(&lake, EVENTS, 10).await;
    }
}

#[tokio::test]
async fn one_that_took_too_long_is_looked_up() {
    let (_folder, lake) = filled().await;
    let base = lake.base(EVENTS).await.unwrap();
    let age_limit = Duration::from_millis(200);
    let slow = CommitSettings { age_limit, ..settings(&[(Point::Put, Fault::Stall(age_limit * 2))]) };
    let lake = lake.with_settings(slow);
    assert_eq!(exchange(&lake, &base).await.unwrap(), Exchanged::Committed(6));
    check(&lake, EVENTS, 10).await;
}
