//! What ingesting costs, by stage, beside the limits of the machine and a peer, over the same files in one run.
//!
//! ```text
//! cargo bench --profile measure --bench ingest      with every crate optimised as in what ships: for numbers beside peers
//! cargo bench --bench ingest                        the corpus beside the checkout, else enlarged sample logs
//! TRAILHOUND_BENCH_LOGS=FOLDER cargo bench --bench ingest
//! cargo bench --bench ingest -- function            only the function, see [`calls`]
//! cargo bench --bench ingest -- rules               only the rules, see [`rules`]
//! cargo bench --bench ingest -- questions           only questions, see [`questions`]
//! ```
//! Linux only: CPU seconds and memory come from `/proc`. A row is the CPU time, user and system, of the work alone;
//! the rows of real commands are whole processes, from start to exit. Files are in the page cache, for all alike.

#![allow(
    clippy::cast_precision_loss,
    clippy::expect_used,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark talks, rounds, and stops at what it did not expect"
)]

mod calls;
mod commands;
mod corpus;
mod cpu;
mod questions;
mod rules;
mod stages;

// What the tests drive the product with.
#[path = "../../tests/it/bucket.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod bucket;
#[path = "../../tests/it/emulator.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod emulator;
#[path = "../../tests/it/function.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod function;
#[path = "../../tests/it/http.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod http;
#[path = "../../tests/it/product.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod product;
#[path = "../../tests/it/python.rs"]
mod python;

use std::path::Path;

fn main() {
    let logs = corpus::folder();
    let files = corpus::read(&logs);
    let gz = files.iter().map(Vec::len).sum::<usize>();
    println!("{} files, {:.1} MB gzipped, in {}\n", files.len(), mb(gz), logs.display());
    let asked =
        std::env::args().find(|argument| matches!(argument.as_str(), "function" | "rules" | "questions"));
    let asked = |part: &str| asked.as_ref().is_none_or(|asked| asked == part);
    if asked("ingest") {
        whole(&logs, &files, gz);
    }
    if asked("function") {
        calls::print(&files);
    }
    if asked("rules") {
        rules::print(&logs);
    }
    if asked("questions") {
        questions::print(&logs);
    }
}

/// The table of a whole ingest.
fn whole(logs: &Path, files: &[Vec<u8>], gz: usize) {
    println!("| what | CPU s | × inflating | |\n|---|---|---|---|");
    let inflating = stages::inflating(files);
    row("inflating only: flate2, zlib-rs in gzip mode, buffer reused", inflating, inflating, "");
    for (what, cpu) in stages::limits(files).into_iter().chain(stages::cumulative(files)) {
        row(what, cpu, inflating, "");
    }
    for workers in [1, 2] {
        let (inflating, run) = median_round(files, || commands::ingest(logs, workers));
        let what = format!("`trailhound ingest --workers {workers}`, whole process");
        row(&what, run.cpu, inflating, &run.describe(gz));
    }
    let (workers, threads) = scaling(files, logs);
    println!(
        "| two workers against one, by the clock | | | {workers:.2} ×; two threads that only inflate: {threads:.2} × |"
    );
    match peer(logs) {
        Some((cpu, ours)) => {
            let more = format!("{:.1} × the command, {ours:.2} CPU s just before and after", cpu / ours);
            row("DuckDB `read_json` → Parquet, zstd", cpu, inflating, &more);
        }
        None => eprintln!("SKIPPED: DuckDB (needs python3 with venv, and a package index)"),
    }
}

/// CPU seconds of DuckDB, and of the command at its defaults right before and after it: the mean of both.
fn peer(logs: &Path) -> Option<(f64, f64)> {
    let before = commands::ingest(logs, 2).cpu;
    let peer = commands::duckdb(logs)?;
    Some((peer, f64::midpoint(before, commands::ingest(logs, 2).cpu)))
}

/// Machines drift: each round measures inflating and the command one after the other. The round of the median ratio.
fn median_round(files: &[Vec<u8>], command: impl Fn() -> commands::Run) -> (f64, commands::Run) {
    let mut rounds = (0..5).map(|_| (stages::inflating(files), command())).collect::<Vec<_>>();
    rounds.sort_by(|a, b| (a.1.cpu / a.0).total_cmp(&(b.1.cpu / b.0)));
    rounds.swap_remove(2)
}

/// How much faster two workers are than one, and how much more two threads inflate than one: medians of five rounds.
fn scaling(files: &[Vec<u8>], logs: &Path) -> (f64, f64) {
    let rounds = (0..5).map(|_| {
        let workers = commands::ingest(logs, 1).wall / commands::ingest(logs, 2).wall;
        (workers, stages::two_threads(files))
    });
    let (workers, threads) = rounds.unzip::<_, _, Vec<_>, Vec<_>>();
    (median(workers), median(threads))
}

fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of[of.len() / 2]
}

fn row(what: &str, cpu: f64, inflating: f64, more: &str) {
    println!("| {what} | {cpu:.2} | {:.2} | {more} |", cpu / inflating);
}

fn mb(bytes: usize) -> f64 {
    bytes as f64 / 1e6
}
