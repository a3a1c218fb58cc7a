//! The family `network`.

use super::org::{DEVELOPMENT, HOME, person_named, person_session};
use super::{Planted, Random, call, on};
use serde_json::json;

/// Monday 10:15, development: a test database that a supplier cannot reach.
///
/// Nobody attacks. Carla opens one thing after the other until it works, and leaves all of it open.
pub(crate) fn the_open_door(planted: &mut Planted, random: &mut Random) {
    planted.begin("network", "the open door");
    let who = person_session(person_named("carla.mendes"), false, random);
    let begin = on(16, 10, 15);
    let group = format!("sg-0{}", random.hex(16));
    for (step, port) in (0..).zip([5432, 22]) {
        let rule = json!({ "ipProtocol": "tcp", "fromPort": port, "toPort": port, "groups": {}, "ipRanges": { "items": [{ "cidrIp": "0.0.0.0/0" }] }, "ipv6Ranges": {}, "prefixListIds": {} });
        let set = json!({ "items": [{ "groupOwnerId": DEVELOPMENT, "groupId": group, "securityGroupRuleId": format!("sgr-0{}", random.hex(16)), "isEgress": false, "ipProtocol": "tcp", "fromPort": port, "toPort": port, "cidrIpv4": "0.0.0.0/0" }] });
        let made = call(&who, HOME, begin + step * 340, "ec2:AuthorizeSecurityGroupIngress")
            .request(json!({ "groupId": group, "ipPermissions": { "items": [rule] } }))
            .response(json!({ "requestId": random.uuid(), "_return": true, "securityGroupRuleSet": set }));
        planted.plant(&["sg_admin_port_open"], made, random);
    }
    let entry = json!({ "networkAclId": format!("acl-0{}", random.hex(16)), "ruleNumber": 90, "egress": false, "ruleAction": "allow", "icmpTypeCode": {}, "portRange": {}, "aclProtocol": "-1", "cidrBlock": "0.0.0.0/0" });
    let address = json!({ "allocationId": format!("eipalloc-0{}", random.hex(16)), "instanceId": format!("i-0{}", random.hex(16)), "allowReassociation": false });
    let route = json!({ "routeTableId": format!("rtb-0{}", random.hex(16)), "destinationCidrBlock": "0.0.0.0/0", "gatewayId": format!("igw-0{}", random.hex(16)) });
    let steps = [
        (600, "ec2:CreateNetworkAclEntry", entry, &["nacl_permissive"][..]),
        (780, "ec2:AssociateAddress", address, &[]),
        (1100, "ec2:CreateRoute", route, &["route_to_internet_added"]),
    ];
    for (after, action, request, rules) in steps {
        let made = call(&who, HOME, begin + after, action).request(request);
        let made = made.response(json!({ "requestId": random.uuid(), "_return": true }));
        planted.plant(rules, made, random);
    }
}
