//! Chains, from log records through the real ingester to the rows of `actor_chain`, and against a naive walker.

use super::{Chains, Issue, OriginType, Session};
use crate::Engine;
use crate::output::{Format, Printer};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::sync::Arc;
use trailhound_ingest::lake::Lake;
use trailhound_ingest::{IngestConfig, ingest};

const ADA: &str = "arn:aws:iam::111122223333:user/ada";

fn role_arn(account: &str, role: &str) -> String {
    format!("arn:aws:iam::{account}:role/team/{role}")
}

fn session_arn(account: &str, role: &str, name: &str) -> String {
    format!("arn:aws:sts::{account}:assumed-role/{role}/{name}")
}

fn user(name: &str) -> Value {
    json!({"type": "IAMUser", "arn": format!("arn:aws:iam::111122223333:user/{name}"), "userName": name,
        "principalId": format!("AIDA{name}"), "accountId": "111122223333", "accessKeyId": format!("AKIA{name}")})
}

fn session(account: &str, role: &str, name: &str, key: &str) -> Value {
    json!({"type": "AssumedRole", "arn": session_arn(account, role, name), "accountId": account,
        "principalId": format!("AROA{role}:{name}"), "accessKeyId": key,
        "sessionContext": {"sessionIssuer": {"type": "Role", "arn": role_arn(account, role), "accountId": account}}})
}

fn created(mut who: Value, time: &str) -> Value {
    who["sessionContext"]["attributes"] = json!({"creationDate": format!("2026-03-17T{time}Z")});
    who
}

/// A call at a time of one day.
fn call(time: &str, who: &Value, name: &str) -> Value {
    let account = who["accountId"].as_str().unwrap_or("111122223333");
    json!({"eventVersion": "1.11", "eventTime": format!("2026-03-17T{time}Z"), "eventSource": "s3.amazonaws.com",
        "eventName": name, "userIdentity": who, "awsRegion": "eu-west-1", "sourceIPAddress": "192.0.2.1",
        "recipientAccountId": account, "requestParameters": {"bucketName": "b"}})
}

/// A call that gives out credentials for a role.
fn assume(time: &str, who: &Value, role: (&str, &str), name: &str, key: &str) -> Value {
    let (account, role) = role;
    let mut event = call(time, who, "AssumeRole");
    event["eventSource"] = json!("sts.amazonaws.com");
    event["sourceIPAddress"] = json!("198.51.100.7");
    event["requestParameters"] = json!({"roleArn": role_arn(account, role), "roleSessionName": name});
    event["responseElements"] = json!({"credentials": {"sessionToken": "x", "accessKeyId": key},
        "assumedRoleUser": {"arn": session_arn(account, role, name)}});
    event
}

struct Scene {
    _dir: tempfile::TempDir,
    engine: Engine,
    lake: Lake,
}

impl Scene {
    async fn new(mut events: Vec<Value>) -> Self {
        for (number, event) in events.iter_mut().enumerate() {
            event["eventID"] = json!(format!("00000000-0000-4000-8000-{number:012}"));
        }
        let dir = tempfile::tempdir().unwrap();
        let place = |name: &str| dir.path().join(name).to_string_lossy().into_owned();
        std::fs::write(place("log.json"), json!({"Records": events}).to_string()).unwrap();
        let report = ingest(&IngestConfig::new(vec![place("log.json")], place("lake")), Arc::new(())).await;
        assert_eq!(report.unwrap().written, u64::try_from(events.len()).unwrap());
        let lake = Lake::open(&place("lake")).await.unwrap();
        Self { engine: Engine::open(&lake).await.unwrap(), _dir: dir, lake }
    }

    async fn ask(&self, query: &str) -> String {
        let answer = self.engine.sql(query).await.unwrap_or_else(|error| panic!("{query}: {error}"));
        let mut out = Vec::new();
        let mut printer = Printer::new(answer.schema, Format::Csv, &mut out);
        for batch in answer.batches {
            printer.write(&batch).unwrap();
        }
        printer.finish().unwrap();
        String::from_utf8(out).unwrap().lines().skip(1).collect::<Vec<_>>().join("\n")
    }

    /// Origin, its type, and the number of links of a key: the same whether only its issues are read, or all.
    async fn of(&self, key: &str) -> String {
        let query = |column: &str| {
            format!("select origin, originType, depth from actor_chain where {column} = '{key}'")
        };
        let found = self.ask(&query("accessKeyId")).await;
        assert_eq!(found, self.ask(&query("concat(accessKeyId, '')")).await, "{key}");
        found
    }
}

