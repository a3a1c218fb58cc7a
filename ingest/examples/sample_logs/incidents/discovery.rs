//! The family `discovery`.

use super::org::{Actor, HOME, PRODUCTION, role};
use super::{Planted, Random, call, on};
use serde_json::json;

/// What a tool for mapping accounts asks, in its order. What the machine's role may not is marked.
const QUESTIONS: [&str; 44] = [
    "sts:GetCallerIdentity",
    "!iam:ListUsers",
    "!iam:ListRoles",
    "!iam:ListGroups",
    "!iam:ListPolicies",
    "!iam:GetAccountAuthorizationDetails",
    "!iam:GetAccountPasswordPolicy",
    "!organizations:DescribeOrganization",
    "!organizations:ListAccounts",
    "!cloudtrail:DescribeTrails",
    "!guardduty:ListDetectors",
    "!secretsmanager:ListSecrets",
    "!kms:ListKeys",
    "s3:ListBuckets",
    "s3:GetBucketLocation",
    "ec2:DescribeInstances",
    "ec2:DescribeVpcs",
    "ec2:DescribeSubnets",
    "ec2:DescribeRouteTables",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeAddresses",
    "ec2:DescribeVolumes",
    "ec2:DescribeImages",
    "ec2:DescribeKeyPairs",
    "ec2:DescribeLaunchTemplates",
    "ec2:DescribeVpcEndpoints",
    "elasticloadbalancing:DescribeLoadBalancers",
    "elasticloadbalancing:DescribeTargetGroups",
    "autoscaling:DescribeAutoScalingGroups",
    "rds:DescribeDBInstances",
    "rds:DescribeDBClusters",
    "dynamodb:ListTables",
    "lambda:ListFunctions20150331",
    "lambda:ListLayers20181031",
    "ecs:ListClusters",
    "eks:ListClusters",
    "ecr:DescribeRepositories",
    "sqs:ListQueues",
    "sns:ListTopics",
    "logs:DescribeLogGroups",
    "ssm:DescribeInstanceInformation",
    "elasticache:DescribeCacheClusters",
    "cloudformation:ListStacks",
];

/// Saturday 03:40, production: a web server was made to give away the credentials of its machine.
pub(crate) fn the_mapped_house(planted: &mut Planted, random: &mut Random) {
    planted.begin("discovery", "the mapped house");
    let host = format!("i-0{}", random.hex(16));
    let agent = "amazon-ssm-agent/3.3.1345.0";
    let machine = role(PRODUCTION, "", "web-node", &host, "198.51.100.10", agent, random);
    let agent = "Boto3/1.34.11 md/Botocore#1.34.11 ua/2.0 os/linux lang/python#3.10.12".to_owned();
    let thief = Actor { address: "203.0.113.52".to_owned(), agent, ..machine.clone() };
    let begin = on(21, 3, 40);
    for step in 0..3 {
        let alive = call(&machine, HOME, begin - 500 + step * 300, "ssm:UpdateInstanceInformation")
            .request(json!({ "instanceId": host, "agentVersion": "3.3.1345.0", "agentStatus": "Active", "platformType": "Linux" }));
        planted.plant(&[], alive, random);
    }
    for (step, question) in (0..).zip(QUESTIONS) {
        let made = call(&thief, HOME, begin + step * 4, question.trim_start_matches('!'));
        if question.starts_with('!') {
            let code = if question.starts_with("!iam") { "AccessDenied" } else { "AccessDeniedException" };
            let denied = made.denied().with("errorCode", json!(code));
            planted.plant(
                &["recon_burst", "instance_credentials_new_ip", "access_denied_burst"],
                denied,
                random,
            );
        } else {
            planted.plant(&["recon_burst", "instance_credentials_new_ip"], made, random);
        }
    }
}
