//! The family `execution`.

use super::org::{Actor, HOME, person_named, person_session};
use super::{Planted, Random, Second, call, on};
use serde_json::json;

/// Friday 16:05, production: Fatou's session, in other hands, does what looks like maintenance.
pub(crate) fn the_maintenance(planted: &mut Planted, random: &mut Random) {
    planted.begin("execution", "the maintenance");
    let mut who = person_session(person_named("fatou.diop"), false, random);
    "203.0.113.90".clone_into(&mut who.address);
    let begin = on(20, 16, 5);
    let hosts = (0..6).map(|_| format!("i-0{}", random.hex(16))).collect::<Vec<_>>();
    let request = json!({ "documentName": "AWS-RunShellScript", "instanceIds": hosts, "interactive": false, "parameters": "HIDDEN_DUE_TO_SECURITY_REASONS", "timeoutSeconds": 600 });
    let command = json!({ "commandId": random.uuid(), "documentName": "AWS-RunShellScript", "documentVersion": "$DEFAULT", "instanceIds": hosts, "interactive": false, "parameters": "HIDDEN_DUE_TO_SECURITY_REASONS", "status": "Pending", "targetCount": 6 });
    let made = call(&who, HOME, begin, "ssm:SendCommand").request(request);
    let made = made.response(json!({ "command": command }));
    planted.plant(&["ssm_command_many_hosts"], made, random);
    swap(planted, &who, &hosts[0], begin + 480, random);
}

/// The script that a machine runs when it starts is replaced, which takes a stop and a start.
fn swap(planted: &mut Planted, who: &Actor, host: &str, at: Second, random: &mut Random) {
    let rules = ["ec2_user_data_swap_chain"];
    let state = |was: &str, is: &str| json!({ "instancesSet": { "items": [{ "instanceId": host, "previousState": { "name": was }, "currentState": { "name": is } }] } });
    let one = json!({ "instancesSet": { "items": [{ "instanceId": host }] } });
    let stop = call(who, HOME, at, "ec2:StopInstances")
        .request(json!({ "instancesSet": { "items": [{ "instanceId": host }] }, "force": false }))
        .response(state("running", "stopping"));
    planted.plant(&rules, stop, random);
    let replace = call(who, HOME, at + 95, "ec2:ModifyInstanceAttribute")
        .request(json!({ "instanceId": host, "userData": "<sensitiveDataRemoved>" }))
        .response(json!({ "_return": true, "requestId": random.uuid() }));
    planted.plant(&rules, replace, random);
    let start = call(who, HOME, at + 110, "ec2:StartInstances").request(one);
    planted.plant(&rules, start.response(state("stopped", "pending")), random);
}
