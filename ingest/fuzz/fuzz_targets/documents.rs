//! Any bytes, as an object: nothing panics, the books reconcile, memory keeps to the limits, and what is taken for a
//! record is JSON and can be written.

#![no_main]

use libfuzzer_sys::fuzz_target;
use serde::de::IgnoredAny;
use trailhound_ingest_fuzz::{NATIVE, read, round_trip, small_limits};

fuzz_target!(|body: &[u8]| {
    for key in ["x", NATIVE] {
        let batch = read(key, body, &small_limits());
        for record in &batch.records {
            let text = batch.text(record);
            assert!(serde_json::from_str::<IgnoredAny>(text).is_ok(), "not JSON: {text}");
        }
        round_trip(&batch);
    }
});
