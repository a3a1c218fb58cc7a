//! One binary for all integration tests: each one that links the engine costs a minute.

mod product;
mod logs;
mod python;
mod emulator;
mod cli;
mod sql;
mod crash;
mod outside;
mod aws;
