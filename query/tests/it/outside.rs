//! Others read the lake with no help from us: the Python `deltalake` package, and Polars.

use crate::logs;
use crate::product::{json, number, run, trailhound};
use crate::python;
use std::path::Path;
use std::process::Command;

const TABLES: [&str; 2] = ["events", "logfiles"];

#[test]
fn equal_counts_in_deltalake_and_polars() {
    let Some(python) = python::environment("readers") else { return };
    let dir = tempfile::tempdir().unwrap();
    let lake = dir.path().join("lake");
    run(trailhound(["ingest"]).arg(logs::write(&dir.path().join("trail"))).arg("--lake").arg(&lake));
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/read_lake.py");
    let counts = json(Command::new(python).arg(script).arg(&lake).args(TABLES));
    for table in TABLES {
        let query = format!("select count(*) from {}", if table == "events" { "cloudtrail" } else { table });
        let ours = number(trailhound(["sql", &query, "--format", "csv", "--lake"]).arg(&lake));
        assert_eq!(counts[table]["statistics"], ours, "{table} in deltalake");
        assert_eq!(counts[table]["polars"], ours, "{table} in polars");
    }
}
