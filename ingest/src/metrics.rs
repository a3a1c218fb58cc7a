//! The counters of a run → a line that CloudWatch turns into metrics.
//!
//! In: a verb and its counters. Out: one line of JSON in the Embedded Metric Format: whoever writes it to the log of a
//! function, or to a log group through an agent, has the metrics without a request ("Specification: Embedded metric
//! format" in the CloudWatch user guide). Names and units are ours, values are numbers, so nothing of a log gets into it.

use crate::report::Report;
use crate::time::now;
use serde_json::{Map, Value, json};

/// The namespace, unless somebody wants another.
pub const NAMESPACE: &str = "Trailhound";

/// A metric: name, unit of CloudWatch, value.
pub type Metric = (&'static str, &'static str, f64);

/// The line for the run of a verb, without a line feed. All metrics have the dimension `Verb`.
#[must_use]
pub fn line(namespace: &str, verb: &str, metrics: &[Metric]) -> String {
    let names = metrics.iter().map(|(name, unit, _)| json!({"Name": name, "Unit": unit})).collect::<Vec<_>>();
    let directive = json!({"Namespace": namespace, "Dimensions": [["Verb"]], "Metrics": names});
    let mut line = Map::new();
    line.insert("_aws".into(), json!({"Timestamp": now() / 1000, "CloudWatchMetrics": [directive]}));
    line.insert("Verb".into(), verb.into());
    line.extend(metrics.iter().map(|&(name, _, value)| (name.to_owned(), Value::from(value))));
    Value::Object(line).to_string()
}

/// The metrics of an ingest. `oldest`: delivery of the oldest log file that was read, in µs since 1970.
#[must_use]
pub fn of_ingest(report: &Report, oldest: Option<i64>) -> Vec<Metric> {
    let mut metrics = vec![
        ("Objects", "Count", count(report.objects)),
        ("ObjectsKnown", "Count", count(report.objects_skipped)),
        ("ObjectsFailed", "Count", count(report.objects_failed)),
        ("ObjectsLeft", "Count", count(report.objects_left)),
        ("RecordsRead", "Count", count(report.records_read)),
        ("Written", "Count", count(report.written)),
        ("Duplicate", "Count", count(report.duplicate)),
        ("Filtered", "Count", count(report.filtered)),
        ("Quarantined", "Count", count(report.quarantined + report.files_quarantined)),
        ("BytesIn", "Bytes", count(report.bytes_in)),
        ("BytesOut", "Bytes", count(report.bytes_out)),
        ("DurationSeconds", "Seconds", report.seconds),
    ];
    if let Some(oldest) = oldest {
        let lag = now().saturating_sub(oldest).max(0);
        metrics.push(("LagSeconds", "Seconds", count(lag.unsigned_abs() / 1_000_000)));
    }
    metrics
}

#[expect(clippy::cast_precision_loss, reason = "CloudWatch has no other numbers")]
fn count(value: u64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_is_declared_and_has_a_value() {
        let report = Report { written: 7, ..Report::default() };
        let line = line(NAMESPACE, "ingest", &of_ingest(&report, Some(now() - 90_000_000)));
        let line = serde_json::from_str::<Value>(&line).unwrap();
        let directive = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(directive["Dimensions"], json!([["Verb"]]));
        for metric in directive["Metrics"].as_array().unwrap() {
            assert!(line[metric["Name"].as_str().unwrap()].is_number(), "{metric}");
        }
        assert_eq!((&line["Written"], &line["Verb"]), (&json!(7.0), &json!("ingest")));
        assert!(line["LagSeconds"].as_f64().unwrap() >= 90.0);
        assert!(line["_aws"]["Timestamp"].as_i64().unwrap() > 1_700_000_000_000);
    }
}
