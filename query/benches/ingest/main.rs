//! What ingesting costs, by stage, beside the limits of the machine and a peer, over the same files in one run.
//!
//! ```text
//! cargo bench --bench ingest                        the corpus beside the checkout, else enlarged sample logs
//! TRAILHOUND_BENCH_LOGS=FOLDER cargo bench --bench ingest
//! ```
//! Linux only: CPU seconds and memory come from `/proc`. A row is the CPU time, user and system, of the work alone;
//! the rows of real commands are whole processes, from start to exit. Files are in the page cache, for all alike.

#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a benchmark talks, and stops"
)]

mod commands;
mod corpus;
mod cpu;
mod stages;

fn main() {
    let logs = corpus::folder();
    let files = corpus::read(&logs);
    let gz = files.iter().map(Vec::len).sum::<usize>();
    println!("{} files, {:.1} MB gzipped, in {}\n", files.len(), mb(gz), logs.display());
    println!("| what | CPU s | × inflating | |\n|---|---|---|---|");
    let inflating = stages::inflating(&files);
    row("inflating only: flate2, zlib-rs in gzip mode, buffer reused", inflating, inflating, "");
    for (what, cpu) in stages::limits(&files).into_iter().chain(stages::cumulative(&files)) {
        row(what, cpu, inflating, "");
    }
    for workers in [1, 2] {
        let run = commands::ingest(&logs, workers);
        let what = format!("`trailhound ingest --workers {workers}`, whole process");
        let more = format!(
            "{:.2} s wall, {:.0} k events/s, {:.0} MB peak, {:.1} MB out = {:.2} × gz",
            run.wall,
            run.records as f64 / run.wall / 1e3,
            run.peak_mb,
            mb(run.bytes_out),
            run.bytes_out as f64 / gz as f64,
        );
        row(&what, run.cpu, inflating, &more);
    }
    match commands::duckdb(&logs) {
        Some(cpu) => row("DuckDB `read_json` → Parquet, zstd", cpu, inflating, ""),
        None => eprintln!("SKIPPED: DuckDB (needs python3 with venv, and a package index)"),
    }
}

fn row(what: &str, cpu: f64, inflating: f64, more: &str) {
    println!("| {what} | {cpu:.2} | {:.2} | {more} |", cpu / inflating);
}

fn mb(bytes: usize) -> f64 {
    bytes as f64 / 1e6
}
