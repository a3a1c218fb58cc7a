//! The family `exfil`.

use super::org::{Actor, HOME, PRODUCTION, STRANGER, role};
use super::{Planted, Random, Second, call, clock};
use serde_json::json;

/// 20:10, production: credentials of the reporting task, taken through a hole in its web page, used from outside.
pub(crate) fn the_quiet_copy(planted: &mut Planted, random: &mut Random) {
    planted.begin("exfil", "the quiet copy");
    let thief = role(
        PRODUCTION,
        "service/",
        "reporting-task",
        "reporting-task-3f9a",
        "203.0.113.201",
        "aws-cli/2.15.0 md/pyimpl#CPython os/linux",
        random,
    );
    let begin = clock(20, 10);
    planted.plant(&[], call(&thief, HOME, begin, "sts:GetCallerIdentity"), random);
    for number in 0..14 {
        let request = json!({ "secretId": format!("prod/{}", ["orders/db", "ledger/db", "mail", "payments", "crm", "search", "cdn", "sso", "etl", "bi", "hr", "erp", "vpn", "ci"][number]) });
        let at = begin + 60 + i64::try_from(number).unwrap_or(0) * 11;
        planted.plant(
            &["secrets_mass_read"],
            call(&thief, HOME, at, "secretsmanager:GetSecretValue").request(request),
            random,
        );
    }
    for number in 0..620 {
        let key = format!("exports/2026-02/{number:05}.csv");
        let made = call(&thief, HOME, begin + 300 + number, "s3:GetObject")
            .request(json!({ "bucketName": "example-customer-exports", "key": key }));
        let made = made.data("AWS::S3::Object", &format!("arn:aws:s3:::example-customer-exports/{key}"));
        planted.plant(
            &["s3_mass_get_object"],
            made.with(
                "additionalEventData",
                json!({ "bytesTransferredOut": random.between(40_000, 900_000) }),
            ),
            random,
        );
    }
    shares(planted, &thief, begin + 1200, random);
    bucket_policies(planted, &thief, begin + 1500, random);
}

fn shares(planted: &mut Planted, thief: &Actor, at: Second, random: &mut Random) {
    let items = json!({ "add": { "items": [{ "userId": STRANGER }] } });
    let snapshot = json!({ "snapshotId": format!("snap-0{}", random.hex(16)), "attributeType": "CREATE_VOLUME_PERMISSION", "createVolumePermission": items });
    planted.plant(
        &["ebs_snapshot_shared_external"],
        call(thief, HOME, at, "ec2:ModifySnapshotAttribute").request(snapshot),
        random,
    );
    let image = json!({ "imageId": "ami-0abcdef1234567890", "attributeType": "launchPermission", "launchPermission": items });
    planted.plant(
        &["ami_shared_external"],
        call(thief, HOME, at + 40, "ec2:ModifyImageAttribute").request(image),
        random,
    );
    let database = json!({ "dBSnapshotIdentifier": "orders-2026-03-16", "attributeName": "restore", "valuesToAdd": [STRANGER] });
    planted.plant(
        &["rds_snapshot_shared_external"],
        call(thief, HOME, at + 90, "rds:ModifyDBSnapshotAttribute").request(database),
        random,
    );
}

fn bucket_policies(planted: &mut Planted, thief: &Actor, at: Second, random: &mut Random) {
    let named = json!({ "bucketName": "example-customer-exports", "bucketPolicy": { "Version": "2012-10-17", "Statement": [
        { "Sid": "sync", "Effect": "Allow", "Principal": { "AWS": format!("arn:aws:iam::{STRANGER}:root") }, "Action": ["s3:GetObject", "s3:ListBucket"], "Resource": ["arn:aws:s3:::example-customer-exports", "arn:aws:s3:::example-customer-exports/*"] },
    ] } });
    planted.plant(
        &["s3_bucket_policy_external_account"],
        call(thief, HOME, at, "s3:PutBucketPolicy").request(named),
        random,
    );
    let open = json!({ "bucketName": "example-reports", "bucketPolicy": { "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::example-reports/*" },
    ] } });
    planted.plant(
        &["s3_bucket_policy_public"],
        call(thief, HOME, at + 70, "s3:PutBucketPolicy").request(open),
        random,
    );
}
