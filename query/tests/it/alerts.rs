//! Alerts on their way out: what a webhook and a topic get, and what happens when they are in trouble.

use crate::product::{json, run, text};
use crate::sink::{Answer, SECRET, Sink, is_within};
use crate::waiting::Waiting;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

const TOPIC: &str = "arn:aws:sns:eu-west-1:111122223333:alerts";

fn to_webhook(waiting: &Waiting, sink: &Sink, more: &[&str]) -> Command {
    let mut command = waiting.detect("lake", more);
    command.env("TRAILHOUND_WEBHOOK", sink.url());
    command
}

fn to_topic(command: &mut Command, sink: &Sink) {
    let credentials = [("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test")];
    command.args(["--sns-topic", TOPIC]).env("AWS_ENDPOINT_URL_SNS", sink.endpoint()).envs(credentials);
}

fn ids(documents: &[Value]) -> BTreeSet<&str> {
    documents.iter().map(|document| document["id"].as_str().unwrap()).collect()
}

/// Each of `count` findings came once.
fn check_all(sink: &Sink, count: usize) {
    let documents = sink.documents();
    assert_eq!((documents.len(), ids(&documents).len()), (count, count), "{documents:?}");
}

fn lines(output: &Output) -> Vec<String> {
    text(&output.stderr).lines().map(str::to_owned).collect()
}

#[test]
fn a_webhook_gets_each_finding_once_and_its_url_is_told_to_nobody() {
    let (waiting, sink) = (Waiting::new(30), Sink::start());
    let first = run(&mut to_webhook(&waiting, &sink, &[]));
    assert_eq!(first.status.code(), Some(0), "{}", text(&first.stderr));
    check_all(&sink, 30);
    for request in sink.requests() {
        let document: Value = serde_json::from_str(&request.body).unwrap();
        assert_eq!(request.key.as_deref(), document["id"].as_str());
        assert_eq!((request.kind.as_str(), &document["source"]), ("application/json", &json!("trailhound")));
        assert!(request.target.contains(SECRET), "{}", request.target);
        assert!(document["runbook"].as_str().unwrap().starts_with("1. Who is arn:aws:iam::"), "{document}");
    }
    let second = json(&mut to_webhook(&waiting, &sink, &["--report", "json"]));
    assert_eq!((&second["sent"], &second["unsent"]), (&json!(0), &json!(0)), "{second}");
    let noted = waiting.ask("lake", "select * from notifications");
    let config = ["config", "--format", "json", "detect"];
    let config = run(crate::product::trailhound(config).env("TRAILHOUND_WEBHOOK", sink.url()));
    let help = run(to_webhook(&waiting, &sink, &["--help"]).env("COLUMNS", "200"));
    for told in
        [&noted, &second.to_string(), &text(&first.stderr), &text(&config.stdout), &text(&help.stdout)]
    {
        assert!(!told.contains(SECRET) && !told.contains("/services/"), "{told}");
    }
    assert!(text(&config.stdout).contains("http://127.0.0.1/…"), "{}", text(&config.stdout));
}

/// A run in trouble, then one without. Gives the requests of the first and what it said.
fn recovers(answers: Vec<Answer>, always: Option<Answer>) -> (usize, Vec<String>, Instant) {
    let (waiting, sink) = (Waiting::new(4), Sink::start());
    sink.plan(answers, always);
    let began = Instant::now();
    let bad = run(&mut to_webhook(&waiting, &sink, &[]));
    let (requests, said) = (sink.requests().len(), lines(&bad));
    assert_eq!(bad.status.code(), Some(2), "{said:?}");
    assert_eq!(text(&bad.stdout).matches("deleted bucket-").count(), 4, "they are printed all the same");
    let secrets = said.iter().filter(|line| line.contains(SECRET)).count();
    assert_eq!(secrets, 0, "{said:?}");
    sink.plan([], None);
    let good = run(&mut to_webhook(&waiting, &sink, &[]));
    assert_eq!(good.status.code(), Some(0), "{}", text(&good.stderr));
    check_all(&sink, 4);
    (requests, said, began)
}

/// The one line about a destination; then comes a hint, and nothing else.
fn problem(said: &[String]) -> &str {
    let [.., problem, hint] = said else { panic!("{said:?}") };
    assert_eq!(hint, "hint: the next run tries again");
    assert_eq!(said.iter().filter(|line| line.starts_with("error: ")).count(), 1, "{said:?}");
    assert!(problem.starts_with("error: 4 findings were not sent to http://127.0.0.1:"), "{problem}");
    problem.rsplit_once(": ").unwrap().1
}

