//! Real commands over the same files, as whole processes.

use super::{cpu, python};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// One run of `trailhound ingest`.
pub(crate) struct Run {
    /// CPU seconds, user and system.
    pub(crate) cpu: f64,
    /// Seconds on the clock.
    pub(crate) wall: f64,
    /// Peak of the resident memory.
    pub(crate) peak_mb: f64,
    /// Records read.
    pub(crate) records: u64,
    /// Bytes of all data files of `events`.
    pub(crate) bytes_out: usize,
}

impl Run {
    /// In words; `gz` is the size of the input.
    pub(crate) fn describe(&self, gz: usize) -> String {
        format!(
            "{:.2} s wall, {:.0} k events/s, {:.0} MB peak, {:.1} MB out = {:.2} × gz",
            self.wall,
            self.records as f64 / self.wall / 1e3,
            self.peak_mb,
            self.bytes_out as f64 / 1e6,
            self.bytes_out as f64 / gz as f64,
        )
    }
}

/// Ingests `logs` into a new lake.
pub(crate) fn ingest(logs: &Path, workers: u32) -> Run {
    let lake = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench-lake");
    let _ = fs::remove_dir_all(&lake);
    let mut command = Command::new(env!("CARGO_BIN_EXE_trailhound"));
    command.arg("ingest").arg(logs).arg("--lake").arg(&lake).args(["--report", "json", "--workers"]);
    let (before, began) = (cpu::children(), Instant::now());
    let mut process = command.arg(workers.to_string()).stdout(Stdio::piped()).spawn().expect("trailhound");
    let mut peak_mb = 0.0_f64;
    while process.try_wait().expect("a child").is_none() {
        peak_mb = peak_mb.max(cpu::peak_mb(process.id()).unwrap_or(0.0));
        std::thread::sleep(Duration::from_millis(10));
    }
    let wall = began.elapsed().as_secs_f64();
    let output = process.wait_with_output().expect("its output");
    assert!(output.status.success(), "trailhound ingest failed");
    let report = serde_json::from_slice::<Value>(&output.stdout).expect("a report");
    let count = |key: &str| report[key].as_u64().expect("a counter");
    let records = count("records_read");
    assert_eq!(records, count("written") + count("duplicate") + count("filtered") + count("quarantined"));
    let bytes_out = usize::try_from(count("bytes_out")).expect("a size");
    let _ = fs::remove_dir_all(&lake);
    Run { cpu: cpu::children() - before, wall, peak_mb, records, bytes_out }
}

/// Ingests `logs` into `lake` and leaves it there.
pub(crate) fn ingest_into(logs: &Path, lake: &Path) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trailhound"));
    let status = command.arg("ingest").arg(logs).arg("--lake").arg(lake).stderr(Stdio::null()).status();
    assert!(status.is_ok_and(|status| status.success()), "trailhound ingest failed");
}

/// DuckDB's own reading of the same files into Parquet; `None` where it cannot be installed.
pub(crate) fn duckdb(logs: &Path) -> Option<f64> {
    if std::env::var_os("TRAILHOUND_BENCH_NO_PEER").is_some() {
        return None;
    }
    let python = python::environment("duckdb")?;
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench-duckdb.parquet");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/ingest/duckdb_ingest.py");
    let before = cpu::children();
    let status = Command::new(python).arg(script).arg(logs).arg(&out).status().expect("python");
    assert!(status.success(), "DuckDB failed");
    let cpu = cpu::children() - before;
    let _ = fs::remove_file(&out);
    Some(cpu)
}
