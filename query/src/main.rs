//! `trailhound`: parse, dispatch, exit.

use std::process::ExitCode;

fn main() -> ExitCode {
    trailhound::cli::main()
}
