//! What is done every day, or every Monday, and looks like an incident to whoever sees it for the first time.
//!
//! Some of it is on the day of `sample-logs` too, where nobody has seen anything before.

use super::org::{HOME, PRODUCTION, SECURITY, person_named, person_session, role};
use super::random::Random;
use super::record::{Call, call, clock};
use serde_json::json;

/// What an auditor asks; a tool that maps an account asks more, and faster.
const QUESTIONS: [&str; 24] = [
    "ec2:DescribeVpcs",
    "ec2:DescribeSubnets",
    "ec2:DescribeRouteTables",
    "ec2:DescribeFlowLogs",
    "ec2:DescribeVolumes",
    "ec2:DescribeImages",
    "ec2:DescribeAddresses",
    "ec2:GetEbsEncryptionByDefault",
    "rds:DescribeDBInstances",
    "rds:DescribeDBClusters",
    "rds:DescribeDBParameterGroups",
    "s3:ListBuckets",
    "kms:ListKeys",
    "kms:GetKeyRotationStatus",
    "config:DescribeConfigRules",
    "config:DescribeConfigurationRecorders",
    "cloudtrail:DescribeTrails",
    "cloudtrail:GetTrailStatus",
    "iam:ListUsers",
    "iam:ListRoles",
    "iam:GetAccountPasswordPolicy",
    "monitoring:DescribeAlarms",
    "acm:ListCertificates",
    "backup:ListBackupPlans",
];

/// The habits of a day of March, as calls of the 17th.
pub(crate) fn of(date: i64, random: &mut Random) -> Vec<Call> {
    let mut calls = Vec::new();
    billing(random, &mut calls);
    assistant(random, &mut calls);
    // The first of March 2026 is a Sunday.
    match date % 7 {
        0 | 1 => {}
        2 => {
            pipeline(random, &mut calls);
            mondays(random, &mut calls);
        }
        _ => pipeline(random, &mut calls),
    }
    calls
}

/// The billing job reads its secret again and again, and what was ordered.
fn billing(random: &mut Random, calls: &mut Vec<Call>) {
    let who =
        role(PRODUCTION, "service/", "billing-batch", "run", "10.0.30.2", "aws-sdk-java/2.30.0", random);
    for number in 0..20 {
        let secret = json!({ "secretId": "prod/billing" });
        calls.push(
            call(&who, HOME, clock(6, 0) + number * 5, "secretsmanager:GetSecretValue").request(secret),
        );
        let key = format!("2026/03/17/{number:04}.json");
        calls.push(
            call(&who, HOME, clock(6, 0) + number * 5 + 1, "s3:GetObject")
                .request(json!({ "bucketName": "example-orders", "key": key }))
                .data("AWS::S3::Object", &format!("arn:aws:s3:::example-orders/{key}")),
        );
    }
}

/// A model answers what customers ask: one model, all day.
fn assistant(random: &mut Random, calls: &mut Vec<Call>) {
    let agent = "aws-sdk-rust/1.3.5 ua/2.1 os/linux lang/rust/1.95.0 api/bedrockruntime/1.74.0";
    let who = role(PRODUCTION, "service/", "assistant-task", "assistant", "10.0.16.12", agent, random);
    for number in 0..60 {
        let at = clock(6, 0) + number * 1000 + random.between(0, 900);
        let model = json!({ "modelId": "amazon.nova-lite-v1:0", "guardrailIdentifier": "gr0shop", "guardrailVersion": "4" });
        calls.push(call(&who, HOME, at, "bedrock:Converse").request(model).with("readOnly", json!(true)));
    }
}

/// What infrastructure as code changes: tags of a role, how long a database keeps backups, a bucket with versions.
fn pipeline(random: &mut Random, calls: &mut Vec<Call>) {
    let agent = "APN/1.0 HashiCorp/1.0 Terraform/1.11.2 aws-sdk-go-v2/1.36.3";
    let who = role(PRODUCTION, "", "terraform", "apply", "198.51.100.90", agent, random);
    let at = clock(9, 24);
    let tags = json!({ "roleName": "web-task", "tags": [{ "key": "Release", "value": random.hex(7) }] });
    calls.push(call(&who, "us-east-1", at, "iam:TagRole").request(tags));
    let policy = json!({ "roleName": "reporting-task", "policyArn": "arn:aws:iam::aws:policy/AmazonAthenaFullAccess" });
    calls.push(call(&who, "us-east-1", at + 3, "iam:AttachRolePolicy").request(policy));
    let database = json!({ "dBInstanceIdentifier": "orders", "backupRetentionPeriod": 14, "applyImmediately": true, "allowMajorVersionUpgrade": false });
    calls.push(call(&who, HOME, at + 9, "rds:ModifyDBInstance").request(database));
    let versions = json!({ "bucketName": "example-reports", "versioning": "", "VersioningConfiguration": { "xmlns": "http://s3.amazonaws.com/doc/2006-03-01/", "Status": "Enabled" } });
    calls.push(call(&who, HOME, at + 14, "s3:PutBucketVersioning").request(versions));
}

/// Patches for three machines, tags in the organisation, and an auditor with many questions.
fn mondays(random: &mut Random, calls: &mut Vec<Call>) {
    let agent = "aws-sdk-go-v2/1.36.3";
    let patches = role(PRODUCTION, "", "patch-job", "weekly", "10.0.20.8", agent, random);
    let hosts = (0..3).map(|_| format!("i-0{}", random.hex(16))).collect::<Vec<_>>();
    let command = json!({ "documentName": "AWS-RunPatchBaseline", "instanceIds": hosts, "interactive": false, "parameters": "HIDDEN_DUE_TO_SECURITY_REASONS" });
    calls.push(call(&patches, HOME, clock(5, 0), "ssm:SendCommand").request(command));

    let ewa = person_session(person_named("ewa.lis"), true, random);
    let tag = json!({ "resourceId": SECURITY, "tags": [{ "key": "reviewed", "value": "2026-03-17" }] });
    calls.push(call(&ewa, "us-east-1", clock(9, 50), "organizations:TagResource").request(tag));

    let nils = person_session(person_named("nils.berg"), false, random);
    for (step, question) in (0..).zip(QUESTIONS) {
        calls.push(call(&nils, "us-east-1", clock(14, 10) + step * 12, question));
    }
}
