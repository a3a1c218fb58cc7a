//! CloudTrail log objects in, a lake of Parquet out: lossless, bounded, exactly once.

pub mod schema;
pub mod lake;
