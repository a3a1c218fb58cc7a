//! Event names against a catalogue of those that CloudTrail records, and what must be switched on for them.

use super::{Remark, remark};
use crate::names::nearest;
use crate::rules::Rule;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

/// Event names by event source, as `events.py` wrote them.
static KNOWN: LazyLock<BTreeMap<&str, BTreeSet<&str>>> = LazyLock::new(|| {
    let mut known = BTreeMap::<_, BTreeSet<_>>::new();
    let mut source = "";
    for line in include_str!("events.txt").lines().filter(|line| !line.starts_with('#')) {
        if line.starts_with(' ') {
            known.entry(source).or_default().extend(line.split_whitespace());
        } else {
            source = line;
        }
    }
    known
});

/// Events that a trail does not record unless it is told to ("Logging data events" in the `CloudTrail` user guide).
const DATA: [(&str, &str); 7] = [
    (
        "s3",
        "AbortMultipartUpload CompleteMultipartUpload CopyObject CreateMultipartUpload DeleteObject DeleteObjects \
         DeleteObjectTagging GetObject GetObjectAcl GetObjectAttributes GetObjectLegalHold GetObjectRetention \
         GetObjectTagging GetObjectTorrent HeadObject ListObjects ListObjectVersions ListParts PutObject PutObjectAcl \
         PutObjectLegalHold PutObjectRetention PutObjectTagging RestoreObject SelectObjectContent UploadPart \
         UploadPartCopy",
    ),
    ("lambda", "Invoke"),
    (
        "dynamodb",
        "BatchExecuteStatement BatchGetItem BatchWriteItem DeleteItem ExecuteStatement ExecuteTransaction GetItem PutItem \
         Query Scan TransactGetItems TransactWriteItems UpdateItem",
    ),
    (
        "ebs",
        "CompleteSnapshot GetSnapshotBlock ListChangedBlocks ListSnapshotBlocks PutSnapshotBlock StartSnapshot",
    ),
    ("sns", "Publish PublishBatch"),
    (
        "sqs",
        "ChangeMessageVisibility DeleteMessage DeleteMessageBatch ReceiveMessage SendMessage SendMessageBatch",
    ),
    ("kinesis", "GetRecords GetShardIterator PutRecord PutRecords SubscribeToShard"),
];

pub(super) fn look(rule: &Rule, remarks: &mut Vec<Remark>) {
    for pattern in rule.all_events() {
        let Some((source, name)) = pattern.split_once(':') else { continue };
        if let Some((what, hint)) = unknown(source, name) {
            let what = format!("events: {what}");
            remarks.push(remark(rule, "unknown-event", ("events", pattern), what, &hint));
        }
        let need = format!("data:{source}");
        if is_data(source, name) && !rule.needs.contains(&need) {
            let what = format!("events: {pattern} is a data event, which most trails do not record");
            let hint = format!("needs = [\"{need}\"]");
            remarks.push(remark(rule, "needs-data", ("events", pattern), what, &hint));
        }
    }
}

/// Whether an event is a data event.
fn is_data(source: &str, name: &str) -> bool {
    DATA.iter().any(|(known, names)| *known == source && names.split_whitespace().any(|data| data == name))
}

/// Why `CloudTrail` records no such event, and what to write; `name` may end with `*`.
fn unknown(source: &str, name: &str) -> Option<(String, String)> {
    let Some(names) = KNOWN.get(source) else {
        let near = nearest(source, KNOWN.keys().copied());
        let hint = near.map_or_else(
            || "events begin with eventSource, without .amazonaws.com".to_owned(),
            |near| format!("did you mean {near}:{name}?"),
        );
        return Some((format!("there is no event source {source}"), hint));
    };
    let is_known = match name.strip_suffix('*') {
        Some(prefix) => names.iter().any(|known| known.starts_with(prefix)),
        None => {
            names.contains(name)
                || (bare(name) != name && names.iter().any(|known| bare(known) == bare(name)))
        }
    };
    if is_known {
        return None;
    }
    // Some services put the version of their API behind the name.
    if names.iter().any(|known| bare(known) == name) {
        return Some((
            format!("{source} writes the version of its API behind {name}"),
            format!("{source}:{name}* finds all versions"),
        ));
    }
    let hint = nearest(name.trim_end_matches('*'), names.iter().copied()).map_or_else(
        || "look it up in a record, or in the API reference of the service".to_owned(),
        |near| format!("did you mean {source}:{near}?"),
    );
    Some((format!("{source} has no event {name}"), hint))
}

/// A name without the version behind it: `CreateFunction20150331`, `GetPolicy20150331v2`, `CreateDistribution2020_05_31`.
fn bare(name: &str) -> &str {
    let without_v = name.rsplit_once('v').filter(|(_, number)| number.parse::<u8>().is_ok());
    let dated = without_v.map_or(name, |(dated, _)| dated);
    let bare = dated.trim_end_matches(|c: char| c.is_ascii_digit() || c == '_');
    if dated.len() - bare.len() >= 8 { bare } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_held_against_the_catalogue() {
        for (source, name) in [
            ("ec2", "RunInstances"),
            ("s3", "*"),
            ("lambda", "CreateFunction*"),
            ("lambda", "UpdateFunctionCode20150331v2"),
            ("lambda", "UpdateAlias20150331v3"),
            ("cloudfront", "CreateDistribution2018_11_05"),
            ("signin", "ConsoleLogin"),
            ("rds", "ModifyDBSnapshotAttribute"),
            ("monitoring", "PutMetricAlarm"),
            ("ses", "SendEmail"),
        ] {
            assert_eq!(unknown(source, name), None, "{source}:{name}");
        }
        for (source, name, hint) in [
            ("ec2", "RunInstance", "did you mean ec2:RunInstances?"),
            ("ec3", "RunInstances", "did you mean ec2:RunInstances?"),
            ("lambda", "UpdateAlias", "lambda:UpdateAlias* finds all versions"),
            ("iam", "Frobnicate*", "look it up in a record, or in the API reference of the service"),
        ] {
            assert_eq!(unknown(source, name).unwrap().1, hint, "{source}:{name}");
        }
    }
}