const A: &str = "111122223333";
const B: &str = "444455556666";

#[tokio::test]
async fn one_two_and_three_links_and_two_users_interleaved() {
    let (ada, bob) = (user("ada"), user("bob"));
    let hop = |name: &str, key: &str| session(A, "Hop", name, key);
    let scene = Scene::new(vec![
        assume("08:00:00", &ada, (A, "Hop"), "h", "ASIAA1"),
        assume("08:00:00", &bob, (A, "Hop"), "h", "ASIAB1"),
        assume("08:00:01", &hop("h", "ASIAB1"), (B, "Deploy"), "d", "ASIAB2"),
        assume("08:00:01", &hop("h", "ASIAA1"), (B, "Deploy"), "d", "ASIAA2"),
        assume("08:30:00", &session(B, "Deploy", "d", "ASIAA2"), (B, "Admin"), "a", "ASIAA3"),
        call("08:40:00", &session(B, "Admin", "a", "ASIAA3"), "DeleteBucket"),
        call("08:41:00", &session(B, "Deploy", "d", "ASIAB2"), "GetObject"),
    ])
    .await;
    for (key, expected) in [
        ("ASIAA1", format!("{ADA},IAM user,1")),
        ("ASIAA2", format!("{ADA},IAM user,2")),
        ("ASIAA3", format!("{ADA},IAM user,3")),
        ("ASIAB2", "arn:aws:iam::111122223333:user/bob,IAM user,2".to_owned()),
        ("AKIAada", format!("{ADA},IAM user,0")),
    ] {
        assert_eq!(scene.of(key).await, expected, "{key}");
    }
    let join = "select e.eventTime, c.origin, c.originIP, c.originAccount, c.role, c.path[2] as second \
                from cloudtrail e join actor_chain c on e.userIdentity.accessKeyId = c.accessKeyId \
                where e.eventName = 'DeleteBucket'";
    let expected = format!(
        "2026-03-17T08:40:00Z,{ADA},198.51.100.7,{A},{},{}",
        role_arn(B, "Admin"),
        session_arn(A, "Hop", "h")
    );
    assert_eq!(scene.ask(join).await, expected);
    let unused =
        "select accessKeyId from actor_chain where origin like '%/ada' and depth > 0 order by issuedTime";
    assert_eq!(scene.ask(unused).await, "ASIAA1\nASIAA2\nASIAA3");
    let later = "select accessKeyId, originIP from actor_chain where issuedTime > '2026-03-17T08:15:00Z'";
    assert_eq!(scene.ask(later).await, "ASIAA3,198.51.100.7");
}

#[tokio::test]
async fn two_accounts_log_one_call_each_in_part() {
    let ada = user("ada");
    // The caller's account does not see the key; the other account does not see who called.
    let mut caller = assume("08:00:00", &ada, (B, "Deploy"), "d", "-");
    caller["responseElements"] = Value::Null;
    let stranger = json!({"type": "AWSAccount", "principalId": "AIDAada", "accountId": A});
    let mut callee = assume("08:00:00", &stranger, (B, "Deploy"), "d", "ASIAD");
    callee["recipientAccountId"] = json!(B);
    for event in [&mut caller, &mut callee] {
        event["sharedEventID"] = json!("77777777-0000-4000-8000-000000000001");
    }
    // Another account's call, whose log is not here.
    let alien = json!({"type": "AWSAccount", "principalId": "AROAX:x", "accountId": "999988887777"});
    let alien = assume("08:05:00", &alien, (B, "Deploy"), "x", "ASIAX");
    let scene = Scene::new(vec![callee, caller, alien]).await;
    assert_eq!(scene.of("ASIAD").await, format!("{ADA},IAM user,1"));
    assert_eq!(scene.of("ASIAX").await, "AROAX:x,unknown,1");
    let account = "select originAccount from actor_chain where accessKeyId = 'ASIAX'";
    assert_eq!(scene.ask(account).await, "999988887777");
}

/// A federated sign-in: an `AssumeRoleWith…` of an identity without a key.
fn federated(name: &str, who: &Value, role: &str, session: &str, key: &str) -> Value {
    let mut event = assume("08:00:00", who, (A, role), session, key);
    event["eventName"] = json!(name);
    event
}

