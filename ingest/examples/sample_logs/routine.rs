//! A normal day: people, pipelines, applications, services. Nothing here may alert.

use super::org::{
    ARCHIVE, Actor, DEVELOPMENT, HOME, PEOPLE, PRODUCTION, Person, REGIONS, SECURITY, person_session, role,
    service, through,
};
use super::random::Random;
use super::record::{Call, DAY, Event, Second, call, clock};
use serde_json::{Value, json};

/// All events of the day.
pub(crate) fn day(random: &mut Random) -> Vec<Event> {
    record(calls(&PEOPLE.iter().collect::<Vec<_>>(), random), random)
}

/// A day on which these people work: none, on a weekend, and then nothing is deployed either.
pub(crate) fn calls(people: &[&Person], random: &mut Random) -> Vec<Call> {
    let mut calls = Vec::new();
    for person in people {
        work(person, random, &mut calls);
    }
    if !people.is_empty() {
        for run in 0..36 {
            deployment(clock(7, 10) + run * 1500 + random.between(0, 600), random, &mut calls);
        }
        infrastructure(clock(9, 20), random, &mut calls);
        infrastructure(clock(15, 40), random, &mut calls);
    }
    for app in &APPS {
        application(app, random, &mut calls);
    }
    services(random, &mut calls);
    for hour in (0..24).step_by(3) {
        scan(clock(hour, 30), random, &mut calls);
    }
    clean_up(random, &mut calls);
    calls
}

pub(crate) fn record(calls: Vec<Call>, random: &mut Random) -> Vec<Event> {
    calls.into_iter().map(|call| call.record(random)).collect()
}

/// What people look at in the console, and how often.
const LOOKS: [&str; 16] = [
    "ec2:DescribeInstances",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeVolumes",
    "s3:ListBuckets",
    "s3:GetBucketLocation",
    "s3:GetBucketPolicyStatus",
    "lambda:ListFunctions20150331",
    "logs:DescribeLogGroups",
    "monitoring:DescribeAlarms",
    "rds:DescribeDBInstances",
    "iam:ListRoles",
    "iam:GetRole",
    "kms:ListAliases",
    "cloudformation:DescribeStacks",
    "tagging:GetResources",
    "health:DescribeEventAggregates",
];

/// What people change now and then.
const CHANGES: [&str; 6] = [
    "ec2:CreateTags",
    "monitoring:PutMetricAlarm",
    "logs:PutRetentionPolicy",
    "lambda:UpdateFunctionConfiguration20150331v2",
    "ssm:PutParameter",
    "ecs:UpdateService",
];

/// A person's day: two sign-ins, and eight hours of looking and, rarely, changing.
fn work(person: &Person, random: &mut Random, calls: &mut Vec<Call>) {
    let regions = if person.begins < 12 { ["eu-west-1", "eu-central-1"] } else { ["us-east-1", "us-west-2"] };
    for half in 0..2 {
        let begin = clock(person.begins + half * 4, 0) + random.between(0, 1800);
        let console = person_session(person, true, random);
        let shell = person_session(person, false, random);
        calls.push(
            call(&console, regions[0], begin, "signin:ConsoleLogin")
                .response(json!({ "ConsoleLogin": "Success" }))
                .with("additionalEventData", json!({ "LoginTo": "https://console.aws.amazon.com/console/home", "MobileVersion": "No", "MFAUsed": "No" }))
                .with("eventType", json!("AwsConsoleSignIn"))
                .with("readOnly", json!(false)),
        );
        for _ in 0..random.between(45, 75) {
            let at = begin + random.between(30, 3 * 3600);
            let region = if random.chance(85) { regions[0] } else { regions[1] };
            let who = if random.chance(70) { &console } else { &shell };
            calls.push(look(who, region, at, random));
        }
        if person.role != "AuditorAccess" {
            for _ in 0..random.between(1, 4) {
                calls.push(change(&shell, regions[0], begin + random.between(600, 3 * 3600), random));
            }
        }
    }
}

fn look(who: &Actor, region: &str, at: Second, random: &mut Random) -> Call {
    let action = *random.pick(&LOOKS);
    let made = call(who, region, at, action);
    let made = match action {
        "ec2:DescribeInstances" => made
            .request(json!({ "instancesSet": {}, "filterSet": {}, "maxResults": random.between(1, 4) * 25 })),
        "s3:GetBucketLocation" | "s3:GetBucketPolicyStatus" => made.request(
            json!({ "bucketName": random.pick(&BUCKETS), "Host": format!("s3.{region}.amazonaws.com") }),
        ),
        "iam:GetRole" => made.request(json!({ "roleName": random.pick(&APPS).role })),
        "lambda:ListFunctions20150331" => made.request(json!({ "maxItems": 50 })),
        "cloudformation:DescribeStacks" => {
            made.request(json!({ "stackName": format!("web-{}", random.below(4)) }))
        }
        _ => made,
    };
    match random.below(100) {
        0..4 => made.denied(),
        4 => made.failed("ThrottlingException", "Rate exceeded"),
        _ => made,
    }
}

