//! The family `region`.

use super::org::{DEVELOPMENT, user};
use super::{Planted, Random, call, clock};
use serde_json::json;

/// 03:10, development: the key of an old pipeline user was found in a public repository.
pub(crate) fn miners_abroad(planted: &mut Planted, random: &mut Random) {
    planted.begin("region", "miners abroad");
    let thief = user(
        DEVELOPMENT,
        "ci-legacy",
        "AKIACILEGACYEXAMPLE0",
        "203.0.113.77",
        "Boto3/1.34.0 md/Botocore#1.34.0 os/linux lang/python#3.8.10",
    );
    let begin = clock(3, 10);
    planted.plant(&[], call(&thief, "us-east-1", begin, "sts:GetCallerIdentity"), random);
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