#[tokio::test]
async fn people_and_pipelines_of_other_identity_providers() {
    let saml = json!({"type": "SAMLUser", "principalId": "q:ada@example.com", "userName": "ada@example.com",
        "identityProvider": "q"});
    let mut from_saml = federated("AssumeRoleWithSAML", &saml, "Sso", "ada@example.com", "ASIAS");
    from_saml["requestParameters"]["principalArn"] = json!("arn:aws:iam::111122223333:saml-provider/Okta");
    let github = json!({"type": "WebIdentityUser", "userName": "repo:example/web:ref:refs/heads/main",
        "principalId": "x", "identityProvider": "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"});
    let from_github = federated("AssumeRoleWithWebIdentity", &github, "Ci", "GitHubActions", "ASIAG");
    let chained =
        assume("08:01:00", &session(A, "Ci", "GitHubActions", "ASIAG"), (B, "Deploy"), "d", "ASIAG2");
    // Identity Center gives its user another key than the one that STS says it gave; only the second is the same.
    let mut center =
        federated("AssumeRoleWithSAML", &saml, "AWSReservedSSO_Admin_0123", "ada@example.com", "ASIAI");
    center["requestParameters"]["principalArn"] =
        json!("arn:aws:iam::111122223333:saml-provider/AWSSSO_0_DO_NOT_DELETE");
    let reserved = |key: &str| session(A, "AWSReservedSSO_Admin_0123", "ada@example.com", key);
    let used = call("08:10:00", &created(reserved("ASIAI2"), "08:00:00"), "GetObject");
    let unissued = call("09:10:00", &created(reserved("ASIAI3"), "09:00:00"), "GetObject");
    let mut behalf = session(A, "App", "app", "ASIAT");
    behalf["onBehalfOf"] =
        json!({"userId": "u-1", "identityStoreArn": "arn:aws:identitystore::1:identitystore/d-1"});
    let scene = Scene::new(vec![
        from_saml,
        from_github,
        chained,
        center,
        used,
        unissued,
        call("09:00:00", &behalf, "Get"),
    ])
    .await;
    for (key, expected) in [
        ("ASIAS", "ada@example.com,SAML,1"),
        ("ASIAG", "repo:example/web:ref:refs/heads/main,OIDC,1"),
        ("ASIAG2", "repo:example/web:ref:refs/heads/main,OIDC,2"),
        ("ASIAI", "ada@example.com,Identity Center,1"),
        ("ASIAI2", "ada@example.com,Identity Center,1"),
        ("ASIAI3", "ada@example.com,Identity Center,0"),
        ("ASIAT", "u-1,Identity Center,0"),
    ] {
        assert_eq!(scene.of(key).await, expected, "{key}");
    }
}

#[tokio::test]
async fn workloads() {
    let service = |name: &str| json!({"type": "AWSService", "invokedBy": format!("{name}.amazonaws.com")});
    let mut lambda = session(A, "Worker", "fn", "ASIAL");
    lambda["inScopeOf"] = json!({"issuerType": "AWS::Lambda::Function",
        "credentialsIssuedTo": "arn:aws:lambda:eu-west-1:111122223333:function:fn"});
    let mut linked = session(A, "AWSServiceRoleForConfig", "c", "ASIAC");
    linked["sessionContext"]["sessionIssuer"]["arn"] =
        json!("arn:aws:iam::111122223333:role/aws-service-role/config.amazonaws.com/AWSServiceRoleForConfig");
    let instance = session(A, "Web", "i-0123456789abcdef0", "ASIAE");
    let scene = Scene::new(vec![
        assume("08:00:00", &service("ec2"), (A, "Web"), "i-0123456789abcdef0", "ASIAE"),
        assume("08:10:00", &instance, (B, "Deploy"), "d", "ASIAE2"),
        call("08:20:00", &session(A, "Web", "i-0aaaaaaaaaaaaaaaa", "ASIAE3"), "GetObject"),
        assume("08:00:00", &service("lambda"), (A, "Worker"), "fn", "ASIAL"),
        call("08:20:00", &lambda, "GetObject"),
        assume("08:00:00", &service("cloudtrail"), (A, "Logs"), "l", "ASIAV"),
        call("08:20:00", &linked, "GetObject"),
    ])
    .await;
    for (key, expected) in [
        ("ASIAE", "i-0123456789abcdef0,instance,1"),
        ("ASIAE2", "i-0123456789abcdef0,instance,2"),
        ("ASIAE3", "i-0aaaaaaaaaaaaaaaa,instance,0"),
        ("ASIAL", "arn:aws:lambda:eu-west-1:111122223333:function:fn,service,1"),
        ("ASIAV", "cloudtrail.amazonaws.com,service,1"),
        ("ASIAC", "config.amazonaws.com,service,0"),
    ] {
        assert_eq!(scene.of(key).await, expected, "{key}");
    }
}