fn change(who: &Actor, region: &str, at: Second, random: &mut Random) -> Call {
    let action = *random.pick(&CHANGES);
    let made = call(who, region, at, action);
    match action {
        "ec2:CreateTags" => made
            .request(json!({
                "resourcesSet": { "items": [{ "resourceId": format!("i-0{}", random.hex(16)) }] },
                "tagSet": { "items": [{ "key": "Owner", "value": "équipe données" }] },
            }))
            .response(json!({ "_return": true, "requestId": random.uuid() })),
        "ssm:PutParameter" => made
            .request(json!({ "name": format!("/web/feature/{}", random.below(20)), "type": "String", "overwrite": true, "value": "HIDDEN_DUE_TO_SECURITY_REASONS" }))
            .response(json!({ "version": random.between(1, 90), "tier": "Standard" })),
        "monitoring:PutMetricAlarm" => made.request(json!({
            "alarmName": format!("latency-{}", random.below(9)), "threshold": 0.95, "evaluationPeriods": 3, "period": 60, "treatMissingData": null,
        })),
        _ => made,
    }
}

const BUCKETS: [&str; 6] = [
    "example-web-assets",
    "example-orders",
    "example-reports",
    "example-logs",
    "example-backups",
    "example-customer-exports",
];

/// A pipeline run: a token of the code host becomes a role, which deploys.
fn deployment(at: Second, random: &mut Random, calls: &mut Vec<Call>) {
    let account = if random.chance(60) { DEVELOPMENT } else { PRODUCTION };
    let address = format!("198.51.100.{}", 100 + random.below(60));
    let session = format!("deploy-{}", random.below(90_000) + 10_000);
    let who = role(
        account,
        "",
        "ci-deploy",
        &session,
        &address,
        "aws-sdk-js/3.750.0 ua/2.1 os/linux#6.8.0 lang/js md/nodejs#22.14.0",
        random,
    );
    let mut web = who.clone();
    web.identity = json!({
        "type": "WebIdentityUser",
        "principalId": "arn:aws:iam::aws:oidc-provider/code.example.com:code.example.com:repo:example/web:ref:refs/heads/main",
        "userName": "repo:example/web:ref:refs/heads/main",
        "identityProvider": format!("arn:aws:iam::{account}:oidc-provider/code.example.com"),
    });
    let arn = format!("arn:aws:iam::{account}:role/ci-deploy");
    calls.push(
        call(&web, HOME, at, "sts:AssumeRoleWithWebIdentity")
            .request(json!({ "roleArn": arn, "roleSessionName": session, "durationSeconds": 3600 }))
            .response(
                json!({ "assumedRoleUser": { "arn": who.identity["arn"] }, "provider": "code.example.com" }),
            )
            .with("resources", json!([{ "accountId": account, "type": "AWS::IAM::Role", "ARN": arn }]))
            .with("readOnly", json!(true)),
    );
    let steps = [
        "ecr:GetAuthorizationToken",
        "ecr:BatchCheckLayerAvailability",
        "ecr:InitiateLayerUpload",
        "ecr:PutImage",
        "ecs:RegisterTaskDefinition",
        "ecs:UpdateService",
        "ecs:DescribeServices",
        "cloudfront:CreateInvalidation",
        "ssm:GetParameters",
        "s3:PutObject",
        "s3:PutObject",
    ];
    for (step, action) in (1..).zip(steps) {
        let mut made = call(&who, HOME, at + step * 9, action);
        if action == "s3:PutObject" {
            let (bucket, key) = ("example-web-assets", format!("app.{}.js", random.hex(8)));
            made = made
                .request(json!({ "bucketName": bucket, "key": key, "Host": format!("{bucket}.s3.{HOME}.amazonaws.com") }))
                .data("AWS::S3::Object", &format!("arn:aws:s3:::{bucket}/{key}"))
                .with("additionalEventData", json!({ "bytesTransferredIn": random.between(10_000, 900_000), "bytesTransferredOut": 0, "SSEApplied": "Default_SSE_S3" }));
        }
        calls.push(made);
    }
}

