//! The beginning of a rule: a file that passes its tests, for its author to change.

use super::file::Kind;
use super::{Rule, RuleError};

/// The text of a rule of this name, family and kind.
///
/// # Errors
/// The id or the family is not `snake_case`.
pub fn text(id: &str, family: &str, kind: Kind) -> Result<String, RuleError> {
    let is_snake = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
    };
    if !is_snake(family) {
        return Err(RuleError::new(family, "the family is not snake_case"));
    }
    let (body, tests) = match kind {
        Kind::Match => (MATCH, MATCH_TESTS),
        Kind::Threshold => (THRESHOLD, THRESHOLD_TESTS),
        Kind::Sequence => (SEQUENCE, SEQUENCE_TESTS),
        Kind::FirstSeen => (FIRST_SEEN, FIRST_SEEN_TESTS),
        Kind::Sql => (SQL, SQL_TESTS),
    };
    let head = HEAD.replace("ID", id).replace("FAMILY", family).replace("KIND", kind.name());
    let text = format!("{head}\n{body}\n{tests}");
    // A beginning that is no rule would be a bug of ours; an id that is none is the author's.
    Rule::parse(&format!("{family}/{id}.toml"), &text)?;
    Ok(text)
}

const HEAD: &str = r#"id       = "ID"
title    = "Say what happened, in a few words"
kind     = "KIND"
severity = "medium"                         # info, low, medium, high, critical
status   = "experimental"
version  = 1
attack   = []                               # MITRE ATT&CK: "TA0010/T1537"
tags     = ["FAMILY"]
description     = "Say why it matters, for those who are woken."
false_positives = ["Say what looks the same and is harmless."]
runbook = """
1. Ask {actor} whether it was them. The call came from {sourceIPAddress}.
2. See what they did next:
   trailhound sql "SELECT eventTime, eventName, awsRegion, errorCode FROM cloudtrail
   WHERE actor = '{actor}' ORDER BY eventTime"
"""
references = []
"#;

const MATCH: &str = r#"events = ["s3:DeleteBucketPolicy"]
where  = '''
coalesce(userIdentity.type, '') <> 'AWSService'
AND NOT in_list(actor, $known_actors)
'''
alert = "{actor} called {eventName} on {bucket}"
dedup = { by = ["actor", "bucket"], for = "24h" }

[fields]
bucket = "requestParameters.bucketName"

[params]
known_actors = { type = "arn[]", default = [], doc = "Who does this by design" }
"#;

const MATCH_TESTS: &str = r#"[[test]]
name   = "somebody does it"
fires  = true
events = '''{"requestParameters": {"bucketName": "b"}}'''
expect = { findings = 1, title = "arn:aws:iam::111122223333:user/alice called DeleteBucketPolicy on b" }

[[test]]
name   = "somebody who does it by design"
fires  = false
params = { known_actors = ["arn:aws:iam::111122223333:user/alice"] }
events = '''{"requestParameters": {"bucketName": "b"}}'''

[[test]]
name   = "a service at work"
fires  = false
events = '''{"requestParameters": {"bucketName": "b"}, "userIdentity": {"type": "AWSService", "invokedBy": "config.amazonaws.com"}}'''

[[test]]
name   = "it was denied"
fires  = false
events = '''{"requestParameters": {"bucketName": "b"}, "errorCode": "AccessDenied"}'''
"#;

const THRESHOLD: &str = r#"events = ["s3:DeleteBucketPolicy"]
where  = '''
coalesce(userIdentity.type, '') <> 'AWSService'
AND NOT in_list(actor, $known_actors)
'''
alert = "{actor} called {eventName} {count} times within {window}, the last time on {bucket}"

[threshold]
count  = 5
within = "10m"
by     = ["actor", "recipientAccountId"]

[fields]
bucket = "requestParameters.bucketName"

[params]
known_actors = { type = "arn[]", default = [], doc = "Who does this by design" }
"#;

const THRESHOLD_TESTS: &str = r#"[[test]]
name   = "five times"
fires  = true
events = '''{"_repeat": 5, "_every": "1m", "requestParameters": {"bucketName": "b{i}"}}'''
expect = { findings = 1, count = 5 }

[[test]]
name   = "four times"
fires  = false
events = '''{"_repeat": 4, "_every": "1m", "requestParameters": {"bucketName": "b{i}"}}'''