#[tokio::test]
async fn tokens_root_and_the_console() {
    let ada = user("ada");
    let sts = |time: &str, who: &Value, name: &str, request: Value, response: Value| {
        let mut event = call(time, who, name);
        event["eventSource"] = json!("sts.amazonaws.com");
        (event["requestParameters"], event["responseElements"]) = (request, response);
        event
    };
    let given = |key: &str| json!({"credentials": {"accessKeyId": key}});
    let mut federated = given("ASIAF");
    federated["federatedUser"] = json!({"arn": "arn:aws:sts::111122223333:federated-user/fed"});
    let mut token = user("ada");
    token["accessKeyId"] = json!("ASIAK");
    let mut signin =
        sts("08:04:00", &session(A, "Hop", "h", "ASIAH"), "GetSigninToken", Value::Null, given("ASIAW"));
    signin["eventSource"] = json!("signin.amazonaws.com");
    let mut member = json!({"type": "Root", "arn": "arn:aws:iam::444455556666:root", "accountId": B,
        "accessKeyId": "ASIAR", "sessionContext": {"assumedRoot": "true"}});
    let mut scene = vec![
        sts("08:00:00", &ada, "GetSessionToken", Value::Null, given("ASIAK")),
        sts("08:01:00", &ada, "GetFederationToken", json!({"name": "fed"}), federated),
        assume("08:02:00", &token, (A, "Hop"), "h", "ASIAH"),
        sts(
            "08:03:00",
            &session(A, "Hop", "h", "ASIAH"),
            "AssumeRoot",
            json!({"targetPrincipal": B}),
            given("ASIAR"),
        ),
        signin,
        call("08:05:00", &member, "DeleteBucketPolicy"),
    ];
    // Nobody is known to have assumed this root.
    member["accessKeyId"] = json!("ASIAR2");
    scene.push(call("09:30:00", &created(member, "09:00:00"), "DeleteBucketPolicy"));
    let scene = Scene::new(scene).await;
    for (key, depth) in [("ASIAK", 1), ("ASIAF", 1), ("ASIAH", 2), ("ASIAR", 3), ("ASIAW", 3)] {
        assert_eq!(scene.of(key).await, format!("{ADA},IAM user,{depth}"), "{key}");
    }
    assert_eq!(scene.of("ASIAR2").await, "arn:aws:iam::444455556666:root,unknown,0");
}

#[tokio::test]
async fn a_missing_link_is_said_to_be() {
    let orphan = session(A, "Hop", "h", "ASIAO");
    let mut named = session(A, "Hop", "n", "ASIAN");
    named["sessionContext"]["sourceIdentity"] = json!("ada");
    // Refused, and too long ago: neither is how this key was issued.
    let mut refused = assume("07:00:00", &user("bob"), (A, "Hop"), "h", "ASIAO");
    refused["errorCode"] = json!("AccessDenied");
    let mut old = assume("07:00:00", &user("bob"), (A, "Hop"), "h", "ASIAO");
    old["eventTime"] = json!("2026-03-15T07:00:00Z");
    let scene = Scene::new(vec![
        assume("08:00:00", &orphan, (B, "Deploy"), "d", "ASIAO2"),
        call("08:01:00", &named, "GetObject"),
        refused,
        old,
    ])
    .await;
    let hop = session_arn(A, "Hop", "h");
    assert_eq!(scene.of("ASIAO2").await, format!("{hop},unknown,1"));
    assert_eq!(scene.of("ASIAO").await, format!("{hop},unknown,0"));
    assert_eq!(scene.of("ASIAN").await, "ada,source identity,0");
}

