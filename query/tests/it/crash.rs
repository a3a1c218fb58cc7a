//! Killed at any instant, alone or several at once: the lake is that of an undisturbed run.
//!
//! Writers that all read the same trail are killed at random instants of their run, and started again. After some
//! kills they may end, and the lake is looked at, record by record; then the next lake is begun, so that kills hit
//! all of a run and not only its end. `TRAILHOUND_TEST_SEED` and `TRAILHOUND_TEST_KILLS` set what is drawn and how
//! often.

use crate::dice::Dice;
use crate::ground::Ground;
use crate::product::text;
use serde_json::Value;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// Log files of the trail: a dozen commits.
const OBJECTS: u64 = 36;

/// How often the writers of one lake are killed before they may end.
const WAVES: u64 = 4;

/// Writers that all bring the same objects into one lake.
struct Writers<'a> {
    ground: &'a Ground,
    lake: String,
    count: usize,
}

impl Writers<'_> {
    fn start(&self) -> Vec<Child> {
        let start = || {
            let mut ingest = self.ground.ingest(&self.lake);
            ingest.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        };
        (0..self.count).map(|_| start()).collect()
    }

    /// Starts them and kills each at an instant of its own before `span` is over. Gives the number of those that were
    /// still alive.
    fn kill(&self, dice: &mut Dice, span: Duration) -> u64 {
        let micros = u64::try_from(span.as_micros()).unwrap();
        let began = Instant::now();
        let mut doomed =
            self.start().into_iter().map(|writer| (dice.below(micros), writer)).collect::<Vec<_>>();
        doomed.sort_by_key(|(instant, _)| *instant);
        let mut killed = 0;
        for (instant, mut writer) in doomed {
            std::thread::sleep(Duration::from_micros(instant).saturating_sub(began.elapsed()));
            killed += u64::from(writer.try_wait().unwrap().is_none());
            writer.kill().unwrap();
            writer.wait().unwrap();
        }
        killed
    }

    /// Starts them and lets them end. Gives how many records they wrote together.
    fn finish(&self) -> u64 {
        let outputs = self.start().into_iter().map(|writer| writer.wait_with_output().unwrap());
        let written = outputs.map(|output| {
            assert!(output.status.success(), "{}", text(&output.stderr));
            let report: Value = serde_json::from_slice(&output.stdout).unwrap();
            assert_eq!(report["objects_failed"], 0, "{report}");
            report["written"].as_u64().unwrap()
        });
        written.sum()
    }
}

/// Kills `count` writers at once, until there were enough kills.
fn check_kills(ground: &Ground, count: usize, seed: u64) {
    let place = if ground.endpoint().is_some() { "S3" } else { "folder" };
    let what = format!("{count} at once, {place}");
    let mut dice = Dice::new(&what, seed);
    let enough = std::env::var("TRAILHOUND_TEST_KILLS").map_or(50, |text| text.parse().unwrap());
    let writers = |lake| Writers { ground, lake: ground.lake(&format!("{count}-writers-{lake}")), count };
    let began = Instant::now();
    // Nobody is killed the first time: together they write each record once.
    assert_eq!(writers(0).finish(), ground.records.len() as u64, "{what}");
    let span = began.elapsed();
    ground.check(&writers(0).lake, &what);
    let (mut killed, mut lakes) = (0, 0);
    while killed < enough {
        lakes += 1;
        let writers = writers(lakes);
        killed += (0..WAVES).map(|_| writers.kill(&mut dice, span)).sum::<u64>();
        writers.finish();
        ground.check(&writers.lake, &format!("{what}, lake {lakes}"));
    }
    eprintln!("{what}: {killed} kills, {lakes} lakes, {:.1} s, each exact", began.elapsed().as_secs_f64());
}

#[test]
fn killed_in_a_folder() {
    let ground = Ground::in_folder(OBJECTS);
    for count in [1, 2, 4] {
        check_kills(&ground, count, count as u64);
    }
}

#[test]
fn killed_on_s3() {
    let Some(ground) = Ground::on_s3(OBJECTS) else { return };
    for count in [1, 2, 4] {
        check_kills(&ground, count, 10 + count as u64);
    }
}
