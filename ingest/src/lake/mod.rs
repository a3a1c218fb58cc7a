//! The lake: Delta tables of Parquet, written by one protocol.

pub mod object_id;
pub mod files;

pub use object_id::ObjectId;
