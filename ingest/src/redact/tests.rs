//! Rules as people write them, against records as an attacker writes them.

use super::*;

fn rules(json: &str) -> Vec<Rule> {
    serde_json::from_str(json).unwrap()
}

fn redaction(json: &str) -> Redaction {
    let key = Key::new(b"a key for tests, and nothing else").unwrap();
    Redaction::new(&rules(json), Some(key)).unwrap().unwrap()
}

/// Redacts `record` by `json`; twice, since the second time must change nothing.
#[track_caller]
fn check(json: &str, record: &str, expected: &str) {
    let redaction = redaction(json);
    let mut counts = redaction.counts();
    let once = redaction.record(record, &mut counts).unwrap();
    assert_eq!(once, expected, "{record}");
    let mut again = redaction.counts();
    assert_eq!(redaction.record(&once, &mut again).unwrap(), once);
    assert_eq!(again.iter().sum::<u64>(), 0, "{once}");
}

const DROP_NAME: &str = r#"[{"fields":["userIdentity.userName"],"action":"drop"}]"#;

#[test]
fn no_spelling_of_a_key_slips_by() {
    for (record, expected) in [
        (r#"{"userIdentity":{"userName":"ada","arn":"x"}}"#, r#"{"userIdentity":{"arn":"x"}}"#),
        (r#"{"user\u0049dentity":{"user\u004eame":"ada"}}"#, r#"{"user\u0049dentity":{}}"#),
        (r#"{"USERIDENTITY":{"username":"ada"}}"#, r#"{"USERIDENTITY":{}}"#),
        (r#"{"userIdentity":{"userName":1,"userName":"ada"}}"#, r#"{"userIdentity":{}}"#),
        (r#"{"userIdentity":1,"userIdentity":{"userName":"a"}}"#, r#"{"userIdentity":1,"userIdentity":{}}"#),
        (r#"{"userIdentity":[[{"userName":"ada"},2]]}"#, r#"{"userIdentity":[[{},2]]}"#),
        (r#"{"userIdentity":{"userName":{"a":["ada"]}}}"#, r#"{"userIdentity":{}}"#),
        ("{ \"userIdentity\" : { \"userName\" : \"ada\" , \"a\" : 1.0 } }", r#"{"userIdentity":{"a":1.0}}"#),
        (r#"{"userName":"elsewhere","a":[1e3,-0,null]}"#, r#"{"userName":"elsewhere","a":[1e3,-0,null]}"#),
    ] {
        check(DROP_NAME, record, expected);
    }
    let kelvin = r#"[{"fields":["\"k\""],"action":"drop"}]"#;
    check(kelvin, "{\"\u{212a}\":\"ada\",\"\\u212a\":2}", "{}");
}

#[test]
fn paths_with_stars() {
    let cut = |path: &str| format!(r#"[{{"fields":["{path}"],"action":"truncate","length":1}}]"#);
    let record =
        r#"{"eventName":"Ab","requestParameters":{"a":"ab","b":[{"c":"cd"},"ef",12,null,true]},"x":"yz"}"#;
    for (path, expected) in [
        (
            "requestParameters.**",
            r#"{"eventName":"Ab","requestParameters":{"a":"a","b":[{"c":"c"},"e","1",null,"t"]},"x":"yz"}"#,
        ),
        (
            "requestParameters.*",
            r#"{"eventName":"Ab","requestParameters":{"a":"a","b":["{","e","1",null,"t"]},"x":"yz"}"#,
        ),
        (
            "requestParameters.b[*].c",
            r#"{"eventName":"Ab","requestParameters":{"a":"ab","b":[{"c":"c"},"ef",12,null,true]},"x":"yz"}"#,
        ),
        (
            "**.c",
            r#"{"eventName":"Ab","requestParameters":{"a":"ab","b":[{"c":"c"},"ef",12,null,true]},"x":"yz"}"#,
        ),
        (
            "**",
            r#"{"eventName":"Ab","requestParameters":{"a":"a","b":[{"c":"c"},"e","1",null,"t"]},"x":"y"}"#,
        ),
        ("requestParameters", r#"{"eventName":"Ab","requestParameters":"{","x":"yz"}"#),
    ] {
        let redaction = redaction(&cut(path));
        assert_eq!(redaction.record(record, &mut redaction.counts()).unwrap(), expected, "{path}");
    }
    check(&cut("requestParameters.**"), r#"{"requestParameters":"ab"}"#, r#"{"requestParameters":"a"}"#);
    check(
        &cut("requestParameters.**"),
        r#"{"requestParameters":["ab",["cd"]]}"#,
        r#"{"requestParameters":["a",["c"]]}"#,
    );
    let drop = r#"[{"fields":["requestParameters.**"],"action":"drop"}]"#;
    check(drop, r#"{"requestParameters":{"a":{"b":1},"c":[2]}}"#, "{}");
    check(drop, r#"{"requestParameters":"x"}"#, "{}");
}

#[test]
fn the_first_rule_counts_also_inside_of_what_a_later_one_takes() {
    let rules = r#"[
        {"fields":["requestParameters.bucketName"],"action":"truncate","length":2},
        {"fields":["requestParameters.**"],"action":"drop"},
        {"fields":["requestParameters.key"],"action":"truncate","length":1}
    ]"#;
    let record =
        r#"{"requestParameters":{"bucketName":"bucket","key":"secret","o":{"bucketName":"b"},"l":[1]}}"#;
    check(rules, record, r#"{"requestParameters":{"bucketName":"bu"}}"#);
}

#[test]
fn pseudonyms_do_not_depend_on_the_spelling() {
    let redaction = redaction(r#"[{"fields":["userAgent","requestParameters"],"action":"hmac"}]"#);
    let agent = |record: &str| redaction.record(record, &mut redaction.counts()).unwrap();
    let plain = agent(r#"{"userAgent":"ada"}"#);
    assert!(plain.starts_with(r#"{"userAgent":"hmac:"#), "{plain}");
    assert_eq!(plain, agent(r#"{"userAgent":"\u0061d\u0061"}"#));
    let object = agent(r#"{"requestParameters":{"a":"x","b":[1,{}]}}"#);
    assert_eq!(object, agent(r#"{"requestParameters": {"b": [1, {} ], "\u0061":"\u0078"}}"#));
    assert_ne!(object, agent(r#"{"requestParameters":{"a":"x","b":[1,[]]}}"#));
    // What a hostile caller claims to be a pseudonym is one more value.
    let claimed = r#"{"userAgent":"hmac:adaadaadaadaadaadaadaadaadaadaadaadaadaadaad"}"#;
    assert_ne!(agent(claimed), claimed);
    for odd in [r#"{"userAgent":"\ud800ada"}"#, r#"{"userAgent":""}"#, r#"{"userAgent":5}"#] {
        assert!(agent(odd).starts_with(r#"{"userAgent":"hmac:"#), "{odd}");
    }
    assert_eq!(agent(r#"{"userAgent":null}"#), r#"{"userAgent":null}"#);
}

#[test]
fn addresses_that_cannot_be_cut_are_dropped() {
    let rules = r#"[{"fields":["sourceIPAddress"],"action":"truncate","ipv4":16,"ipv6":32}]"#;
    check(rules, r#"{"sourceIPAddress":"192.0.2.7"}"#, r#"{"sourceIPAddress":"192.0.0.0/16"}"#);
    check(rules, r#"{"sourceIPAddress":"kms.amazonaws.com"}"#, r#"{"sourceIPAddress":"kms.amazonaws.com"}"#);
    check(rules, r#"{"sourceIPAddress":"192.0.2.7, 10.0.0.1","a":1}"#, r#"{"a":1}"#);
    check(rules, r#"{"sourceIPAddress":["192.0.2.7",5,"x"]}"#, r#"{"sourceIPAddress":["192.0.0.0/16"]}"#);
}

#[test]
fn only_some_accounts() {
    let rules = r#"[{"fields":["userAgent"],"action":"drop","accounts":["111122223333"]}]"#;
    let ours = [
        r#""recipientAccountId":"111122223333""#,
        r#""RECIPIENTACCOUNTID":"111122223333""#,
        r#""recipientAccountId":"444455556666","userIdentity":{"accountId":"111122223333"}"#,
        r#""recipientAccountId":"444455556666","recipientAccountId":111122223333"#,
        r#""accountId":"111122223333""#,
        r#""recipientAccountId":"nobody's""#,
        r#""a":1"#,
    ];
    for whose in ours {
        check(rules, &format!(r#"{{"userAgent":"x",{whose}}}"#), &format!("{{{whose}}}"));
    }
    let escaped = r#""recipient\u0041ccountId":"\u0031\u003111222233\u00333""#;
    check(rules, &format!(r#"{{"userAgent":"x",{escaped}}}"#), &format!("{{{escaped}}}"));
    let theirs = r#"{"userAgent":"x","recipientAccountId":"444455556666"}"#;
    check(rules, theirs, theirs);
}

#[test]
fn what_tells_an_event_stays() {
    let rules = r#"[{"fields":["**"],"action":"drop"}]"#;
    check(
        rules,
        r#"{"eventID":"e","eventName":"n","EVENTNAME":"x","eventTime":{"x":1},"timeWindow":{"windowStart":"w","more":1},"a":{"eventID":"x"}}"#,
        r#"{"eventID":"e","eventName":"n","timeWindow":{"windowStart":"w"}}"#,
    );
    let cut = r#"[{"fields":["*.*"],"action":"truncate","length":0}]"#;
    check(
        cut,
        r#"{"timeWindow":{"windowStart":"w","more":"x"}}"#,
        r#"{"timeWindow":{"windowStart":"w","more":""}}"#,
    );
}

#[test]
fn columns_of_the_console_are_dropped() {
    let record = r#"{"eventName":"x","$partial":{"from":"csv","columns":{"User name+":"ada"}}}"#;
    check(DROP_NAME, record, r#"{"eventName":"x","$partial":{"from":"csv"}}"#);
}

#[test]
fn counts_are_by_rule() {
    let redaction = redaction(
        r#"[{"fields":["userAgent"],"action":"drop"},{"name":"who","fields":["userIdentity.**"],"action":"hmac"},{"fields":["userAgent"],"action":"drop"}]"#,
    );
    let mut counts = redaction.counts();
    redaction.record(r#"{"userAgent":"x","userIdentity":{"arn":"a","b":{"c":1}}}"#, &mut counts).unwrap();
    let named = redaction.named(&counts).into_iter().collect::<Vec<_>>();
    let expected = [("drop userAgent", 1), ("drop userAgent (3)", 0), ("who", 2)];
    assert_eq!(named, expected.map(|(name, count)| (name.to_owned(), count)));
}

#[test]
fn rules_without_a_meaning_are_refused() {
    for (json, why) in [
        (r#"[{"fields":[],"action":"drop"}]"#, "rule 1: fields is empty"),
        (r#"[{"fields":["userAgent"],"action":"truncate"}]"#, "needs either length"),
        (r#"[{"fields":["userAgent"],"action":"truncate","length":1,"ipv4":8}]"#, "needs either length"),
        (r#"[{"fields":["userAgent"],"action":"truncate","ipv4":33}]"#, "has 32 bits"),
        (r#"[{"fields":["userAgent"],"action":"drop","length":1}]"#, "belong to action"),
        (r#"[{"fields":["userAgent"],"action":"drop","accounts":["11"]}]"#, "12 digits"),
        (r#"[{"fields":["userAgent"],"action":"drop","accounts":[]}]"#, "would do nothing"),
        (r#"[{"fields":["userAgent"],"action":"hmac"}]"#, "need a key"),
        (r#"[{"fields":["eventID"],"action":"drop"}]"#, "has to stay"),
    ] {
        let error = Redaction::new(&rules(json), None).unwrap_err().to_string();
        assert!(error.starts_with("[privacy] rule") && error.contains(why), "{json}: {error}");
    }
    assert!(Redaction::new(&[], None).unwrap().is_none());
}
