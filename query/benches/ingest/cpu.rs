//! CPU seconds, by the kernel's account in `/proc/self/stat` (proc(5)).

use std::fs;

/// The kernel's unit in that file; it is 100 a second on every Linux that Rust runs on.
const TICKS: f64 = 100.0;

/// User and system seconds of this process so far.
pub(crate) fn own() -> f64 {
    fields("self", 14)
}

/// User and system seconds of another process so far.
pub(crate) fn of_process(process: u32) -> f64 {
    fields(&process.to_string(), 14)
}

/// User and system seconds of the children that were waited for.
pub(crate) fn children() -> f64 {
    fields("self", 16)
}

/// The sum of two neighbouring fields, counted from 1 as in the manual.
fn fields(process: &str, first: usize) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).expect("Linux, and a process");
    // The name of the process, which may hold blanks, is in brackets and is field 2.
    let behind = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
    let ticks = behind.split(' ').skip(first - 3).take(2).filter_map(|field| field.parse::<f64>().ok());
    ticks.sum::<f64>() / TICKS
}

/// The seconds that `work` takes.
pub(crate) fn of(work: impl FnOnce()) -> f64 {
    let before = own();
    work();
    own() - before
}

/// Peak of the resident memory of a process so far, in MB; `None` when it is gone.
pub(crate) fn peak_mb(process: u32) -> Option<f64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<f64>().ok()? / 1024.0)
}
