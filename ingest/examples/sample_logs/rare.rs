//! Records that are rare in a trail and must come through all the same: Insights, network activity, aggregates.

use super::org::{HOME, PRODUCTION, role};
use super::random::Random;
use super::record::{Event, call, clock, time};
use serde_json::json;

pub(crate) fn all(random: &mut Random) -> Vec<Event> {
    let mut events = Vec::new();
    insight(random, &mut events);
    network(random, &mut events);
    aggregated(random, &mut events);
    events
}

/// An unusual rate of calls begins and ends: two records with one shared id.
fn insight(random: &mut Random, events: &mut Vec<Event>) {
    let shared = random.uuid();
    for (state, at) in [("Start", clock(14, 31)), ("End", clock(14, 45))] {
        let record = json!({
            "eventVersion": "1.07", "eventTime": time(at), "awsRegion": HOME, "eventID": random.uuid(), "eventType": "AwsCloudTrailInsight",
            "recipientAccountId": PRODUCTION, "sharedEventID": shared, "eventCategory": "Insight",
            "insightDetails": {
                "state": state, "eventSource": "s3.amazonaws.com", "eventName": "DeleteBucket", "insightType": "ApiCallRateInsight",
                "insightContext": { "statistics": { "baseline": { "average": 0.000_198_4 }, "insight": { "average": 0.6 }, "insightDuration": 14, "baselineDuration": 10_080 } },
            },
        });
        events.push(Event {
            account: PRODUCTION.to_owned(),
            region: HOME.to_owned(),
            at,
            folder: "CloudTrail-Insight",
            record,
        });
    }
}

/// A call that a VPC endpoint's policy denied.
fn network(random: &mut Random, events: &mut Vec<Event>) {
    let who =
        role(PRODUCTION, "service/", "web-task", "web-task-1", "10.0.12.31", "aws-sdk-rust/1.3.5", random);
    let made = call(&who, HOME, clock(12, 12), "kms:Decrypt")
        .failed("VpceAccessDenied", "The request was denied due to a VPC endpoint policy");
    let made = made
        .with("eventType", json!("AwsVpceEvent"))
        .with("eventCategory", json!("NetworkActivity"))
        .with("managementEvent", json!(null));
    let mut event = made
        .with("vpcEndpointId", json!("vpce-0example0001"))
        .with("vpcEndpointAccountId", json!(PRODUCTION))
        .record(random);
    event.folder = "CloudTrail-NetworkActivity";
    events.push(event);
}

/// Counters of an hour: no eventTime, no eventID, no eventName.
fn aggregated(random: &mut Random, events: &mut Vec<Event>) {
    let record = json!({
        "eventVersion": "1.0", "accountId": PRODUCTION, "eventId": random.uuid(), "eventCategory": "Aggregated", "eventType": "AwsAggregatedEvent",
        "awsRegion": HOME, "eventSource": "s3.amazonaws.com", "timeWindow": { "windowStart": "2026-03-17T13:00:00Z", "windowEnd": "2026-03-17T13:05:00Z", "windowSize": "PT5M" },
        "summary": { "primaryDimension": { "dimension": "eventName", "statistics": [{ "name": "GetObject", "value": 118 }] } },
    });
    events.push(Event {
        account: PRODUCTION.to_owned(),
        region: HOME.to_owned(),
        at: clock(13, 5),
        folder: "CloudTrail-Aggregated",
        record,
    });
}
