//! What goes wrong on this day. The stories are told in `sample-logs/README.md`.

use super::org::{Actor, DEVELOPMENT, HOME, PEOPLE, PRODUCTION, STRANGER, person_session, role, root, user};
use super::random::Random;
use super::record::{Call, Event, Second, call, clock};
use serde_json::json;
use std::collections::BTreeMap;

/// The events of the incidents and near misses, and which rule must, or must not, find them.
#[derive(Default)]
pub(crate) struct Planted {
    pub(crate) events: Vec<Event>,
    pub(crate) must_fire: BTreeMap<&'static str, Vec<String>>,
    pub(crate) must_stay_silent: BTreeMap<&'static str, Vec<String>>,
}

impl Planted {
    /// Adds a call that each of `rules` must find.
    fn plant(&mut self, rules: &[&'static str], made: Call, random: &mut Random) {
        let event = made.record(random);
        for &rule in rules {
            self.must_fire.entry(rule).or_default().push(event.id());
        }
        self.events.push(event);
    }

    /// Adds a call that no rule may find.
    pub(crate) fn silent(&mut self, name: &'static str, made: Call, random: &mut Random) {
        let event = made.record(random);
        self.must_stay_silent.entry(name).or_default().push(event.id());
        self.events.push(event);
    }
}

pub(crate) fn all(random: &mut Random) -> Planted {
    let mut planted = Planted::default();
    stolen_root(&mut planted, random);
    miners_abroad(&mut planted, random);
    the_last_afternoon(&mut planted, random);
    the_quiet_copy(&mut planted, random);
    planted
}

/// 02:05, development: the mailbox of the root user was taken over.
fn stolen_root(planted: &mut Planted, random: &mut Random) {
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
            &["root_access_key_used", "root_read_activity", "credential_test_then_enumerate"],
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

/// 03:10, development: the key of an old pipeline user was found in a public repository.
fn miners_abroad(planted: &mut Planted, random: &mut Random) {
    let thief = user(
        DEVELOPMENT,
        "ci-legacy",
        "AKIACILEGACYEXAMPLE0",
        "203.0.113.77",
        "Boto3/1.34.0 md/Botocore#1.34.0 os/linux lang/python#3.8.10",
    );
    let begin = clock(3, 10);
    planted.events.push(call(&thief, "us-east-1", begin, "sts:GetCallerIdentity").record(random));
    let swept = [
        "us-east-1",
        "us-east-2",
        "us-west-2",
        "eu-west-1",
        "eu-central-1",
        "ap-southeast-1",
        "sa-east-1",
        "ap-northeast-1",
    ];
    for (step, region) in (0..).zip(swept) {
        let at = begin + 20 + step * 7;
        planted.plant(
            &["region_sweep"],
            call(&thief, region, at, "ec2:DescribeInstances")
                .request(json!({ "instancesSet": {}, "filterSet": {} })),
            random,
        );
        planted.plant(
            &["region_sweep", "quota_probe_many_regions"],
            call(&thief, region, at + 2, "servicequotas:ListServiceQuotas").denied(),
            random,
        );
    }
    let opt_in = call(&thief, "us-east-1", begin + 120, "account:EnableRegion")
        .request(json!({ "RegionName": "af-south-1" }));
    planted.plant(&["region_opt_in_changed"], opt_in, random);
    let group = call(&thief, "sa-east-1", begin + 150, "ec2:CreateSecurityGroup")
        .request(json!({ "groupName": "default-2", "groupDescription": "default" }));
    planted.plant(&["region_disallowed_write", "sg_changed"], group, random);
    for (step, region) in (0..).zip(["ap-southeast-1", "sa-east-1"]) {
        let request = json!({ "instanceType": "c7i.8xlarge", "minCount": 10, "maxCount": 10, "imageId": "ami-0fedcba9876543210", "userData": "<sensitiveDataRemoved>" });
        let items = (0..10)
            .map(|_| json!({ "instanceId": format!("i-0{}", random.hex(16)), "instanceType": "c7i.8xlarge" }))
            .collect::<Vec<_>>();
        let made = call(&thief, region, begin + 200 + step * 15, "ec2:RunInstances").request(request);
        planted.plant(
            &["region_disallowed_compute", "region_disallowed_write"],
            made.response(json!({ "instancesSet": { "items": items } })),
            random,
        );
    }
    let large = call(&thief, "us-east-1", begin + 260, "ec2:RunInstances").request(json!({ "instanceType": "p5.48xlarge", "minCount": 1, "maxCount": 1, "imageId": "ami-0fedcba9876543210" }));
    let large = large.failed(
        "Client.VcpuLimitExceeded",
        "You have requested more vCPU capacity than your current vCPU limit of 0 allows.",
    );
    planted.plant(&["instance_type_disallowed"], large, random);
    let server = call(&thief, "us-east-1", begin + 300, "lightsail:CreateInstances").request(
        json!({ "instanceNames": ["node-1"], "bundleId": "2xlarge_3_0", "blueprintId": "ubuntu_24_04" }),
    );
    planted.plant(&["service_disallowed_use"], server, random);
}

/// 14:30, production: an administrator on the last afternoon.
fn the_last_afternoon(planted: &mut Planted, random: &mut Random) {
    let mara = PEOPLE.iter().find(|person| person.name == "mara.holt").unwrap_or(&PEOPLE[0]);
    let who = person_session(mara, false, random);
    let begin = clock(14, 30);
    for number in 0..84 {
        let key = format!("2026/{:02}/{}.parquet", 1 + number % 3, random.hex(12));
        let made = call(&who, HOME, begin + number * 6, "s3:DeleteObject")
            .request(json!({ "bucketName": "example-orders", "key": key }));
        planted.plant(
            &["s3_mass_object_delete"],
            made.data("AWS::S3::Object", &format!("arn:aws:s3:::example-orders/{key}")),
            random,
        );
    }
    for number in 0..4 {
        let request = json!({ "bucketName": format!("example-archive-{}", 2022 + number) });
        planted.plant(
            &["s3_mass_bucket_delete", "s3_bucket_deleted"],
            call(&who, HOME, begin + 540 + number * 20, "s3:DeleteBucket").request(request),
            random,
        );
    }
    for batch in 0..2 {
        let items =
            (0..4).map(|_| json!({ "instanceId": format!("i-0{}", random.hex(16)) })).collect::<Vec<_>>();
        let made = call(&who, HOME, begin + 660 + batch * 40, "ec2:TerminateInstances");
        planted.plant(
            &["ec2_mass_terminate"],
            made.request(json!({ "instancesSet": { "items": items } })),
            random,
        );
    }
    for (number, name) in (0..).zip(["orders", "ledger", "customers"]) {
        let request = json!({ "dBInstanceIdentifier": name, "skipFinalSnapshot": true, "deleteAutomatedBackups": true });
        planted.plant(
            &["rds_mass_delete", "rds_deleted_without_snapshot"],
            call(&who, HOME, begin + 780 + number * 30, "rds:DeleteDBInstance").request(request),
            random,
        );
    }
    for number in 0..7 {
        let request = json!({ "snapshotId": format!("snap-0{}", random.hex(16)) });
        planted.plant(
            &["ebs_mass_snapshot_delete"],
            call(&who, HOME, begin + 900 + number * 8, "ec2:DeleteSnapshot").request(request),
            random,
        );
    }
    let key = json!({ "keyId": "1234abcd-12ab-34cd-56ef-1234567890ab", "pendingWindowInDays": 7 });
    planted.plant(
        &["kms_key_deletion_scheduled"],
        call(&who, HOME, begin + 1000, "kms:ScheduleKeyDeletion").request(key),
        random,
    );
}

/// 20:10, production: credentials of the reporting task, taken through a hole in its web page, used from outside.
fn the_quiet_copy(planted: &mut Planted, random: &mut Random) {
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
    planted.events.push(call(&thief, HOME, begin, "sts:GetCallerIdentity").record(random));
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