/// A plan that reads everything in two regions, and an apply that replaces two machines.
fn infrastructure(at: Second, random: &mut Random, calls: &mut Vec<Call>) {
    let who = role(
        PRODUCTION,
        "",
        "terraform",
        "apply",
        "198.51.100.90",
        "APN/1.0 HashiCorp/1.0 Terraform/1.11.2 aws-sdk-go-v2/1.36.3",
        random,
    );
    for step in 0..140 {
        let region = if step % 4 == 0 { "eu-central-1" } else { HOME };
        calls.push(look(&who, region, at + step, random));
    }
    for number in 0..2 {
        let id = format!("i-0{}", random.hex(16));
        calls.push(
            call(&who, HOME, at + 200 + number, "ec2:RunInstances")
                .request(json!({ "instanceType": "m7g.large", "minCount": 1, "maxCount": 1, "imageId": "ami-0abcdef1234567890" }))
                .response(json!({ "instancesSet": { "items": [{ "instanceId": id, "instanceType": "m7g.large" }] } })),
        );
        calls.push(call(&who, HOME, at + 260 + number, "ec2:TerminateInstances").request(
            json!({ "instancesSet": { "items": [{ "instanceId": format!("i-0{}", random.hex(16)) }] } }),
        ));
    }
}

struct App {
    role: &'static str,
    account: &'static str,
    address: &'static str,
    /// Seconds between two calls, on average.
    every: i64,
    actions: &'static [&'static str],
}

const APPS: [App; 5] = [
    App {
        role: "web-task",
        account: PRODUCTION,
        address: "10.0.12.31",
        every: 55,
        actions: &["dynamodb:GetItem", "s3:GetObject", "kms:Decrypt", "secretsmanager:GetSecretValue"],
    },
    App {
        role: "orders-task",
        account: PRODUCTION,
        address: "10.0.14.77",
        every: 70,
        actions: &["s3:PutObject", "kms:GenerateDataKey", "dynamodb:PutItem", "sqs:SendMessage"],
    },
    App {
        role: "reporting-task",
        account: PRODUCTION,
        address: "10.0.15.5",
        every: 120,
        actions: &["s3:GetObject", "athena:StartQueryExecution", "kms:Decrypt"],
    },
    App {
        role: "preview-function",
        account: DEVELOPMENT,
        address: "10.1.3.9",
        every: 100,
        actions: &["s3:GetObject", "lambda:Invoke", "kms:Decrypt"],
    },
    App {
        role: "archive-writer",
        account: ARCHIVE,
        address: "10.2.0.4",
        every: 110,
        actions: &["s3:PutObject", "kms:GenerateDataKey"],
    },
];

fn application(app: &App, random: &mut Random, calls: &mut Vec<Call>) {
    let session = format!("{}-{}", app.role, random.hex(8));
    let agent = "aws-sdk-rust/1.3.5 ua/2.1 os/linux lang/rust/1.95.0";
    let who = role(app.account, "service/", app.role, &session, app.address, agent, random);
    let mut at = random.between(0, app.every);
    while at < DAY {
        let action = *random.pick(app.actions);
        calls.push(work_of(&who, app, at, action, random));
        at += 1 + random.between(0, 2 * app.every);
    }
}

fn work_of(who: &Actor, app: &App, at: Second, action: &str, random: &mut Random) -> Call {
    let made = call(who, HOME, at, action);
    match action {
        "s3:GetObject" | "s3:PutObject" => {
            let bucket = if app.role == "reporting-task" { "example-reports" } else { "example-orders" };
            let key = format!("2026/03/17/{}.json", random.hex(10));
            made.request(json!({ "bucketName": bucket, "key": key, "Host": format!("{bucket}.s3.{HOME}.amazonaws.com") }))
                .data("AWS::S3::Object", &format!("arn:aws:s3:::{bucket}/{key}"))
                .with("vpcEndpointId", json!("vpce-0example0001"))
                .with("additionalEventData", json!({ "bytesTransferredOut": random.between(300, 90_000), "x-amz-id-2": random.hex(24) }))
        }
        "secretsmanager:GetSecretValue" => made.request(json!({ "secretId": "prod/web/session", "versionStage": "AWSCURRENT" })),
        "kms:Decrypt" | "kms:GenerateDataKey" => made
            .request(json!({ "encryptionContext": { "aws:s3:arn": "arn:aws:s3:::example-orders" }, "encryptionAlgorithm": "SYMMETRIC_DEFAULT" }))
            .with("readOnly", json!(true))
            .with("resources", json!([{ "accountId": app.account, "type": "AWS::KMS::Key", "ARN": format!("arn:aws:kms:{HOME}:{}:key/1234abcd-12ab-34cd-56ef-1234567890ab", app.account) }])),
        "lambda:Invoke" => made
            .request(json!({ "functionName": format!("arn:aws:lambda:{HOME}:{}:function:preview", app.account) }))
            .data("AWS::Lambda::Function", &format!("arn:aws:lambda:{HOME}:{}:function:preview", app.account))
            .with("readOnly", json!(false)),
        "dynamodb:GetItem" | "dynamodb:PutItem" => made
            .request(json!({ "tableName": "sessions", "key": { "id": "HIDDEN_DUE_TO_SECURITY_REASONS" }, "consistentRead": random.chance(30) }))
            .data("AWS::DynamoDB::Table", &format!("arn:aws:dynamodb:{HOME}:{}:table/sessions", app.account)),
        _ => made,
    }
}

