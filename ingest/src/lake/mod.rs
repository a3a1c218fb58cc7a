//! The lake: Delta tables of Parquet, written by one protocol.

pub mod files;
