//! `trailhound verify`: whatever is done to a trail is told, in a folder and on S3, as the AWS CLI tells it.

use crate::bucket::Bucket;
use crate::chains::{ACCOUNT, BUCKET, Chain, DAY, HOUR, REGION, Trail, gzip, public_keys};
use crate::emulator::Emulator;
use crate::product::{bare, json, run, text, trailhound};
use crate::python;
use crate::sink::{Answer, Sink};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Output;

/// What is done to a trail of six hours, and what is then not valid: verdict and key, sorted.
struct Case {
    name: &'static str,
    chains: Vec<Chain>,
    edit: fn(&mut Trail, &Chain),
    bad: Vec<(&'static str, String)>,
}

fn standard() -> Chain {
    Chain::default()
}

fn backfill() -> Chain {
    Chain { is_backfill: true, hours: Vec::from([2..5]), ..Chain::default() }
}

/// Somebody puts bytes behind an object.
fn append(trail: &mut Trail, key: &str, bytes: &[u8]) {
    trail.at(key).body.extend_from_slice(bytes);
}

fn case(name: &'static str, edit: fn(&mut Trail, &Chain), bad: &[(&'static str, String)]) -> Case {
    Case { name, chains: vec![standard()], edit, bad: bad.to_vec() }
}

fn cases() -> Vec<Case> {
    let it = standard();
    let planted = it.log(2, 0).replace("_a0.", "_zz.");
    let gap = || "AWSLogs/111122223333/CloudTrail-Digest/us-east-1/".to_owned();
    let interrupted = Chain { hours: vec![0..3, 5..8], ..standard() };
    let mut cases = vec![
        case("good", |_, _| {}, &[]),
        case(
            "a log file is changed",
            |t, c| t.edit(&c.log(2, 1), "GetObject", "PutObject"),
            &[("changed", it.log(2, 1))],
        ),
        case("a log file is deleted", |t, c| t.delete(&c.log(3, 0)), &[("missing", it.log(3, 0))]),
        case("bytes are appended", |t, c| append(t, &c.log(1, 0), b"{}"), &[("changed", it.log(1, 0))]),
        case(
            "records are appended",
            |t, c| append(t, &c.log(1, 0), &gzip(b"{}")),
            &[("changed", it.log(1, 0))],
        ),
        case("a log file is emptied", |t, c| t.at(&c.log(4, 1)).body.clear(), &[("changed", it.log(4, 1))]),
        case("a log file is cut", |t, c| t.at(&c.log(4, 1)).body.truncate(40), &[("changed", it.log(4, 1))]),
        case(
            "a log file is unpacked",
            |t, c| t.at(&c.log(4, 1)).body = b"{\"Records\":[]}".to_vec(),
            &[("changed", it.log(4, 1))],
        ),
        case(
            "the newest digest is changed",
            |t, c| t.edit(&c.digest(5), "_a0", "_zz"),
            &[("forged", it.digest(5))],
        ),
        case("a digest is changed", |t, c| t.edit(&c.digest(3), "_a0", "_zz"), &[("forged", it.digest(3))]),
        case("a digest is deleted", |t, c| t.delete(&c.digest(3)), &[("missing", it.digest(3))]),
        case(
            "two digests are deleted",
            |t, c| {
                t.delete(&c.digest(3));
                t.delete(&c.digest(2));
            },
            &[("gap", gap()), ("missing", it.digest(3))],
        ),
        case(
            "a digest is damaged",
            |t, c| t.at(&c.digest(3)).body.truncate(30),
            &[("changed", it.digest(3))],
        ),
        case(
            "a digest is no digest",
            |t, c| t.at(&c.digest(3)).body = gzip(b"{}"),
            &[("changed", it.digest(3))],
        ),
        case(
            "a digest is signed again",
            |t, c| t.sign_again(&c.digest(3), false),
            &[("forged", it.digest(3))],
        ),
        case(
            "a digest is signed with a key of one's own",
            |t, c| t.sign_again(&c.digest(3), true),
            &[("forged", it.digest(3))],
        ),
        case(
            "a digest is put in the place of another",
            |t, c| {
                let other = t.at(&c.digest(2)).clone();
                *t.at(&c.digest(3)) = other;
            },
            &[("forged", it.digest(3))],
        ),
        case(
            "a log file is planted",
            |t, c| t.put(&c.log(2, 0).replace("_a0.", "_zz."), gzip(b"{\"Records\":[]}")),
            &[("not covered", planted)],
        ),
        Case {
            name: "validation was off",
            chains: vec![interrupted],
            edit: |_, _| {},
            bad: vec![("gap", gap())],
        },
    ];
    let backfilled = |name, edit, bad| Case { name, chains: vec![standard(), backfill()], edit, bad };
    let it = backfill();
    cases.push(backfilled("backfilled", |_, _| {}, vec![]));
    cases.push(backfilled(
        "a backfilled log file is changed",
        |t, _| t.edit(&backfill().log(3, 0), "Get", "Put"),
        vec![("changed", it.log(3, 0))],
    ));
    cases.push(backfilled(
        "a backfill digest is deleted",
        |t, _| t.delete(&backfill().digest(3)),
        vec![("missing", it.digest(3))],
    ));
    cases.push(backfilled(
        "a backfill digest is changed",
        |t, _| t.edit(&backfill().digest(3), "_b0", "_zz"),
        vec![("forged", it.digest(3))],
    ));
    cases
}

