//! One call → one record, as CloudTrail 1.11 writes it.

use super::org::Actor;
use super::random::Random;
use serde_json::{Value, json};

/// Seconds since 17 March 2026 began; what is before it is negative.
pub(crate) type Second = i64;

/// The seconds of a day.
pub(crate) const DAY: Second = 86_400;

/// The day of the month at which seconds begin to count.
const FIRST: i64 = 17;

/// A call that somebody makes.
#[derive(Clone)]
pub(crate) struct Call {
    actor: Actor,
    region: String,
    at: Second,
    source: String,
    name: String,
    more: Vec<(&'static str, Value)>,
}

/// A record on its way into a log file.
pub(crate) struct Event {
    pub(crate) account: String,
    pub(crate) region: String,
    pub(crate) at: Second,
    pub(crate) folder: &'static str,
    pub(crate) record: Value,
}

impl Event {
    pub(crate) fn id(&self) -> String {
        self.record["eventID"].as_str().unwrap_or_default().to_owned()
    }
}

/// `who` calls `service:name` in `region` at `at`.
pub(crate) fn call(who: &Actor, region: &str, at: Second, action: &str) -> Call {
    let (service, name) = action.split_once(':').unwrap_or(("s3", action));
    Call {
        actor: who.clone(),
        region: region.to_owned(),
        at,
        source: format!("{service}.amazonaws.com"),
        name: name.to_owned(),
        more: Vec::new(),
    }
}

impl Call {
    pub(crate) fn request(self, request: Value) -> Self {
        self.with("requestParameters", request)
    }

    pub(crate) fn response(self, response: Value) -> Self {
        self.with("responseElements", response)
    }

    pub(crate) fn denied(self) -> Self {
        let why = format!(
            "User: {} is not authorized to perform: {}",
            self.actor.identity["arn"].as_str().unwrap_or("-"),
            self.name
        );
        self.failed("AccessDenied", &why)
    }

    pub(crate) fn failed(self, code: &str, message: &str) -> Self {
        self.with("errorCode", json!(code)).with("errorMessage", json!(message))
    }

    /// Whether a session of this role calls.
    pub(crate) fn is_by(&self, role: &str) -> bool {
        self.actor.identity["sessionContext"]["sessionIssuer"]["userName"] == role
    }

    /// The same call, and it succeeds.
    pub(crate) fn allowed(mut self) -> Self {
        self.more.retain(|(key, _)| !key.starts_with("error"));
        self
    }

    /// The same call so many days later.
    pub(crate) fn later(mut self, days: i64) -> Self {
        self.at += days * DAY;
        self
    }

    /// Sets a member at the top.
    pub(crate) fn with(mut self, key: &'static str, value: Value) -> Self {
        self.more.push((key, value));
        self
    }

    /// An event about data: recorded only where somebody asked for it.
    pub(crate) fn data(self, kind: &str, arn: &str) -> Self {
        let resource = json!([{ "accountId": self.actor.account, "type": kind, "ARN": arn }]);
        self.with("resources", resource)
            .with("managementEvent", json!(false))
            .with("eventCategory", json!("Data"))
    }

    /// The record.
    pub(crate) fn record(self, random: &mut Random) -> Event {
        let reads =
            ["Get", "List", "Describe", "Head", "Lookup"].iter().any(|verb| self.name.starts_with(verb));
        let mut record = json!({
            "eventVersion": "1.11",
            "userIdentity": self.actor.identity,
            "eventTime": time(self.at),
            "eventSource": self.source,
            "eventName": self.name,
            "awsRegion": self.region,
            "sourceIPAddress": self.actor.address,
            "userAgent": self.actor.agent,
            "requestParameters": null,
            "responseElements": null,
            "requestID": random.uuid(),
            "eventID": random.uuid(),
            "readOnly": reads,
            "eventType": "AwsApiCall",
            "managementEvent": true,
            "recipientAccountId": self.actor.account,
            "eventCategory": "Management",
        });
        if self.actor.address.contains("192.0.2.") || self.actor.address.contains("198.51.100.") {
            let host =
                format!("{}.{}.amazonaws.com", self.source.split('.').next().unwrap_or("s3"), self.region);
            record["tlsDetails"] = json!({ "tlsVersion": "TLSv1.3", "cipherSuite": "TLS_AES_128_GCM_SHA256", "clientProvidedHostHeader": host });
        }
        for (key, value) in self.more {
            record[key] = value;
        }
        if date(self.at) != date(0) {
            redate(&mut record, &date(self.at));
        }
        Event { account: self.actor.account, region: self.region, at: self.at, folder: "CloudTrail", record }
    }
}

/// Sessions begin, and keys of objects are named, as on the 17th; on another day they bear its date.
fn redate(value: &mut Value, date: &str) {
    match value {
        Value::String(text) if text.contains("2026-03-17") => *text = text.replace("2026-03-17", date),
        Value::String(text) if text.contains("2026/03/17") => {
            *text = text.replace("2026/03/17", &date.replace('-', "/"));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| redate(item, date)),
        Value::Object(members) => members.values_mut().for_each(|member| redate(member, date)),
        _ => {}
    }
}

/// When that is, as AWS writes times.
pub(crate) fn time(at: Second) -> String {
    let second = at.rem_euclid(DAY);
    format!("{}T{:02}:{:02}:{:02}Z", date(at), second / 3600, second / 60 % 60, second % 60)
}

/// `2026-03-17`; all that is told is in one month.
pub(crate) fn date(at: Second) -> String {
    format!("2026-03-{:02}", day(at))
}

/// The day of the month.
pub(crate) fn day(at: Second) -> i64 {
    FIRST + at.div_euclid(DAY)
}

/// `hh:mm` of the 17th.
pub(crate) const fn clock(hour: i64, minute: i64) -> Second {
    hour * 3600 + minute * 60
}

/// `hh:mm` of a day of March.
pub(crate) const fn on(day: i64, hour: i64, minute: i64) -> Second {
    (day - FIRST) * DAY + clock(hour, minute)
}