#[test]
fn a_webhook_that_is_in_trouble_gets_everything_later() {
    let busy = |header| Answer::Say("429 Too Many Requests", header, String::new());
    let (requests, said, began) = recovers(vec![], Some(busy("Retry-After: 3600")));
    assert_eq!((requests, problem(&said)), (1, "HTTP 429 Too Many Requests"));
    assert!(is_within(began, 20), "it was waited for");
    let (requests, said, _) = recovers(vec![], Some(Answer::Say("500 Oops", "", SECRET.to_owned())));
    assert_eq!((requests, problem(&said)), (3, "HTTP 500 Internal Server Error"));
    let (requests, said, _) =
        recovers(vec![], Some(Answer::Say("404 Not Found", "", "no_service".to_owned())));
    assert_eq!((requests, problem(&said)), (1, "HTTP 404 Not Found (no_service)"));
    let (requests, said, _) = recovers(vec![], Some(Answer::Close));
    assert!(requests >= 3 && !problem(&said).is_empty(), "{requests}: {said:?}");
    let elsewhere = Sink::start();
    let away = Box::leak(format!("Location: {}", elsewhere.url()).into_boxed_str());
    let (requests, said, _) =
        recovers(vec![], Some(Answer::Say("307 Temporary Redirect", away, String::new())));
    assert_eq!((requests, elsewhere.requests().len()), (1, 0));
    assert!(problem(&said).ends_with("redirects are not followed"), "{said:?}");
}

#[test]
fn a_short_pause_is_waited_for() {
    let (waiting, sink) = (Waiting::new(3), Sink::start());
    sink.plan(
        [Answer::Say("429 Too Many Requests", "Retry-After: 2", String::new()), Answer::status("503 Busy")],
        None,
    );
    let began = Instant::now();
    let output = run(&mut to_webhook(&waiting, &sink, &[]));
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    check_all(&sink, 3);
    assert!(began.elapsed() >= Duration::from_millis(2900), "{:?}", began.elapsed());
}

#[test]
fn who_hangs_or_is_gone_holds_up_nobody() {
    let (waiting, hung, topic) = (Waiting::new(30), Sink::start(), Sink::start());
    hung.plan([], Some(Answer::Hang));
    let mut command = to_webhook(&waiting, &hung, &[]);
    to_topic(&mut command, &topic);
    let began = Instant::now();
    let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    topic.wait_for(30);
    assert!(is_within(began, 10), "the topic waited for the webhook");
    let output = child.wait_with_output().unwrap();
    assert!(is_within(began, 25) && output.status.code() == Some(2), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("no answer within 10 s"), "{}", text(&output.stderr));
    check_all(&topic, 30);
    // The other way round: the topic is deleted, and the webhook is back.
    waiting.add(&["another"]);
    hung.plan([], None);
    topic.plan([], Some(Answer::sns("404 Not Found", "NotFound")));
    let mut command = to_webhook(&waiting, &hung, &[]);
    to_topic(&mut command, &topic);
    let output = run(&mut command);
    assert_eq!((output.status.code(), topic.requests().len()), (Some(2), 31), "it was asked once more");
    let said = lines(&output);
    let line = format!("error: 1 finding was not sent to {TOPIC}: NotFound: planned");
    assert_eq!(said.iter().filter(|said| **said == line).count(), 1, "{said:?}");
    assert_eq!(hung.documents().len(), 31);
}

#[test]
fn a_topic_that_throttles_gets_everything_later() {
    for (line, code, requests) in [
        ("400 Bad Request", "Throttling", 3),
        ("429 Too Many Requests", "ThrottledException", 3),
        ("503 Service Unavailable", "InternalError", 3),
        ("403 Forbidden", "AuthorizationError", 1),
    ] {
        let (waiting, sink) = (Waiting::new(5), Sink::start());
        sink.plan([], Some(Answer::sns(line, code)));
        let detect = || {
            let mut command = waiting.detect("lake", &[]);
            to_topic(&mut command, &sink);
            run(&mut command)
        };
        let output = detect();
        assert_eq!(
            (output.status.code(), sink.requests().len()),
            (Some(2), requests),
            "{code}: {:?}",
            lines(&output)
        );
        let told = format!("error: 5 findings were not sent to {TOPIC}: {code}: planned");
        assert!(lines(&output).contains(&told), "{:?}", lines(&output));
        sink.plan([Answer::sns(line, code)].into_iter().filter(|_| requests == 3), None);
        let output = detect();
        assert_eq!(output.status.code(), Some(0), "{code}: {:?}", lines(&output));
        check_all(&sink, 5);
    }
}

/// Three messages that are refused whatever happens come first, and the others after them all the same.
#[test]
fn messages_that_are_refused_do_not_hold_up_others() {
    let (waiting, sink) = (Waiting::of(&["a", "b", "c"]), Sink::start());
    let bad = || Answer::Say("400 Bad Request", "", "invalid_blocks".to_owned());
    sink.plan([], Some(bad()));
    let first = run(&mut to_webhook(&waiting, &sink, &[]));
    assert_eq!((first.status.code(), sink.requests().len()), (Some(2), 3));
    waiting.add(&["d", "e"]);
    sink.plan([Answer::Slow(Duration::ZERO), Answer::Slow(Duration::ZERO)], Some(bad()));
    let second = json(&mut to_webhook(&waiting, &sink, &["--report", "json"]));
    assert_eq!((&second["sent"], &second["unsent"]), (&json!(2), &json!(3)), "{second}");
    assert_eq!(second["destinations"][0]["problem"], "HTTP 400 Bad Request (invalid_blocks)");
    let alerts = sink
        .documents()
        .iter()
        .map(|d| d["entities"]["bucket"].as_str().unwrap().to_owned())
        .collect::<BTreeSet<_>>();
    assert_eq!(alerts, ["d", "e"].map(str::to_owned).into());
}

