//! The family `login`.

use super::org::{Actor, SECURITY, browser, user};
use super::{Call, Planted, Random, Second, call, on};
use serde_json::json;

/// The key that the user makes on Monday, and that is used on Saturday.
pub(super) const LATER: &str = "AKIAPRESSARCHIVEEXAM";

/// Monday 19:02, management: a user from before Identity Center, with a password and nothing else.
pub(crate) fn the_guessed_password(planted: &mut Planted, random: &mut Random) {
    planted.begin("login", "the guessed password");
    let mut who = browser(user(SECURITY, "press-archive", "", "203.0.113.14", ""));
    let begin = on(16, 19, 2);
    // Whoever is not let in has no ARN, and whoever is has no key yet.
    let stranger = without("arn", &who);
    for attempt in 0..6 {
        let failed = sign_in(&stranger, begin + attempt * 41, "Failure");
        let failed = failed.with("errorMessage", json!("Failed authentication"));
        planted.plant(&["console_login_after_failures"], failed, random);
    }
    let rules = ["console_login_after_failures", "console_login_no_mfa", "console_login_new_location"];
    planted.plant(&rules, sign_in(&without("accessKeyId", &who), begin + 290, "Success"), random);

    who.identity["accessKeyId"] = json!(format!("ASIA{}EXAMPLE", random.letters(9)));
    who.identity["sessionContext"] =
        json!({ "attributes": { "creationDate": "2026-03-17T19:06:50Z", "mfaAuthenticated": "false" } });
    for (step, action) in (0..).zip(["iam:GetAccountSummary", "iam:ListUsers", "iam:ListAccessKeys"]) {
        let made = call(&who, "us-east-1", begin + 330 + step * 6, action);
        planted.plant(&[], made.with("sessionCredentialFromConsole", json!("true")), random);
    }
    let key = json!({ "userName": "press-archive", "accessKeyId": LATER, "status": "Active", "createDate": "Mar 16, 2026, 7:09:12 PM" });
    let made = call(&who, "us-east-1", begin + 432, "iam:CreateAccessKey")
        .request(json!({ "userName": "press-archive" }))
        .response(json!({ "accessKey": key }))
        .with("sessionCredentialFromConsole", json!("true"));
    planted.plant(&["iam_access_key_created"], made, random);
}

fn without(member: &str, who: &Actor) -> Actor {
    let mut who = who.clone();
    if let Some(identity) = who.identity.as_object_mut() {
        identity.remove(member);
    }
    who
}

fn sign_in(who: &Actor, at: Second, outcome: &str) -> Call {
    call(who, "us-east-1", at, "signin:ConsoleLogin")
        .response(json!({ "ConsoleLogin": outcome }))
        .with("additionalEventData", json!({ "LoginTo": "https://console.aws.amazon.com/console/home?hashArgs=%23&isauthcode=true", "MobileVersion": "No", "MFAUsed": "No" }))
        .with("eventType", json!("AwsConsoleSignIn"))
        .with("readOnly", json!(false))
}
