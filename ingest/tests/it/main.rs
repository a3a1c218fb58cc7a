//! One binary for the integration tests of the crate.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test that cannot go on says so and stops")]

mod arrow_of_crates;
mod naive;
mod lossless;
mod privacy;
mod samples;
mod trails;
mod wrappers;
mod seeds;