impl Case {
    fn trail(&self) -> Trail {
        let mut trail = Trail::of(&self.chains);
        (self.edit)(&mut trail, &self.chains[0]);
        trail
    }

    /// What is to be found, but for log files whose digest is not valid: those are not covered, whatever they are.
    #[track_caller]
    fn check(&self, rows: &[Row]) {
        let explained =
            |row: &Row| row.verdict == "not covered" && row.reason.contains("no digest that is valid");
        let mut bad = rows.iter().filter(|row| !row.ok && !explained(row)).collect::<Vec<_>>();
        bad.sort_by_key(|row| (row.verdict.clone(), row.key.clone()));
        let bad = bad.iter().map(|row| (row.verdict.as_str(), row.key.clone())).collect::<Vec<_>>();
        assert_eq!(bad, self.bad, "{}", self.name);
    }
}

/// A verdict that was printed.
#[derive(Clone, Debug)]
struct Row {
    verdict: String,
    ok: bool,
    kind: String,
    /// From `AWSLogs/` on.
    key: String,
    reason: String,
}

fn rows(output: &Output) -> Vec<Row> {
    let rows = text(&output.stdout);
    let row = |line: &str| {
        let row: Value = serde_json::from_str(line).unwrap();
        let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
        let file = text("file");
        let key = file[file.find("AWSLogs/").unwrap()..].to_owned();
        Row {
            verdict: text("verdict"),
            ok: row["ok"] == true,
            kind: text("kind"),
            key,
            reason: text("reason"),
        }
    };
    rows.lines().map(row).collect()
}

/// A trail that was copied to a folder, with what is needed to verify it.
struct Copied {
    folder: tempfile::TempDir,
}

