//! One binary for the integration tests of the crate.

mod arrow_of_crates;