#[tokio::test]
async fn a_session_is_found_by_the_second_it_was_created() {
    let (ada, bob) = (user("ada"), user("bob"));
    let hidden = |time: &str, who: &Value| {
        let mut event = assume(time, who, (A, "Hop"), "h", "-");
        event["responseElements"] = Value::Null;
        event
    };
    let used =
        |time: &str, key: &str| call("09:00:00", &created(session(A, "Hop", "h", key), time), "GetObject");
    let scene = Scene::new(vec![
        hidden("08:00:00", &ada),
        hidden("08:30:00", &bob),
        used("08:00:01", "ASIA1"),
        used("08:30:00", "ASIA2"),
        used("08:15:00", "ASIA3"),
        // Of another log: its key is the same, and was created at another time.
        assume("08:10:00", &ada, (A, "Hop"), "h", "ASIA5"),
        used("08:20:00", "ASIA5"),
        call("09:00:00", &session(A, "Hop", "h", "ASIA4"), "GetObject"),
    ])
    .await;
    assert_eq!(scene.of("ASIA1").await, format!("{ADA},IAM user,1"));
    assert_eq!(scene.of("ASIA2").await, "arn:aws:iam::111122223333:user/bob,IAM user,1");
    let hop = session_arn(A, "Hop", "h");
    for key in ["ASIA3", "ASIA4", "ASIA5"] {
        assert_eq!(scene.of(key).await, format!("{hop},unknown,0"), "{key} could be of any");
    }
}

#[tokio::test]
async fn a_loop_and_a_long_chain_end() {
    let mut events = vec![assume("08:00:00", &user("ada"), (A, "R"), "s0", "ASIA0")];
    for n in 1..50 {
        let before = session(A, "R", &format!("s{}", n - 1), &format!("ASIA{}", n - 1));
        events.push(assume("08:00:00", &before, (A, "R"), &format!("s{n}"), &format!("ASIA{n}")));
    }
    for (key, of) in [("ASIAX", "ASIAY"), ("ASIAY", "ASIAX"), ("ASIAZ", "ASIAZ")] {
        events.push(assume("08:00:00", &session(A, "R", of, of), (A, "R"), key, key));
    }
    let scene = Scene::new(events).await;
    assert_eq!(scene.of("ASIA49").await, format!("{ADA},IAM user,50"));
    assert_eq!(scene.of("ASIAX").await, format!("{},unknown,2", session_arn(A, "R", "ASIAX")));
    assert_eq!(scene.of("ASIAZ").await, format!("{},unknown,1", session_arn(A, "R", "ASIAZ")));
    let all = "select count(*), max(depth) from actor_chain where accessKeyId like 'ASIA%'";
    assert_eq!(scene.ask(all).await, "53,50");
}

const RULE: &str = r#"
id = "bucket_deleted"
title = "Bucket deleted"
kind = "match"
severity = "low"
status = "stable"
version = 1
description = "d"
runbook = "r"
events = ["s3:DeleteBucket"]
alert = "{actor} deleted a bucket"
[[test]]
name = "deleted"
fires = true
events = '{}'
[[test]]
name = "denied"
fires = false
events = '{"errorCode": "AccessDenied"}'
"#;

#[tokio::test]
async fn a_finding_names_who_began() {
    let admin = |name: &str, key: &str| session(B, "Admin", name, key);
    let scene = Scene::new(vec![
        assume("08:00:00", &user("ada"), (A, "Hop"), "h", "ASIA1"),
        assume("08:01:00", &session(A, "Hop", "h", "ASIA1"), (B, "Admin"), "a", "ASIA2"),
        assume("08:02:00", &user("bob"), (B, "Admin"), "b", "ASIA3"),
        call("08:03:00", &admin("a", "ASIA2"), "DeleteBucket"),
        call("08:04:00", &admin("b", "ASIA3"), "DeleteBucket"),
        call("08:05:00", &user("eve"), "DeleteBucket"),
    ])
    .await;
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("test")).unwrap();
    std::fs::write(dir.path().join("test/bucket_deleted.toml"), RULE).unwrap();
    let pack = crate::rules::Pack::load(&[dir.path().to_path_buf()]).unwrap();
    let set = crate::rules::params::Values::new();
    let ready = pack.rules().iter().map(|rule| crate::detect::Ready { rule, set: &set }).collect::<Vec<_>>();
    let found = crate::detect::detect(&scene.lake, &ready).await.unwrap().findings;
    let of = |actor: &str| found.iter().find(|finding| finding.actor.as_deref() == Some(actor)).unwrap();
    let by_role = &of(&role_arn(B, "Admin")).entities;
    assert_eq!(by_role["origin"], "arn:aws:iam::111122223333:user/ada, arn:aws:iam::111122223333:user/bob");
    assert_eq!(by_role["originType"], "IAM user");
    let chain = [ADA, &session_arn(A, "Hop", "h"), &session_arn(B, "Admin", "a")].join(" → ");
    assert!(by_role["chain"].starts_with(&chain), "{}", by_role["chain"]);
    assert!(!of("arn:aws:iam::111122223333:user/eve").entities.contains_key("origin"));
    let kept = "select json_path(entities, 'originType') from findings where actor like '%:role/%'";
    let scene = Scene { engine: Engine::open(&scene.lake).await.unwrap(), ..scene };
    assert_eq!(scene.ask(kept).await, "IAM user");
}

