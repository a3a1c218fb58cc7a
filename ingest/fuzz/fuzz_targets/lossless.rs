//! A JSON object in the place of a record: if it looks like one it is read, and what is read comes back equal.

#![no_main]

use libfuzzer_sys::fuzz_target;
use serde::de::IgnoredAny;
use std::collections::BTreeMap;
use trailhound_ingest_fuzz::limits::Limits;
use trailhound_ingest_fuzz::{naive, read, round_trip};

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(members) = serde_json::from_str::<BTreeMap<String, IgnoredAny>>(text) else { return };
    let batch = read("x", format!("{{\"Records\":[{text}]}}").as_bytes(), &Limits::default());
    if is_surely_a_record(text, &members) {
        assert_eq!((batch.records.len(), batch.rejects.len()), (1, 0), "not read: {text}");
    }
    let [record] = &batch.records[..] else { return };
    // Records may be inside of it.
    if batch.text(record) == text.trim_matches([' ', '\t', '\r', '\n']) {
        let back = round_trip(&batch);
        assert_eq!(back.len(), 1);
        assert_eq!(naive(&back[0]), naive(text), "altered: {text}");
    }
});

/// It has the members of a record, and nothing that could hide them or say otherwise.
fn is_surely_a_record(text: &str, members: &BTreeMap<String, IgnoredAny>) -> bool {
    let has = |names: &[&str]| names.iter().any(|name| members.contains_key(*name));
    has(&["eventName", "eventType", "eventSource"])
        && has(&["eventTime", "eventVersion"])
        && !text.contains('\\')
        && !text.contains("\"aws:")
}
