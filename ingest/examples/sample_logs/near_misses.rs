//! What only looks like an incident, and must stay silent.

use super::incidents::Planted;
use super::org::{HOME, PEOPLE, PRODUCTION, REGIONS, SECURITY, person_session, role, root, service, through};
use super::random::Random;
use super::record::{call, clock};
use serde_json::json;

/// Adds them to what is planted.
pub(crate) fn all(planted: &mut Planted, random: &mut Random) {
    of_people(planted, random);
    of_machines(planted, random);
}

/// What people do that looks like an incident.
fn of_people(planted: &mut Planted, random: &mut Random) {
    let guess = root(PRODUCTION, "", "203.0.113.9");
    let failed = call(&guess, "us-east-1", clock(5, 12), "signin:ConsoleLogin")
        .response(json!({ "ConsoleLogin": "Failure" }));
    let failed = failed
        .with("eventType", json!("AwsConsoleSignIn"))
        .with("errorMessage", json!("Failed authentication"))
        .with("readOnly", json!(false));
    planted.silent("a wrong password for root", failed, random);

    let amelie = person_session(&PEOPLE[0], false, random);
    let key = call(&amelie, "us-east-1", clock(9, 40), "iam:UpdateAccessKey").request(
        json!({ "userName": "mail-relay", "accessKeyId": "AKIAMAILRELAYEXAMPLE", "status": "Inactive" }),
    );
    planted.silent("an access key that is switched off", key, random);

    let look = call(&amelie, "ap-southeast-1", clock(10, 5), "ec2:DescribeInstances");
    planted.silent("looking into a region that is not allowed", look, random);

    let own = json!({ "snapshotId": format!("snap-0{}", random.hex(16)), "createVolumePermission": { "add": { "items": [{ "userId": PRODUCTION }] } } });
    planted.silent(
        "a snapshot shared with the own account",
        call(&amelie, HOME, clock(11, 0), "ec2:ModifySnapshotAttribute").request(own),
        random,
    );

    let policy = json!({ "bucketName": "example-web-assets", "bucketPolicy": { "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::example-web-assets/*", "Condition": { "StringEquals": { "aws:PrincipalOrgID": "o-exampleorg1" } } },
        { "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::example-web-assets/*", "Condition": { "Bool": { "aws:SecureTransport": "false" } } },
    ] } });
    planted.silent(
        "a bucket policy for the whole organisation",
        call(&amelie, HOME, clock(11, 20), "s3:PutBucketPolicy").request(policy),
        random,
    );

    let bela = person_session(&PEOPLE[1], false, random);
    let denied = call(&bela, HOME, clock(13, 3), "ec2:RunInstances")
        .request(json!({ "instanceType": "t3.micro", "minCount": 1, "maxCount": 1 }))
        .denied();
    planted.silent("a small instance in an allowed region, denied", denied, random);

    let ewa = person_session(&PEOPLE[4], true, random);
    let global = call(&ewa, "us-east-1", clock(13, 30), "organizations:TagResource")
        .request(json!({ "resourceId": SECURITY }));
    planted.silent("a global service, which is recorded in Virginia", global, random);
}

/// What machines do that looks like an incident.
fn of_machines(planted: &mut Planted, random: &mut Random) {
    let lifecycle = service(PRODUCTION, "s3.amazonaws.com");
    for number in 0..80 {
        let key = format!("expired/{number:04}.log");
        let made = call(&lifecycle, HOME, clock(0, 40) + number, "s3:DeleteObject")
            .request(json!({ "bucketName": "example-logs", "key": key }));
        planted.silent(
            "a lifecycle rule expires eighty objects",
            made.data("AWS::S3::Object", &format!("arn:aws:s3:::example-logs/{key}")),
            random,
        );
    }
    let scaling = role(
        PRODUCTION,
        "aws-service-role/autoscaling.amazonaws.com/",
        "AWSServiceRoleForAutoScaling",
        "AutoScaling",
        "x",
        "x",
        random,
    );
    let scaling = through(scaling, "autoscaling.amazonaws.com");
    for number in 0..6 {
        let request =
            json!({ "instancesSet": { "items": [{ "instanceId": format!("i-0{}", random.hex(16)) }] } });
        planted.silent(
            "auto scaling takes six instances away",
            call(&scaling, HOME, clock(22, 0) + number * 5, "ec2:TerminateInstances").request(request),
            random,
        );
    }
    let backup =
        role(PRODUCTION, "service-role/", "AWSBackupDefaultServiceRole", "AWSBackup", "x", "x", random);
    let backup = through(backup, "backup.amazonaws.com");
    for number in 0..8 {
        let request = json!({ "snapshotId": format!("snap-0{}", random.hex(16)) });
        planted.silent(
            "old backups expire",
            call(&backup, HOME, clock(4, 30) + number * 10, "ec2:DeleteSnapshot").request(request),
            random,
        );
    }
    let batch =
        role(PRODUCTION, "service/", "billing-batch", "run-0317", "10.0.30.2", "aws-sdk-java/2.30.0", random);
    for number in 0..300 {
        let key = format!("2026-03-16/{number:04}.json");
        let made = call(&batch, HOME, clock(6, 0) + number * 2, "s3:GetObject")
            .request(json!({ "bucketName": "example-orders", "key": key }));
        planted.silent(
            "the billing job reads three hundred objects",
            made.data("AWS::S3::Object", &format!("arn:aws:s3:::example-orders/{key}")),
            random,
        );
    }
    for number in 0..40 {
        let made = call(&batch, HOME, clock(6, 0) + number * 3, "secretsmanager:GetSecretValue")
            .request(json!({ "secretId": "prod/billing" }));
        planted.silent("the billing job reads one secret forty times", made, random);
    }
    let inventory = role(SECURITY, "", "inventory", "weekly", "198.51.100.201", "Boto3/1.37.1", random);
    for (step, region) in (0..).zip(REGIONS) {
        planted.silent(
            "inventory in the five allowed regions",
            call(&inventory, region, clock(7, 0) + step * 3, "ec2:DescribeInstances"),
            random,
        );
    }
}