/// Who asked for a key: a user, or whoever has another key.
#[derive(Clone, Copy, Debug)]
enum Asker {
    User(u8),
    Key(usize),
}

/// An issue of the key with its place in the list: who asked, in which minute, whether the event shows the key, and
/// whether a second account logged it, without the caller.
type Given = (Asker, i64, bool, bool);

fn given(most: usize) -> impl Strategy<Value = Given> {
    let asker = prop_oneof![(0..3_u8).prop_map(Asker::User), (0..most).prop_map(Asker::Key)];
    (asker, 0..6000_i64, any::<bool>(), any::<bool>())
}

#[expect(clippy::unnecessary_wraps, reason = "the members of a session can be absent")]
fn text(value: impl Into<Arc<str>>) -> super::Text {
    Some(value.into())
}

fn holder(key: usize) -> Session {
    let arn = text(session_arn(A, "R", &format!("s{key}")));
    Session {
        key: text(format!("ASIA{key}")),
        kind: text("AssumedRole".to_owned()),
        arn,
        ..Session::default()
    }
}

fn issues(all: &[Given]) -> Vec<Issue> {
    let mut issues = Vec::new();
    for (number, &(asker, minute, shows_key, is_twice)) in all.iter().enumerate() {
        let caller = match asker {
            Asker::User(user) => Session {
                kind: text("IAMUser".to_owned()),
                arn: text(format!("user{user}")),
                ..Session::default()
            },
            Asker::Key(key) => holder(key),
        };
        let whole = Issue {
            key: holder(number).key.filter(|_| shows_key),
            session: holder(number).arn,
            role: None,
            source_identity: None,
            time: minute * 60_000_000,
            ip: None,
            account: None,
            shared: text(format!("shared{number}")).filter(|_| is_twice),
            caller: Arc::new(caller),
        };
        if is_twice {
            let stranger = Session { kind: text("AWSAccount".to_owned()), ..Session::default() };
            issues.push(Issue { caller: Arc::new(stranger), key: holder(number).key, ..whole.clone() });
        }
        issues.push(whole);
    }
    issues
}

/// Origin and links of `key` at a minute, one step after the other.
fn naive(all: &[Given], key: usize, minute: i64, seen: &mut Vec<usize>) -> Option<u8> {
    let &(asker, issued, ..) = all.get(key)?;
    let is_alive = issued <= minute && minute <= issued + 36 * 60;
    if !is_alive || seen.contains(&key) || seen.len() == super::DEPTH {
        return None;
    }
    seen.push(key);
    match asker {
        Asker::User(user) => Some(user),
        Asker::Key(next) => naive(all, next, issued, seen),
    }
}

proptest! {
    #[test]
    fn the_walk_is_that_of_a_naive_walker(
        all in prop::collection::vec(given(12), 1..12),
        minute in 0..8000_i64,
        order in any::<u64>(),
    ) {
        let mut mixed = issues(&all);
        let length = u64::try_from(mixed.len()).unwrap();
        mixed.rotate_left(usize::try_from(order % length).unwrap());
        let mut chains = Chains::default();
        for issue in mixed {
            chains.add(issue);
        }
        chains.finish();
        for key in 0..all.len() {
            let chain = chains.of(&holder(key), minute * 60_000_000, None);
            let mut seen = Vec::new();
            if let Some(user) = naive(&all, key, minute, &mut seen) {
                prop_assert_eq!(chain.origin_type, OriginType::IamUser);
                prop_assert_eq!(&*chain.origin, &format!("user{user}"));
            } else {
                prop_assert_eq!(chain.origin_type, OriginType::Unknown);
            }
            prop_assert_eq!(chain.depth(), seen.len());
        }
    }
}
