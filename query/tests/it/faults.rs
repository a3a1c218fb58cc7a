//! From bucket to bucket through a proxy that goes wrong: the run ends with the exact table, or it says what is
//! missing and exits with 2; a run without faults then completes it.
//!
//! Lakes begin as a copy of one that holds half of the trail, so that a run reads what is in a lake: its log, the
//! ledger, and the data files that a late duplicate may be in. Not played is a bit that is flipped in a listing or in
//! a part of a data file: there is nothing to tell it by, and outside of this machine TLS does.

use crate::dice::Dice;
use crate::ground::Ground;
use crate::product::text;
use crate::proxy::{
    Counts,
    Fault::{
        self, AnsweredTwice, Conflict, Corrupted, CorruptedChecked, CutShort, DoneThen503, Internal,
        LostResponse, ResetBefore, ResetInBody, SentTwice, Shortened, Silence, SlowDown, Throttled,
    },
    Kind::{self, GetData, GetLog, GetSource, ListLake, ListSource, PutCommit, PutData},
    Proxy, Rule, When,
};
use serde_json::Value;
use std::collections::BTreeMap;
use std::process::{Output, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Log files of the trail, and how many of them are in the lake that the others begin as.
const OBJECTS: usize = 18;
const HALF: usize = 8;

/// Scenarios that are played at the same time: some of them wait for a time-out.
const AT_ONCE: usize = 4;

const KINDS: [Kind; 7] = [ListSource, GetSource, ListLake, GetLog, GetData, PutData, PutCommit];

/// All of them, in the order in which they are printed.
const FAULTS: [Fault; 15] = [
    SlowDown,
    Throttled,
    Internal,
    Conflict,
    Silence,
    ResetBefore,
    ResetInBody,
    CutShort,
    Shortened,
    Corrupted,
    CorruptedChecked,
    AnsweredTwice,
    SentTwice,
    LostResponse,
    DoneThen503,
];

fn meets(kind: Kind, fault: Fault) -> bool {
    let is_put = matches!(kind, PutData | PutCommit);
    match fault {
        Conflict => kind == PutCommit,
        ResetInBody | CutShort | Shortened => !is_put,
        Corrupted => matches!(kind, GetSource | GetLog),
        CorruptedChecked => kind == GetSource,
        LostResponse | DoneThen503 => is_put,
        _ => true,
    }
}

/// A plan.
#[derive(Clone)]
struct Scenario {
    name: String,
    seed: u64,
    rules: Vec<Rule>,
    writers: usize,
    /// The lake begins as one with half of the trail.
    from_half: bool,
    /// How patient the product is: its time-out, and when it gives up.
    patience: [&'static str; 2],
}

impl Scenario {
    fn new(name: String, seed: u64, rules: Vec<Rule>) -> Self {
        Self { name, seed, rules, writers: 1, from_half: true, patience: ["2s", "60s"] }
    }
}

/// How the runs with faults ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Outcome {
    /// With the exact table.
    Exact,
    /// With exit code 2 and a report that names so many objects.
    Named(usize),
    /// With exit code 2, before anything was read.
    Refused,
}

/// A scenario that was played.
struct Played {
    name: String,
    outcome: Outcome,
    counts: Counts,
    took: Duration,
    /// What was said on stderr.
    said: String,
}

/// A trail in a bucket, and the lake with half of it.
struct Stage {
    ground: Ground,
    half: String,
    /// Records in it.
    held: u64,
}

impl Stage {
    fn set() -> Option<Self> {
        let ground = Ground::on_s3(OBJECTS as u64)?;
        let half = ground.lake("half");
        let output = ground.ingest_first(HALF, &half).output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        let held = ground.contents(&half).records.len() as u64;
        Some(Self { ground, half, held })
    }

    /// Plays scenarios, some at a time.
    fn play_all(&self, scenarios: Vec<Scenario>) -> Vec<Played> {
        let (waiting, played) = (Mutex::new(scenarios.into_iter()), Mutex::new(vec![]));
        std::thread::scope(|scope| {
            for _ in 0..AT_ONCE {
                scope.spawn(|| {
                    loop {
                        let next = waiting.lock().unwrap().next();
                        let Some(scenario) = next else { return };
                        let ended = self.play(scenario);
                        played.lock().unwrap().push(ended);
                    }
                });
            }
        });
        let mut played = played.into_inner().unwrap();
        played.sort_by(|a, b| a.name.cmp(&b.name));
        played
    }

    /// Plays scenarios that end in an expected way. One that does not is played once more, by itself: a machine that
    /// stands still for as long as the product is patient ends a run as well.
    fn play_expecting(&self, scenarios: &[(Scenario, Outcome)]) -> Vec<Played> {
        let mut played = self.play_all(scenarios.iter().map(|(scenario, _)| scenario.clone()).collect());
        for ended in &mut played {
            let planned = scenarios.iter().find(|(scenario, _)| scenario.name == ended.name);
            let (scenario, expected) = planned.unwrap();
            if ended.outcome != *expected {
                eprintln!("{}: {:?}, once more", ended.name, ended.outcome);
                let name = format!("{} again", ended.name);
                let again = self.play(Scenario { name, ..scenario.clone() });
                *ended = Played { name: scenario.name.clone(), ..again };
            }
        }
        played
    }

    /// Runs with faults, then one without if anything is missing; and the lake must be exact.
    fn play(&self, Scenario { name, seed, rules, writers, from_half, patience }: Scenario) -> Played {
        let lake = self.ground.lake(&name.replace(' ', "-"));
        if from_half {
            self.ground.copy_lake(&self.half, &lake);
        }
        let proxy = Proxy::start(self.ground.endpoint().unwrap(), seed, rules);
        let began = Instant::now();
        let start = |_| {
            let mut ingest = self.ground.ingest(&lake);
            ingest.env("AWS_ENDPOINT_URL", proxy.endpoint());
            ingest.envs([("TRAILHOUND_S3_TIMEOUT", patience[0]), ("TRAILHOUND_S3_GIVE_UP", patience[1])]);
            ingest.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        };
        let running = (0..writers).map(start).collect::<Vec<_>>();
        let ended = running.into_iter().map(|writer| writer.wait_with_output().unwrap()).collect::<Vec<_>>();
        let took = began.elapsed();
        let said = ended.iter().map(|output| text(&output.stderr)).collect::<String>();
        let codes = ended.iter().map(|output| output.status.code()).collect::<Vec<_>>();
        assert!(codes.iter().all(|code| matches!(code, Some(0 | 2))), "{name}: {codes:?}: {said}");
        let outcome = if codes.iter().all(|code| *code == Some(0)) {
            let held = if from_half { self.held } else { 0 };
            let written = ended.iter().map(|output| written(&name, output)).sum::<u64>();
            assert_eq!(held + written, self.ground.records.len() as u64, "{name}: written");
            Outcome::Exact
        } else {
            let failed = ended.iter().filter(|output| output.status.code() == Some(2));
            let outcomes = failed.map(|output| self.what_is_missing(&name, &lake, output));
            outcomes.last().unwrap()
        };
        if outcome != Outcome::Exact {
            let output = self.ground.ingest(&lake).output().unwrap();
            assert!(output.status.success(), "{name}: the run after it: {}", text(&output.stderr));
        }
        self.ground.check(&lake, &name);
        Played { name, outcome, counts: proxy.counts(), took, said }
    }

    /// What a run that failed said: if it came to its report, that names each object that is not there, and so does
    /// stderr; if not, stderr says what could not be reached.
    fn what_is_missing(&self, name: &str, lake: &str, output: &Output) -> Outcome {
        let said = text(&output.stderr);
        let Ok(report) = serde_json::from_slice::<Value>(&output.stdout) else {
            let says_where = said.contains("s3://lake/") || said.contains("s3://logs/");
            assert!(said.contains("error: ") && says_where, "{name}: {said}");
            return Outcome::Refused;
        };
        assert_reconciles(name, &report);
        let there = self.ground.contents(lake).origins;
        let problems = report["problems"].as_array().unwrap();
        let names = |file: &&String| {
            let file = file.as_str();
            said.contains(file) && problems.iter().any(|line| line.as_str().unwrap().contains(file))
        };
        let missing = self.ground.files.iter().filter(|file| !there.contains(file));
        // Where a listing did not come, the part that was not listed is what is known of it.
        let unlisted = problems.iter().any(|line| line.as_str().unwrap().contains("cannot be listed"));
        assert!(unlisted || missing.clone().all(|file| names(&file)), "{name}: {problems:?}: {said}");
        Outcome::Named(self.ground.files.iter().filter(names).count())
    }
}

fn assert_reconciles(name: &str, report: &Value) {
    let count = |field: &str| report[field].as_u64().unwrap();
    let parts = ["written", "duplicate", "filtered", "quarantined"].map(count).iter().sum::<u64>();
    assert_eq!((count("records_read"), count("quarantined")), (parts, 0), "{name}: {report}");
}

/// The records that a run which went well says that it wrote.
fn written(name: &str, output: &Output) -> u64 {
    let report = serde_json::from_slice::<Value>(&output.stdout).unwrap();
    assert_reconciles(name, &report);
    assert_eq!(report["objects_failed"], 0, "{name}: {report}");
    report["written"].as_u64().unwrap()
}

fn faults(played: &[Played]) -> u64 {
    played.iter().flat_map(|played| played.counts.faults.values()).sum()
}

/// Prints how the run ended in which each kind of request met each fault, and how often it did.
fn print_matrix(played: &[Played]) {
    let mut cells = BTreeMap::<(Fault, Kind), String>::new();
    for Played { counts, outcome, .. } in played {
        for ((kind, fault), times) in &counts.faults {
            cells.insert((*fault, *kind), format!("{outcome:?} ({times})").to_lowercase());
        }
    }
    let row = |name: String, cell: &dyn Fn(Kind) -> String| {
        eprintln!("{name:17}{}", KINDS.map(|kind| format!("{:14}", cell(kind))).concat().trim_end());
    };
    row(String::new(), &|kind| format!("{kind:?}"));
    for fault in FAULTS {
        row(format!("{fault:?}"), &|kind| match cells.get(&(fault, kind)) {
            Some(cell) => cell.clone(),
            None => "-".to_owned(),
        });
    }
}

/// How many requests of each kind a run makes that nothing happens to.
fn undisturbed(stage: &Stage) -> BTreeMap<Kind, u64> {
    let played = stage.play(Scenario::new("undisturbed run".to_owned(), 0, vec![]));
    assert_eq!(played.outcome, Outcome::Exact);
    let requests = played.counts.requests;
    assert!(KINDS.iter().all(|kind| requests.contains_key(kind)), "{requests:?}");
    eprintln!("an undisturbed run: {requests:?}");
    requests
}

#[test]
fn every_fault_alone() {
    let Some(stage) = Stage::set() else { return };
    let began = Instant::now();
    let mut dice = Dice::new("every fault alone", 1);
    let requests = undisturbed(&stage);
    let mut scenarios = vec![];
    for kind in KINDS {
        for fault in FAULTS.into_iter().filter(|fault| meets(kind, *fault)) {
            // How many requests there are depends on how two workers meet, so the last one is not drawn.
            let another = 2 + dice.below(requests[&kind].saturating_sub(2));
            let rule = Rule { kind, fault, when: When::At([1, another]) };
            let scenario = Scenario::new(format!("{kind:?} {fault:?}"), dice.number(), vec![rule]);
            // Only silence has to wait for a time-out.
            let patience = if fault == Silence { scenario.patience } else { ["15s", "3m"] };
            scenarios.push((Scenario { patience, ..scenario }, Outcome::Exact));
        }
    }
    let played = stage.play_expecting(&scenarios);
    print_matrix(&played);
    let (runs, faults) = (played.len(), faults(&played));
    eprintln!("{runs} runs, {faults} faults, {:.1} s", began.elapsed().as_secs_f64());
    for Played { name, outcome, counts, said, .. } in played {
        // One fault, even twice, is never more than what can be told and mended.
        assert_eq!(outcome, Outcome::Exact, "{name}: {said}");
        assert!(!counts.faults.is_empty(), "{name}: nothing went wrong: {counts:?}");
    }
}

/// All faults of all kinds of requests; silences are rare, for the sake of the clock.
fn mix() -> Vec<Rule> {
    let pairs = KINDS.into_iter().flat_map(|kind| FAULTS.into_iter().map(move |fault| (kind, fault)));
    let rule = |(kind, fault)| {
        let one_in = if fault == Silence { 200 } else { 40 };
        Rule { kind, fault, when: When::OneIn(one_in) }
    };
    pairs.filter(|(kind, fault)| meets(*kind, *fault)).map(rule).collect()
}

#[test]
fn faults_of_all_kinds() {
    let Some(stage) = Stage::set() else { return };
    let began = Instant::now();
    let mut dice = Dice::new("faults of all kinds", 2);
    let mut scenarios = vec![];
    for (writers, from_half) in [(1, true), (1, false), (2, true), (2, false), (2, false), (2, false)] {
        let seed = dice.number();
        let name = format!("mix {seed:016x}");
        scenarios.push(Scenario { writers, from_half, ..Scenario::new(name, seed, mix()) });
    }
    let played = stage.play_all(scenarios);
    for Played { name, outcome, counts, took, said } in &played {
        if *outcome != Outcome::Exact {
            let lines = said.lines().filter(|line| !line.contains(" WARN "));
            eprintln!("{}", lines.collect::<Vec<_>>().join("\n"));
        }
        let (requests, faults) = (counts.requests.values().sum::<u64>(), counts.faults.values().sum::<u64>());
        eprintln!("{name}: {outcome:?}, {faults} faults in {requests} requests, {:.1} s", took.as_secs_f64());
    }
    eprintln!("{} faults, {:.1} s", faults(&played), began.elapsed().as_secs_f64());
    assert!(faults(&played) > 20);
}

#[test]
fn what_never_comes_is_named() {
    let Some(stage) = Stage::set() else { return };
    let began = Instant::now();
    let mut dice = Dice::new("what never comes", 3);
    let object = "_0000000000000013.json.gz";
    let (events, folder) = ("/events/_delta_log/", "prefix=trail%2FAWSLogs%2F111122223333%2FCloudTrail%2F");
    let (all, one) = (Outcome::Named(OBJECTS - HALF), Outcome::Named(1));
    let cases = [
        (GetSource, SlowDown, object, one, "13.json.gz: "),
        (GetSource, ResetBefore, object, one, "13.json.gz: "),
        (GetSource, CutShort, object, one, "13.json.gz: "),
        (GetSource, Corrupted, object, one, "every fetch brings other bytes"),
        (GetSource, Silence, object, one, "13.json.gz: "),
        (GetSource, Silence, "", all, "17.json.gz: "),
        (ListSource, SlowDown, "", Outcome::Refused, "s3://logs/trail/: cannot be listed"),
        (ListSource, CutShort, folder, Outcome::Named(0), "111122223333/CloudTrail/: cannot be listed"),
        (PutData, Internal, "", all, "could not write a file of"),
        (PutCommit, SlowDown, events, all, "given up after"),
        (PutCommit, Silence, events, all, "given up after"),
        (PutCommit, ResetBefore, events, all, "given up after"),
        (GetLog, CutShort, "", Outcome::Refused, "s3://lake/"),
        (ListLake, Silence, "", Outcome::Refused, "s3://lake/"),
    ];
    let scenario = |(kind, fault, target, outcome, _): &(Kind, Fault, &'static str, Outcome, &str)| {
        let rule = Rule { kind: *kind, fault: *fault, when: When::Always(target) };
        let name = format!("never {kind:?} {fault:?} {}", target.len());
        // A single object is given up after so many tries, a store after so much time.
        let patience = ["3s", if *outcome == one { "60s" } else { "15s" }];
        Scenario { patience, ..Scenario::new(name, dice.number(), vec![rule]) }
    };
    let scenarios = cases.iter().map(scenario).collect::<Vec<_>>();
    let order = scenarios.iter().map(|scenario| scenario.name.clone()).collect::<Vec<_>>();
    let outcomes = cases.iter().map(|case| case.3);
    let played = stage.play_expecting(&scenarios.into_iter().zip(outcomes).collect::<Vec<_>>());
    for ((name, case), number) in order.iter().zip(cases).zip(1..) {
        let Played { outcome, took, said, .. } = played.iter().find(|played| played.name == *name).unwrap();
        eprintln!("{number}. {name}: {outcome:?}, {:.1} s", took.as_secs_f64());
        assert_eq!(*outcome, case.3, "{name}: {said}");
        assert!(said.contains(case.4), "{name}: {said}");
        assert!(*took < Duration::from_mins(3), "{name}: {took:?}");
    }
    eprintln!("{:.1} s", began.elapsed().as_secs_f64());
}
