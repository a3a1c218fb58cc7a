//! Others read the lake with no help from us: the Python `deltalake` package, and Polars.

use crate::product::{folder, json, number, run, trailhound};
use crate::python;
use std::process::Command;

const TABLES: [&str; 5] = ["events", "aggregated", "logfiles", "quarantine", "findings"];

#[test]
fn equal_counts_in_deltalake_and_polars() {
    let Some(python) = python::environment("readers") else { return };
    let dir = tempfile::tempdir().unwrap();
    run(trailhound(["ingest"]).arg(folder("sample-logs")).arg("--lake").arg(dir.path()));
    run(trailhound(["detect", "--lake"]).arg(dir.path()));
    let script = folder("query/tests/python/read_lake.py");
    let counts = json(Command::new(python).arg(script).arg(dir.path()).args(TABLES));
    for table in TABLES {
        let query = format!("select count(*) from {}", if table == "events" { "cloudtrail" } else { table });
        let ours = number(trailhound(["sql", &query, "--format", "csv", "--lake"]).arg(dir.path()));
        assert_eq!(counts[table]["statistics"], ours, "{table} in deltalake");
        assert_eq!(counts[table]["polars"], ours, "{table} in polars");
    }
}
