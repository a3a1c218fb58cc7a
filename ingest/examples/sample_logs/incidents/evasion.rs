//! The family `evasion`.

use super::iam::inside;
use super::org::{DEVELOPMENT, HOME};
use super::{Planted, Random, call, on};
use serde_json::json;

/// Thursday 02:30, development: whoever made the second door comes back through it, and puts the lights out.
///
/// The organisation's own trail cannot be stopped from a member account, which is why all of this is known.
pub(crate) fn lights_out(planted: &mut Planted, random: &mut Random) {
    planted.begin("evasion", "lights out");
    let who = inside(random);
    let begin = on(19, 2, 30);
    planted.plant(&[], call(&who, HOME, begin - 20, "cloudtrail:DescribeTrails"), random);
    let trail = format!("arn:aws:cloudtrail:{HOME}:{DEVELOPMENT}:trail/dev-trail");
    let flow_log = json!({ "content": format!("fl-0{}", random.hex(16)), "tag": 1 });
    let steps = [
        ("cloudtrail:StopLogging", json!({ "name": trail }), "cloudtrail_logging_stopped"),
        ("guardduty:DeleteDetector", json!({ "detectorId": random.hex(32) }), "guardduty_disabled"),
        (
            "config:StopConfigurationRecorder",
            json!({ "configurationRecorderName": "default" }),
            "config_recorder_stopped",
        ),
        (
            "ec2:DeleteFlowLogs",
            json!({ "DeleteFlowLogsRequest": { "FlowLogId": flow_log } }),
            "vpc_flow_logs_deleted",
        ),
        ("logs:DeleteLogGroup", json!({ "logGroupName": "/dev/vpc/flow-logs" }), "log_group_deleted"),
    ];
    for (step, (action, request, rule)) in (0..).zip(steps) {
        planted.plant(&[rule], call(&who, HOME, begin + step * 14, action).request(request), random);
    }
}