[[test]]
name   = "five times in an hour"
fires  = false
events = '''{"_repeat": 5, "_every": "15m", "requestParameters": {"bucketName": "b{i}"}}'''

[[test]]
name   = "somebody who does it by design"
fires  = false
params = { known_actors = ["arn:aws:iam::111122223333:user/alice"] }
events = '''{"_repeat": 5, "_every": "1m", "requestParameters": {"bucketName": "b{i}"}}'''

[[test]]
name   = "a service at work"
fires  = false
events = '''{"_repeat": 5, "_every": "1m", "userIdentity": {"type": "AWSService", "invokedBy": "config.amazonaws.com"}}'''
"#;

const SEQUENCE: &str = r#"alert = "{actor} made {user} and gave it an access key"
dedup = { by = ["user", "recipientAccountId"], for = "24h" }

[sequence]
by     = ["user", "recipientAccountId"]     # all steps agree on these
within = "1h"                               # from the first step to the last

[[step]]
name   = "made"
events = ["iam:CreateUser"]
fields = { user = "requestParameters.userName" }

[[step]]
name   = "key"
events = ["iam:CreateAccessKey"]
fields = { user = "requestParameters.userName" }
"#;

const SEQUENCE_TESTS: &str = r#"[[test]]
name   = "both steps"
fires  = true
events = '''
{"eventName": "CreateUser", "requestParameters": {"userName": "u"}}
{"_at": "5m", "eventName": "CreateAccessKey", "requestParameters": {"userName": "u"}}
'''
expect = { findings = 1 }

[[test]]
name   = "the second step arrives first"
fires  = true
events = '''
{"_late": "1h", "eventName": "CreateUser", "requestParameters": {"userName": "u"}}
{"_at": "5m", "eventName": "CreateAccessKey", "requestParameters": {"userName": "u"}}
'''

[[test]]
name   = "of two users"
fires  = false
events = '''
{"eventName": "CreateUser", "requestParameters": {"userName": "u"}}
{"_at": "5m", "eventName": "CreateAccessKey", "requestParameters": {"userName": "v"}}
'''

[[test]]
name   = "a day later"
fires  = false
events = '''
{"eventName": "CreateUser", "requestParameters": {"userName": "u"}}
{"_at": "24h", "eventName": "CreateAccessKey", "requestParameters": {"userName": "u"}}
'''
"#;

const FIRST_SEEN: &str = r#"events = ["s3:DeleteBucketPolicy"]
where  = "coalesce(userIdentity.type, '') <> 'AWSService'"
alert  = "{actor} called {eventName} for the first time, from {sourceIPAddress}"

[first_seen]
keys         = ["recipientAccountId", "actor"]  # what was not seen together before
learn        = "14d"                            # only learns for so long
forget_after = "90d"                            # is new again after so long
"#;

const FIRST_SEEN_TESTS: &str = r#"[[test]]
name     = "somebody new"
fires    = true
baseline = '''{"_at": "-20d", "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/bob"}}'''
events   = '''{}'''

[[test]]
name     = "somebody who did it before"
fires    = false
baseline = '''{"_at": "-20d"}'''
events   = '''{}'''

[[test]]
name     = "a service at work"
fires    = false
baseline = '''{"_at": "-20d"}'''
events   = '''{"userIdentity": {"type": "AWSService", "invokedBy": "config.amazonaws.com"}}'''
"#;

const SQL: &str = r#"query = '''
SELECT eventTime, eventID, actor, recipientAccountId, awsRegion, sourceIPAddress, eventName
FROM cloudtrail
WHERE eventSource = 's3.amazonaws.com' AND eventName = 'DeleteBucketPolicy'
  AND coalesce(errorCode, '') = ''
  AND eventTime BETWEEN $from AND $to
'''
alert = "{actor} called {eventName}"
dedup = { by = ["actor", "recipientAccountId"], for = "24h" }
"#;

const SQL_TESTS: &str = r#"[[test]]
name   = "somebody does it"
fires  = true
events = '''{"eventSource": "s3.amazonaws.com", "eventName": "DeleteBucketPolicy"}'''

[[test]]
name   = "it was denied"
fires  = false
events = '''{"eventSource": "s3.amazonaws.com", "eventName": "DeleteBucketPolicy", "errorCode": "AccessDenied"}'''
"#;
