//! The family `iam`.

use super::org::{Actor, DEVELOPMENT, STRANGER, person_named, person_session, role, user};
use super::{Planted, Random, Second, call, on};
use serde_json::{Value, json};

const ADDRESS: &str = "203.0.113.31";
const AGENT: &str = "Boto3/1.35.99 md/Botocore#1.35.99 ua/2.0 os/windows#10 lang/python#3.11.9";
/// Where the account of the thief calls from.
const OUTSIDE: &str = "203.0.113.40";
const ROLE: &str = "support-readonly";
const ROLE_ID: &str = "AROASUPPORTREADONLYEX";

/// Wednesday 10:40, development: Goran's session, copied from his laptop, is used beside his own.
pub(crate) fn the_second_door(planted: &mut Planted, random: &mut Random) {
    planted.begin("iam", "the second door");
    let goran = person_session(person_named("goran.ilic"), false, random);
    let thief = Actor { address: ADDRESS.to_owned(), agent: AGENT.to_owned(), ..goran.clone() };
    let begin = on(18, 10, 40);
    let own = call(&goran, "us-east-1", begin - 400, "iam:GetRole");
    planted.plant(&["session_from_many_ips"], own.request(json!({ "roleName": "preview-function" })), random);
    planted.plant(
        &["session_from_many_ips"],
        call(&thief, "us-east-1", begin, "sts:GetCallerIdentity"),
        random,
    );
    planted.plant(&["session_from_many_ips"], call(&thief, "us-east-1", begin + 9, "iam:ListUsers"), random);

    let id = "AKIARELEASEBOTEXAMPL";
    let key = json!({ "userName": "release-bot", "accessKeyId": id, "status": "Active", "createDate": "Mar 18, 2026, 10:40:31 AM" });
    let made = call(&thief, "us-east-1", begin + 31, "iam:CreateAccessKey")
        .request(json!({ "userName": "release-bot" }))
        .response(json!({ "accessKey": key }));
    planted.plant(&["iam_access_key_created_then_used"], made, random);
    let bot = user(DEVELOPMENT, "release-bot", id, ADDRESS, AGENT);
    let tested = call(&bot, "us-east-1", begin + 52, "sts:GetCallerIdentity");
    planted.plant(&["iam_access_key_created_then_used", "credential_test_then_enumerate"], tested, random);
    let looked = call(&bot, "us-east-1", begin + 58, "s3:ListBuckets");
    planted.plant(&["credential_test_then_enumerate"], looked, random);
    door(planted, &thief, begin + 120, random);
}

/// A role that lets in an account of their own, as administrator; ten minutes later it is in use.
fn door(planted: &mut Planted, thief: &Actor, at: Second, random: &mut Random) {
    let arn = format!("arn:aws:iam::{DEVELOPMENT}:role/{ROLE}");
    let trust = json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Principal": { "AWS": format!("arn:aws:iam::{STRANGER}:root") }, "Action": "sts:AssumeRole" }] }).to_string();
    let made_role = json!({ "path": "/", "roleName": ROLE, "roleId": ROLE_ID, "arn": arn, "createDate": "Mar 18, 2026, 10:42:00 AM" });
    let made = call(thief, "us-east-1", at, "iam:CreateRole")
        .request(json!({ "roleName": ROLE, "description": "AWS Support", "assumeRolePolicyDocument": trust }))
        .response(json!({ "role": made_role }));
    planted.plant(&["iam_role_trust_external", "iam_admin_role_created"], made, random);
    let policy = json!({ "roleName": ROLE, "policyArn": "arn:aws:iam::aws:policy/AdministratorAccess" });
    let made = call(thief, "us-east-1", at + 7, "iam:AttachRolePolicy").request(policy);
    planted.plant(&["iam_admin_role_created"], made, random);

    let outside = Actor {
        account: DEVELOPMENT.to_owned(),
        identity: json!({ "type": "AWSAccount", "principalId": "AIDASTRANGEREXAMPLE00", "accountId": STRANGER }),
        address: OUTSIDE.to_owned(),
        agent: AGENT.to_owned(),
    };
    let assumed = json!({ "assumedRoleId": format!("{ROLE_ID}:sync"), "arn": format!("arn:aws:sts::{DEVELOPMENT}:assumed-role/{ROLE}/sync") });
    let made = call(&outside, "us-east-1", at + 600, "sts:AssumeRole")
        .request(json!({ "roleArn": arn, "roleSessionName": "sync", "durationSeconds": 3600 }))
        .response(json!({ "credentials": { "accessKeyId": format!("ASIA{}EXAMPLE", random.letters(9)), "expiration": "Mar 18, 2026, 11:52:00 AM", "sessionToken": "<hidden>" }, "assumedRoleUser": assumed }))
        .with("resources", json!([{ "accountId": DEVELOPMENT, "type": "AWS::IAM::Role", "ARN": arn }]))
        .with("sharedEventID", Value::String(random.uuid()))
        .with("readOnly", json!(true));
    planted.plant(&["assume_role_external_first_seen"], made, random);
}

/// A session of the role, for whoever came through the door.
pub(super) fn inside(random: &mut Random) -> Actor {
    let agent = "aws-cli/2.22.0 md/awscrt#0.23.4 ua/2.0 os/linux#6.6.9 lang/python#3.12.6";
    let mut who = role(DEVELOPMENT, "", ROLE, "sync", OUTSIDE, agent, random);
    who.identity["principalId"] = json!(format!("{ROLE_ID}:sync"));
    who.identity["sessionContext"]["sessionIssuer"]["principalId"] = json!(ROLE_ID);
    who
}
