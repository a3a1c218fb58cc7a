//! `trailhound`: parse, dispatch, exit.

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    trailhound::cli::Cli::parse().run()
}
