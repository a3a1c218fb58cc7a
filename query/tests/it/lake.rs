//! `trailhound lake`: whatever is merged or deleted, and whoever dies at it, every answer stays the same.

use crate::dice::Dice;
use crate::ground::{Ground, files};
use crate::product::{json, run, text, trailhound};
use serde_json::Value;
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

/// Log files of the trail: a dozen commits.
const OBJECTS: u64 = 36;

/// How often the writers and compactors of one lake are killed before they may end.
const WAVES: u64 = 4;

/// Small enough for several groups.
const TARGET: &str = "60000";

fn compact(ground: &Ground, lake: &str, more: &[&str]) -> Value {
    let args = [&["lake", "compact", "--report", "json", "--lake", lake], more].concat();
    let output = run(&mut ground.product(&args));
    assert!(output.status.success(), "{}", text(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let number = |name: &str| report[name].as_u64().unwrap();
    assert_eq!(number("rows_in"), number("rows_out") + number("duplicates"), "{report}");
    report
}

/// What `lake info` says of `events`.
fn events(ground: &Ground, lake: &str) -> Value {
    let tables = json(&mut ground.product(&["lake", "info", "--format", "json", "--lake", lake]));
    tables.as_array().unwrap().iter().find(|table| table["table"] == "events").unwrap().clone()
}

/// Sets the times of all files of a lake back.
fn age(lake: &str, by: Duration) {
    for file in files(Path::new(lake)) {
        let file = std::fs::File::options().append(true).open(file).unwrap();
        file.set_modified(SystemTime::now() - by).unwrap();
    }
}

/// With less memory nothing would be merged, and nobody told.
#[test]
fn too_little_memory_is_refused() {
    let output = trailhound(["lake", "compact", "--memory-bytes", "16777215"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output.stderr);
    assert!(said.contains("--memory-bytes") && said.contains("16777216 bytes are needed at least"), "{said}");
}

#[test]
fn compaction_and_vacuum_change_no_answer() {
    let ground = Ground::in_folder(OBJECTS);
    let lake = &ground.lake("compacted");
    run(&mut ground.ingest(lake));
    let detect = || json(&mut ground.product(&["detect", "--report", "json", "--lake", lake]));
    assert_eq!(detect()["events"], ground.records.len());
    let before = events(&ground, lake);
    assert!(before["files"].as_u64().unwrap() > 5 && before["to_merge"] == before["files"], "{before}");

    let report = compact(&ground, lake, &[]);
    assert_eq!((&report["duplicates"], &report["gave_up"]), (&0.into(), &0.into()), "{report}");
    let after = events(&ground, lake);
    assert_eq!((&after["files"], &after["to_merge"]), (&1.into(), &0.into()), "{after}");
    for same in ["rows", "oldest", "newest"] {
        assert_eq!(after[same], before[same], "{same}");
    }
    ground.check(lake, "compacted");
    assert_eq!(detect()["events"], 0, "what was only moved is not new");
    assert_eq!(compact(&ground, lake, &[])["commits"], 0);
    assert_eq!(json(&mut ground.ingest(lake))["objects"], 0, "what was read stays read");

    let vacuum =
        |more: &[&str]| run(&mut ground.product(&[&["lake", "vacuum", "--lake", lake], more].concat()));
    let deleted = |more: &[&str]| -> Value { serde_json::from_slice(&vacuum(more).stdout).unwrap() };
    assert_eq!(deleted(&["--report", "json"])["data_files"], 0);
    age(lake, Duration::from_hours(14 * 24));
    let listed = text(&vacuum(&["--dry-run"]).stdout);
    assert!(listed.lines().count() >= 12 && listed.lines().all(|line| line.contains("/date=")), "{listed}");
    assert_eq!(deleted(&["--report", "json"])["data_files"], listed.lines().count());
    ground.check(lake, "vacuumed");
    assert_eq!(
        (detect()["events"].as_u64(), json(&mut ground.ingest(lake))["objects"].as_u64()),
        (Some(0), Some(0))
    );
    let refused = vacuum(&["--keep", "1h"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused.stderr).contains("at least, not 1.0 h\nhint: "), "{}", text(&refused.stderr));
}

#[test]
fn info_is_read_in_one_look() {
    let ground = Ground::in_folder(OBJECTS);
    let lake = &ground.lake("looked-at");
    run(&mut ground.ingest(lake));
    let shown = text(&run(&mut ground.product(&["lake", "info", "--lake", lake])).stdout);
    assert!(shown.lines().any(|line| line.starts_with("events") && line.contains(" kB")), "{shown}");
    assert!(
        shown.contains(
            "coverage: 36 log objects of 1 accounts and regions, delivered from 2026-03-17T08:00:00Z"
        ),
        "{shown}"
    );
    assert!(shown.contains("1 of 1 hours have one (100 %)"), "{shown}");
    let gaps = |format: &str| {
        text(
            &run(&mut ground.product(&["lake", "info", "--gaps", "--format", format, "--lake", lake])).stdout,
        )
    };
    assert_eq!(gaps("csv").trim(), "account,region,from,until,hours");
    let none = run(&mut ground.product(&["lake", "info", "--lake", &ground.lake("none")]));
    assert_eq!(none.status.code(), Some(2));
    assert!(text(&none.stderr).contains("no lake at "), "{}", text(&none.stderr));
}

/// Processes that are about to be killed, or may end.
fn start(ground: &Ground, lake: &str) -> Vec<Child> {
    let compact =
        || ground.product(&["lake", "compact", "--report", "json", "--target-bytes", TARGET, "--lake", lake]);
    let commands = [ground.ingest(lake), compact(), ground.ingest(lake), compact()];
    commands
        .into_iter()
        .map(|mut c| c.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap())
        .collect()
}

/// Kills each at an instant of its own before `span` is over. Gives the number of those that were still alive.
fn kill(children: Vec<Child>, dice: &mut Dice, span: Duration) -> u64 {
    let (began, micros) = (Instant::now(), u64::try_from(span.as_micros()).unwrap());
    let mut doomed = children.into_iter().map(|child| (dice.below(micros), child)).collect::<Vec<_>>();
    doomed.sort_by_key(|(instant, _)| *instant);
    let mut killed = 0;
    for (instant, mut child) in doomed {
        std::thread::sleep(Duration::from_micros(instant).saturating_sub(began.elapsed()));
        killed += u64::from(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
    }
    killed
}

fn finish(children: Vec<Child>, what: &str) {
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{what}: {}", text(&output.stderr));
    }
}

/// Asks again and again until `stop`: never is an event there twice, and none that was there goes.
fn read(ground: &Ground, lake: &str, stop: &AtomicBool) -> u64 {
    let query = "select count(*) as rows, count(distinct eventID) as events from cloudtrail";
    let (mut reads, mut most) = (0, 0);
    while !stop.load(Ordering::Relaxed) {
        let answer = json(&mut ground.product(&["sql", query, "--format", "json", "--lake", lake]));
        let number = |name: &str| answer[0][name].as_u64().unwrap();
        assert_eq!(number("rows"), number("events"), "an event is there twice");
        assert!(number("rows") >= most, "an event that was there is gone");
        (reads, most) = (reads + 1, number("rows"));
    }
    reads
}

/// Ingesters and compactors on one lake, killed until there were enough kills, and read all the while.
fn check_kills(ground: &Ground, enough: u64, seed: u64) {
    let what = if ground.endpoint().is_some() { "S3" } else { "folder" };
    let mut dice = Dice::new(&format!("compactors killed, {what}"), seed);
    let began = Instant::now();
    let place = |lake| ground.lake(&format!("compactors-{lake}"));
    // A lake has to be there before it is compacted.
    let make = |lake: &str| {
        finish(
            vec![ground.ingest(lake).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap()],
            "make",
        );
    };
    make(&place(0));
    finish(start(ground, &place(0)), what);
    let span = began.elapsed();
    let (mut killed, mut lakes, mut reads) = (0, 0, 0);
    while killed < enough {
        lakes += 1;
        let lake = &place(lakes);
        // The first commits make the lake; the rest is brought by those that are killed.
        let mut first = ground.ingest(lake).stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
        while run(&mut ground.product(&["sql", "select 1 from cloudtrail", "--lake", lake])).status.code()
            != Some(0)
        {
            assert!(began.elapsed() < Duration::from_mins(20));
        }
        first.kill().unwrap();
        first.wait().unwrap();
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| read(ground, lake, &stop));
            killed += (0..WAVES).map(|_| kill(start(ground, lake), &mut dice, span)).sum::<u64>();
            finish(start(ground, lake), what);
            stop.store(true, Ordering::Relaxed);
            reads += reader.join().unwrap();
        });
        ground.check(lake, &format!("{what}, lake {lakes}"));
        compact(ground, lake, &[]);
        assert_eq!(events(ground, lake)["files"], 1, "{what}, lake {lakes}");
        if ground.endpoint().is_none() {
            age(lake, Duration::from_hours(14 * 24));
        }
        run(&mut ground.product(&["lake", "vacuum", "--lake", lake]));
        ground.check(lake, &format!("{what}, lake {lakes}, compacted and vacuumed"));
    }
    eprintln!(
        "compactors, {what}: {killed} kills, {lakes} lakes, {reads} reads, {:.1} s, each exact",
        began.elapsed().as_secs_f64()
    );
}

fn enough(usual: u64) -> u64 {
    std::env::var("TRAILHOUND_TEST_KILLS").map_or(usual, |text| text.parse().unwrap())
}

#[test]
fn killed_beside_ingesters_in_a_folder() {
    check_kills(&Ground::in_folder(OBJECTS), enough(50), 21);
}

#[test]
fn killed_beside_ingesters_on_s3() {
    let Some(ground) = Ground::on_s3(OBJECTS) else { return };
    check_kills(&ground, enough(20), 22);
}
