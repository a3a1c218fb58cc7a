//! The family `root`.

use super::org::{DEVELOPMENT, root};
use super::{Planted, Random, call, clock};
use serde_json::json;

/// 02:05, development: the mailbox of the root user was taken over.
pub(crate) fn stolen_root(planted: &mut Planted, random: &mut Random) {
    planted.begin("root", "the stolen root user");
    let console = root(DEVELOPMENT, "ASIAROOTCONSEXAMPLE0", "203.0.113.66");
    let begin = clock(2, 5);
    let sign_in = |at, name: &str| {
        call(&console, "us-east-1", at, &format!("signin:{name}"))
            .with("eventType", json!("AwsConsoleSignIn"))
            .with("readOnly", json!(false))
    };
    let login = sign_in(begin, "ConsoleLogin").response(json!({ "ConsoleLogin": "Success" }));
    let login = login.with("additionalEventData", json!({ "LoginTo": "https://console.aws.amazon.com/console/home", "MobileVersion": "No", "MFAUsed": "No" }));
    planted.plant(&["root_console_login_no_mfa"], login, random);
    let changed = sign_in(begin + 95, "PasswordUpdated").response(json!({ "PasswordUpdated": "Success" }));
    planted.plant(&["root_password_or_email_changed"], changed, random);
    let device = format!("arn:aws:iam::{DEVELOPMENT}:mfa/root-account-mfa-device");
    let removed = call(&console, "us-east-1", begin + 180, "iam:DeactivateMFADevice")
        .request(json!({ "serialNumber": device }));
    planted.plant(&["root_mfa_removed", "root_api_activity"], removed, random);
    let key = json!({ "accessKey": { "accessKeyId": "AKIAROOTSTOLENEXAMPL", "status": "Active", "createDate": "Mar 17, 2026 2:10:02 AM" } });
    let created = call(&console, "us-east-1", begin + 302, "iam:CreateAccessKey").response(key);
    planted.plant(&["root_access_key_created", "root_api_activity"], created, random);

    let stored = root(DEVELOPMENT, "AKIAROOTSTOLENEXAMPL", "203.0.113.67");
    for (step, action) in (0..).zip(["sts:GetCallerIdentity", "iam:ListUsers", "s3:ListBuckets"]) {
        planted.plant(
            &["root_access_key_used"],
            call(&stored, "us-east-1", begin + 600 + step * 4, action),
            random,
        );
    }
    let user = call(&stored, "us-east-1", begin + 640, "iam:CreateUser")
        .request(json!({ "userName": "support-svc" }));
    planted.plant(&["root_access_key_used", "root_api_activity", "iam_admin_user_created"], user, random);
    let policy =
        json!({ "userName": "support-svc", "policyArn": "arn:aws:iam::aws:policy/AdministratorAccess" });
    planted.plant(
        &["root_access_key_used", "root_api_activity", "iam_admin_user_created"],
        call(&stored, "us-east-1", begin + 652, "iam:AttachUserPolicy").request(policy),
        random,
    );
}
