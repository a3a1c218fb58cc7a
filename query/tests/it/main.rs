//! One binary for all integration tests: each one that links the engine costs a minute.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test that cannot go on says so and stops")]

mod product;
mod logs;
mod mmdb;
mod python;
mod emulator;
mod cli;
mod rules;
mod policy;
mod detect;
mod demo;
mod sql;
mod slt;
mod plan;
mod geoip;
mod bucket;
mod ground;
mod dice;
mod http;
mod proxy;
mod crash;
mod memory;
mod lake;
mod faults;
mod outside;
mod aws;
mod config;
mod filter;
mod privacy;
mod export;
mod function;
mod lambda;
mod queue;
mod raw;
mod repl;
mod limits;
mod stack;
mod ddl;
mod schedule;
mod sink;
mod waiting;
mod alerts;
mod kills;