/// Who is asked to end waits for the message on its way, and leaves the rest to the next run, which need not wait.
#[test]
fn a_run_that_is_asked_to_end_gives_its_turn_away() {
    let (waiting, sink) = (Waiting::new(30), Sink::start());
    sink.plan([], Some(Answer::Slow(Duration::from_secs(1))));
    let start = || {
        let mut command = to_webhook(&waiting, &sink, &[]);
        command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let sends = start();
    sink.wait_for(3);
    // Another waits for its turn, and ends at once.
    let mut waits = start();
    let mut said = BufReader::new(waits.stderr.take().unwrap()).lines().map(Result::unwrap);
    assert!(said.any(|line| line.contains("another run is sending")));
    let asked = Instant::now();
    for process in [&sends, &waits] {
        let kill = Command::new("kill").args(["-TERM", &process.id().to_string()]).status().unwrap();
        assert!(kill.success());
    }
    let sends = sends.wait_with_output().unwrap();
    let of_both = [(waits.wait().unwrap(), said.collect()), (sends.status, lines(&sends))];
    for (status, said) in of_both {
        assert_eq!(status.code(), Some(2), "{said:?}");
        assert!(said.iter().any(|line| line.contains("asked to stop")), "{said:?}");
    }
    assert!(is_within(asked, 20), "they went on");
    let sent = sink.documents().len();
    assert!((3..30).contains(&sent), "{sent}");
    sink.plan([], None);
    let next = json(&mut to_webhook(&waiting, &sink, &["--report", "json"]));
    assert!(is_within(asked, 60), "it waited for the turn");
    assert_eq!(next["sent"], 30 - sent, "{next}");
    check_all(&sink, 30);
}

const HOSTILE: &str = "<!channel> `@here` \u{202e}\u{200b}*x*\n_y_ <https://evil.test|bank>";

#[test]
fn a_chat_shows_what_an_attacker_wrote_and_does_nothing_with_it() {
    let (waiting, slack, topic) = (Waiting::of(&[HOSTILE]), Sink::start(), Sink::start());
    let mut command = to_webhook(&waiting, &slack, &["--webhook-format", "slack", "--sns-format", "chatbot"]);
    to_topic(&mut command, &topic);
    let output = run(&mut command);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let shown = "&lt;!channel&gt; '(at)here' \\u{202e}\\u{200b}*x*\\n_y_ &lt;https://evil.test|bank&gt;";
    let alert = format!("```\narn:aws:iam::111122223333:user/ada deleted {shown}\n```");
    let message: Value = serde_json::from_str(&slack.requests()[0].body).unwrap();
    assert_eq!(message["blocks"][1]["text"], json!({"type": "mrkdwn", "text": alert, "verbatim": true}));
    let form = topic.requests()[0].form();
    let message: Value = serde_json::from_str(&form["Message"]).unwrap();
    assert_eq!((&message["version"], &message["source"]), (&json!("1.0"), &json!("custom")));
    assert!(message["content"]["description"].as_str().unwrap().starts_with(&alert), "{message}");
    assert_eq!(form["Subject"], "[low] Bucket deleted");
    let attributes = form.values().map(String::as_str).collect::<BTreeSet<_>>();
    for value in
        ["rule", "bucket_deleted", "severity", "low", "account", "111122223333", "region", "eu-west-1"]
    {
        assert!(attributes.contains(value), "{value}: {form:?}");
    }
    // A terminal shows the same, and JSON says what it was.
    let terminal = text(&output.stdout);
    assert!(terminal.contains("\\u{202e}\\u{200b}*x*\\n_y_") && !terminal.contains('\u{202e}'), "{terminal}");
}

#[test]
fn findings_are_a_stream_of_json() {
    let waiting = Waiting::of(&["a", HOSTILE]);
    let output = run(&mut waiting.detect("lake", &["--format", "ndjson"]));
    let lines =
        text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Value>>();
    let alerts = lines.iter().map(|line| line["alert"].as_str().unwrap()).collect::<BTreeSet<_>>();
    let by = |bucket: &str| format!("arn:aws:iam::111122223333:user/ada deleted {bucket}");
    assert_eq!(alerts, [by("a").as_str(), by(HOSTILE).as_str()].into());
}

#[test]
fn a_webhook_that_cannot_be_used_is_an_error_before_the_work() {
    let waiting = Waiting::of(&["a"]);
    for url in ["http://example.com/xyzzy-1a2b3c", "xyzzy-1a2b3c", "ftp://127.0.0.1/xyzzy-1a2b3c"] {
        let output = run(waiting.detect("lake", &[]).env("TRAILHOUND_WEBHOOK", url));
        assert_eq!(output.status.code(), Some(2));
        let said = text(&output.stderr);
        assert!(said.starts_with("error: a webhook ") && !said.contains(SECRET), "{said}");
    }
    assert_eq!(waiting.count("lake", "select count(*) from findings"), 0);
}