/// Services that take roles, record configurations, scale, and rotate.
fn services(random: &mut Random, calls: &mut Vec<Call>) {
    let works = [
        ("ecs-tasks.amazonaws.com", "sts:AssumeRole", 90),
        ("lambda.amazonaws.com", "sts:AssumeRole", 120),
        ("config.amazonaws.com", "config:PutEvaluations", 200),
        ("ssm.amazonaws.com", "ssm:UpdateInstanceInformation", 150),
        ("cloudtrail.amazonaws.com", "s3:GetBucketAcl", 400),
    ];
    for (name, action, every) in works {
        let mut at = random.between(0, every);
        while at < DAY {
            let account = *random.pick(&[PRODUCTION, DEVELOPMENT, ARCHIVE, SECURITY]);
            let region = if random.chance(80) { HOME } else { random.pick(&REGIONS) };
            let mut made = call(&service(account, name), region, at, action);
            if action == "sts:AssumeRole" {
                made = made
                    .request(json!({ "roleArn": format!("arn:aws:iam::{account}:role/service/{}", random.pick(&APPS).role), "roleSessionName": random.hex(16) }))
                    .with("readOnly", json!(true))
                    .with("sharedEventID", json!(random.uuid()));
            }
            calls.push(made);
            at += 1 + random.between(0, 2 * every);
        }
    }
    for hour in [6, 18] {
        let actor = service(PRODUCTION, "secretsmanager.amazonaws.com");
        let event = call(&actor, HOME, clock(hour, 0), "kms:RotateKey");
        calls.push(
            event
                .with("eventType", json!("AwsServiceEvent"))
                .with("serviceEventDetails", json!({ "keyId": "1234abcd-12ab-34cd-56ef-1234567890ab" }))
                .with("requestParameters", Value::Null),
        );
    }
}

/// The posture scanner looks into all allowed regions, one after the other.
fn scan(at: Second, random: &mut Random, calls: &mut Vec<Call>) {
    for account in [PRODUCTION, DEVELOPMENT] {
        let who = role(
            account,
            "",
            "posture-scanner",
            "scan",
            "198.51.100.200",
            "Boto3/1.37.1 md/Botocore#1.37.1 ua/2.0",
            random,
        );
        let actions = [
            "ec2:DescribeInstances",
            "ec2:DescribeSecurityGroups",
            "ec2:DescribeSnapshots",
            "rds:DescribeDBInstances",
            "s3:GetBucketPolicy",
            "iam:ListUsers",
            "kms:ListKeys",
            "lambda:ListFunctions20150331",
        ];
        for (number, region) in (0..).zip(REGIONS) {
            for (step, action) in (0..).zip(actions) {
                calls.push(call(&who, region, at + number * 20 + step, action));
            }
        }
    }
}

/// Every night a job deletes what expired: thirty objects in a quarter of an hour.
fn clean_up(random: &mut Random, calls: &mut Vec<Call>) {
    let who = role(PRODUCTION, "", "retention-job", "nightly", "10.0.20.8", "aws-sdk-go-v2/1.36.3", random);
    for number in 0..240 {
        let key = format!("tmp/{}.csv", random.hex(8));
        calls.push(
            call(&who, HOME, clock(2, 0) + number * 30, "s3:DeleteObject")
                .request(json!({ "bucketName": "example-reports", "key": key }))
                .data("AWS::S3::Object", &format!("arn:aws:s3:::example-reports/{key}")),
        );
    }
    let backup = through(
        role(PRODUCTION, "service-role/", "AWSBackupDefaultServiceRole", "AWSBackup", "x", "x", random),
        "backup.amazonaws.com",
    );
    for number in 0..5 {
        calls.push(
            call(&backup, HOME, clock(4, 0) + number * 60, "ec2:CreateSnapshot")
                .request(json!({ "volumeId": format!("vol-0{}", random.hex(16)) })),
        );
    }
}