impl Copied {
    fn of(trail: &Trail) -> Self {
        let folder = tempfile::tempdir().unwrap();
        trail.write(&folder.path().join("copy"));
        std::fs::write(folder.path().join("keys.json"), public_keys().to_string()).unwrap();
        std::fs::write(folder.path().join("signatures.jsonl"), trail.signatures()).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn verify(&self, more: &[&str]) -> Output {
        let mut command = trailhound(["verify", "--all", "--format", "ndjson", "--public-keys"]);
        command.arg(self.path("keys.json")).args(more).arg(self.path("copy"));
        run(&mut command)
    }

    fn verify_signed(&self, more: &[&str]) -> Output {
        let signatures = self.path("signatures.jsonl");
        self.verify(&[more, &["--signatures", signatures.to_str().unwrap()]].concat())
    }
}

#[test]
fn whatever_is_done_to_a_copy_is_told() {
    for case in cases() {
        let output = Copied::of(&case.trail()).verify_signed(&[]);
        // A copy may be unpacked; what was put there unpacked has another hash still.
        case.check(&rows(&output));
        let expected = i32::from(!case.bad.is_empty());
        assert_eq!(output.status.code(), Some(expected), "{}: {}", case.name, text(&output.stderr));
    }
}

#[test]
fn without_signatures_all_but_the_newest_digest_is_proven() {
    let copy = Copied::of(&Trail::of(&[standard()]));
    let output = copy.verify(&[]);
    let mut unproven = rows(&output)
        .into_iter()
        .filter(|row| row.verdict == "unproven")
        .map(|row| row.key)
        .collect::<Vec<_>>();
    unproven.sort_unstable();
    assert_eq!(unproven, [standard().digest(5), standard().log(5, 0), standard().log(5, 1)]);
    assert!(rows(&output).iter().all(|row| row.verdict == "unproven" || row.ok));
    assert_eq!(output.status.code(), Some(1));
    // Without a key, nothing is.
    std::fs::write(copy.path("keys.json"), r#"{"PublicKeyList":[]}"#).unwrap();
    assert!(rows(&copy.verify_signed(&[])).iter().all(|row| row.verdict == "unproven"));
}

#[test]
fn a_copy_may_be_unpacked_and_narrower() {
    let copy = Copied::of(&Trail::of(&[standard()]));
    let log = copy.path("copy").join(standard().log(2, 0));
    let inside = crate::chains::gunzip(&std::fs::read(&log).unwrap());
    std::fs::remove_file(&log).unwrap();
    std::fs::write(log.with_extension(""), inside).unwrap();
    assert_eq!(copy.verify_signed(&[]).status.code(), Some(0));
    for below in
        ["AWSLogs", "AWSLogs/111122223333/CloudTrail", "AWSLogs/111122223333/CloudTrail-Digest/us-east-1"]
    {
        let mut command = trailhound(["verify", "--report", "json", "--public-keys"]);
        command.arg(copy.path("keys.json")).arg("--signatures").arg(copy.path("signatures.jsonl"));
        let report = json(command.arg(copy.path("copy").join(below)));
        assert_eq!(
            (&report["logs"]["valid"], &report["digests"]["valid"]),
            (&12.into(), &6.into()),
            "{below}: {report}"
        );
        assert_eq!(report["bad"], 0, "{below}: {report}");
    }
    let day = copy.path("copy").join(standard().log(2, 0));
    let output = run(trailhound(["verify"]).arg(day.parent().unwrap()));
    assert!(
        output.status.code() == Some(2) && text(&output.stderr).contains("--since"),
        "{}",
        text(&output.stderr)
    );
}

/// Two accounts, two regions, three days; a region of one has no digest at all.
#[test]
fn an_organisation_is_verified_in_one_run() {
    let mut chains = Vec::new();
    for account in [ACCOUNT, "444455556666"] {
        for region in [REGION, "eu-west-1"] {
            chains.push(Chain { account, region, hours: Vec::from([0..72]), ..Chain::default() });
        }
    }
    let mut trail = Trail::of(&chains);
    trail.edit(&chains[3].log(30, 1), "GetObject", "PutObject");
    trail.delete(&chains[1].digest(23));
    let bare = Chain { region: "eu-south-2", ..Chain::default() };
    trail.put(&bare.log(1, 0), gzip(b"{\"Records\":[]}"));
    let copy = Copied::of(&trail);
    let output = copy.verify_signed(&[]);
    let mut bad =
        rows(&output).into_iter().filter(|row| !row.ok).map(|row| (row.verdict, row.key)).collect::<Vec<_>>();
    bad.retain(|(verdict, key)| verdict != "not covered" || key.contains("eu-south-2"));
    bad.sort_unstable();
    let bad = bad.iter().map(|(verdict, key)| (verdict.as_str(), key.as_str())).collect::<Vec<_>>();
    let south = "AWSLogs/111122223333/CloudTrail/eu-south-2/";
    let (log, digest) = (chains[3].log(30, 1), chains[1].digest(23));
    assert_eq!(bad, [("changed", log.as_str()), ("missing", digest.as_str()), ("not covered", south)]);
    // Day by day, the same: each file once, with nothing lost at midnight.
    let mut days = Vec::new();
    for day in ["2026-03-17", "2026-03-18", "2026-03-19", "2026-03-20"] {
        days.extend(rows(&copy.verify_signed(&["--since", day, "--until", day])));
    }
    let sorted = |mut rows: Vec<Row>| {
        rows.retain(|row| row.kind != "region");
        let mut rows = rows.into_iter().map(|row| (row.key, row.verdict)).collect::<Vec<_>>();
        rows.sort_unstable();
        rows
    };
    assert_eq!(sorted(days), sorted(rows(&output)));
}

/// The trail in a bucket of its own.
async fn upload(emulator: &Emulator, trail: &Trail, name: &'static str) {
    let bucket = Bucket::make(emulator, name).await;
    for (key, stored) in &trail.objects {
        bucket.put_with(key, stored.body.clone(), &stored.metadata).await;
    }
}

fn cloudtrail() -> Sink {
    let sink = Sink::start();
    let kind = "Content-Type: application/x-amz-json-1.1";
    sink.plan([], Some(Answer::Say("200 OK", kind, public_keys().to_string())));
    sink
}

fn on_s3(emulator: &Emulator, sink: &Sink, more: &[&str]) -> Output {
    let mut command = trailhound(["verify", "--all", "--format", "ndjson", "s3://trail"]);
    command.envs(emulator.environment()).env("AWS_ENDPOINT_URL_CLOUDTRAIL", sink.endpoint()).args(more);
    run(&mut command)
}

/// What the AWS CLI says of each file: whether it is valid.
fn cli(python: &Path, emulator: &Emulator, sink: &Sink) -> (BTreeMap<String, bool>, Option<i32>) {
    let mut command = bare(&python.with_file_name("aws"));
    command.envs(emulator.environment()).env("AWS_ENDPOINT_URL_CLOUDTRAIL", sink.endpoint());
    command.env("AWS_DEFAULT_REGION", REGION).env("AWS_CONFIG_FILE", "/dev/null").args([
        "cloudtrail",
        "validate-logs",
        "--verbose",
        "--s3-bucket",
        BUCKET,
        "--trail-arn",
        &format!("arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/my_trail"),
        "--start-time",
        "2026-03-17T00:00:00Z",
        "--end-time",
        "2026-03-18T00:00:00Z",
    ]);
    let output = command.output().unwrap();
    let said = [text(&output.stdout), text(&output.stderr)].concat();
    let mut files = BTreeMap::new();
    for line in said.lines().filter(|line| line.contains("file\ts3://")) {
        let mut parts = line.split('\t').skip(1);
        let (file, verdict) = (parts.next().unwrap(), parts.next().unwrap());
        files.insert(file[file.find("AWSLogs/").unwrap()..].to_owned(), verdict == "valid");
    }
    assert!(!files.is_empty(), "{said}");
    (files, output.status.code())
}

/// The CLI goes along the chain, and says nothing of what is not on its way: planted files, files of digests that are
/// not valid, time without digests. Of all else both say the same.
#[tokio::test]
async fn verdicts_are_those_of_the_aws_cli() {
    let Some(python) = python::environment("awscli") else { return };
    let Some(emulator) = Emulator::start() else { return };
    let sink = cloudtrail();
    let bucket = Bucket::make(&emulator, BUCKET).await;
    let mut compared = 0;
    for case in cases() {
        for key in bucket.keys("").await {
            bucket.delete(&key).await;
        }
        for (key, stored) in &case.trail().objects {
            bucket.put_with(key, stored.body.clone(), &stored.metadata).await;
        }
        let output = on_s3(&emulator, &sink, &[]);
        let ours = rows(&output);
        case.check(&ours);
        let (theirs, code) = cli(&python, &emulator, &sink);
        for (key, is_valid) in &theirs {
            let row = ours.iter().find(|row| row.key == *key && row.kind != "region");
            let row = row.unwrap_or_else(|| panic!("{}: the CLI alone knows {key}", case.name));
            assert_eq!(row.verdict == "valid", *is_valid, "{}: {row:?}", case.name);
        }
        let alone = ours.iter().filter(|row| !theirs.contains_key(&row.key));
        for row in alone {
            assert!(
                ["not covered", "gap"].contains(&row.verdict.as_str()),
                "{}: the CLI does not know {row:?}",
                case.name
            );
        }
        let is_known_to_cli = case.bad.iter().any(|(verdict, _)| !["not covered", "gap"].contains(verdict));
        assert_eq!(code == Some(0), !is_known_to_cli, "{}", case.name);
        assert_eq!(
            output.status.code() == Some(0),
            case.bad.is_empty(),
            "{}: {}",
            case.name,
            text(&output.stderr)
        );
        compared += theirs.len();
    }
    eprintln!("{compared} verdicts in {} trails are those of the AWS CLI", cases().len());
}

/// Verdicts in `logfiles`, and how many rows have each.
fn integrity(lake: &str) -> Vec<(String, i64)> {
    let query = "select integrity, count(*) as n from logfiles group by 1 order by 1";
    let rows = json(&mut trailhound(["sql", query, "--format", "json", "--lake", lake]));
    let row =
        |row: &Value| (row["integrity"].as_str().unwrap_or("none").to_owned(), row["n"].as_i64().unwrap());
    rows.as_array().unwrap().iter().map(row).collect()
}

#[test]
fn what_the_lake_read_of_a_copy_is_noted() {
    let it = standard();
    let mut trail = Trail::of(std::slice::from_ref(&it));
    trail.edit(&it.log(3, 1), "GetObject", "PutObject");
    trail.delete(&it.log(1, 1));
    let copy = Copied::of(&trail);
    let lake = copy.path("lake").to_str().unwrap().to_owned();
    run(trailhound(["ingest", "--lake", &lake]).arg(copy.path("copy")));
    let output = copy.verify_signed(&["--lake", &lake]);
    assert!(text(&output.stderr).contains("11 verdicts noted in logfiles"), "{}", text(&output.stderr));
    assert_eq!(integrity(&lake), [("changed".to_owned(), 1), ("valid".to_owned(), 10)]);
    // Noted once, and neither lost nor read again afterwards.
    assert!(!text(&copy.verify_signed(&["--lake", &lake]).stderr).contains("noted in logfiles"));
    let again = json(trailhound(["ingest", "--report", "json", "--lake", &lake]).arg(copy.path("copy")));
    assert_eq!((&again["objects"], &again["objects_skipped"]), (&0.into(), &11.into()), "{again}");
    let no_lake = copy.verify_signed(&["--lake", copy.path("none").to_str().unwrap()]);
    assert_eq!(no_lake.status.code(), Some(2), "{}", text(&no_lake.stderr));
}

#[tokio::test]
async fn verdicts_are_kept_and_hashes_are_known() {
    let Some(emulator) = Emulator::start() else { return };
    let (sink, it) = (cloudtrail(), standard());
    let mut trail = Trail::of(std::slice::from_ref(&it));
    let planted = it.log(2, 0).replace("_a0.", "_zz.");
    trail.put(&planted, gzip(b"{\"Records\":[]}"));
    trail.edit(&it.log(3, 1), "GetObject", "PutObject");
    trail.at(&it.log(4, 0)).body.extend_from_slice(b"tail");
    upload(&emulator, &trail, BUCKET).await;
    let dir = tempfile::tempdir().unwrap();
    let lake = dir.path().join("lake").to_str().unwrap().to_owned();
    run(trailhound(["ingest", "s3://trail/", "--lake", &lake]).envs(emulator.environment()));
    assert_eq!(integrity(&lake), [("none".to_owned(), 13)]);

    let alone = on_s3(&emulator, &sink, &[]);
    let first = on_s3(&emulator, &sink, &["--lake", &lake]);
    let sorted = |output: &Output| {
        let mut rows = rows(output).into_iter().map(|row| (row.key, row.verdict)).collect::<Vec<_>>();
        rows.sort_unstable();
        rows
    };
    assert_eq!(sorted(&first), sorted(&alone));
    // What has bytes behind it has to be looked at again.
    assert!(text(&first.stderr).contains("11 hashes known from their ingest"), "{}", text(&first.stderr));
    let expected = [("changed".to_owned(), 1), ("not covered".to_owned(), 1), ("valid".to_owned(), 11)];
    assert_eq!(integrity(&lake), expected);
    let again = on_s3(&emulator, &sink, &["--lake", &lake]);
    assert!(!text(&again.stderr).contains("noted in logfiles"), "{}", text(&again.stderr));

    // Gone from the bucket, and still what CloudTrail delivered in the lake.
    Bucket::of(&emulator, BUCKET).await.delete(&it.log(1, 0)).await;
    let gone = on_s3(&emulator, &sink, &["--lake", &lake]);
    assert!(rows(&gone).iter().any(|row| row.verdict == "missing" && row.key == it.log(1, 0)));
    assert_eq!(integrity(&lake), expected);
    // The ledger is whole: nothing is read twice, and what is new comes in.
    let ingest = || {
        json(
            trailhound(["ingest", "s3://trail/", "--report", "json", "--lake", &lake])
                .envs(emulator.environment()),
        )
    };
    assert_eq!(ingest()["objects"], 0);
    let next = Chain { hours: Vec::from([6..7]), ..standard() };
    upload_more(&emulator, &Trail::of(&[next])).await;
    assert_eq!(ingest()["objects"], 2);
    run(&mut trailhound(["lake", "compact", "--lake", &lake]));
    assert_eq!(integrity(&lake).iter().map(|(_, n)| n).sum::<i64>(), 15);
}

async fn upload_more(emulator: &Emulator, trail: &Trail) {
    let bucket = Bucket::of(emulator, BUCKET).await;
    for (key, stored) in &trail.objects {
        bucket.put_with(key, stored.body.clone(), &stored.metadata).await;
    }
}

#[tokio::test]
async fn cloudtrail_is_asked_for_its_keys_once_a_region() {
    let Some(emulator) = Emulator::start() else { return };
    let sink = cloudtrail();
    let there = Chain { region: "eu-west-1", ..standard() };
    upload(&emulator, &Trail::of(&[standard(), there]), BUCKET).await;
    assert_eq!(on_s3(&emulator, &sink, &[]).status.code(), Some(0));
    let requests = sink.requests();
    assert_eq!(requests.len(), 2, "{requests:?}");
    for request in requests {
        let body: Value = serde_json::from_str(&request.body).unwrap();
        let (start, end) = (body["StartTime"].as_i64().unwrap(), body["EndTime"].as_i64().unwrap());
        assert!(start <= DAY / 1_000_000 && end >= (DAY + 6 * HOUR) / 1_000_000, "{body}");
    }
    // Trouble that passes is sat out; a refusal is told, and nothing is valid without a key.
    let answer = || Some(Answer::Say("200 OK", "", public_keys().to_string()));
    sink.plan([Answer::status("503 Slow Down")], answer());
    assert_eq!(on_s3(&emulator, &sink, &[]).status.code(), Some(0));
    let no = r#"{"__type":"AccessDeniedException","message":"not you"}"#;
    sink.plan([], Some(Answer::Say("400 Bad Request", "", no.to_owned())));
    let refused = on_s3(&emulator, &sink, &[]);
    let said = text(&refused.stderr);
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(said.contains("AccessDeniedException: not you") && said.contains("--public-keys"), "{said}");
    assert!(refused.stdout.is_empty(), "{}", text(&refused.stdout));
}

/// Real log files, with digests that the AWS CLI accepts.
#[test]
fn a_real_trail_is_valid() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpora");
    let Ok(lines) = std::fs::read_to_string(corpus.join("digest-signatures.jsonl")) else {
        eprintln!("SKIPPED: real digests (there is no corpus beside the project)");
        return;
    };
    let mut command = trailhound(["verify", "--report", "json", "--public-keys"]);
    command
        .arg(corpus.join("digest-public-keys.json"))
        .arg("--signatures")
        .arg(corpus.join("digest-signatures.jsonl"));
    let report = json(command.arg(corpus.join("AWSLogs/342082656213")));
    let named =
        lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["log_files"].as_u64().unwrap());
    assert_eq!(report["digests"], serde_json::json!({"valid": lines.lines().count()}), "{report}");
    assert_eq!(report["logs"]["valid"], named.sum::<u64>(), "{report}");
    assert!(report["logs"].get("changed").is_none() && report["logs"].get("missing").is_none(), "{report}");
    assert_eq!(report["problems"], serde_json::json!([]), "{report}");
}
