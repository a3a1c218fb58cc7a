//! SQL and detection rules over a lake of CloudTrail events, and the command line.
//!
//! A question goes through [`engine`]: its names are resolved (`names`), it is planned over a plain Parquet scan of the
//! lake ([`table`]), or over log files ([`raw`]), with a few [`functions`] of ours, and its rows are printed ([`output`]). A rule ([`rules`]) becomes a
//! question; [`detect`] asks it of what is new, keeps what it finds, and tells. [`chain`] names who is behind a session.
//! [`cookbook`] has questions that are asked again and again. [`report`] makes a page of what is known of somebody or
//! something. [`export`] gives a part of the lake back, [`athena`] shows the lake to Amazon Athena. [`public_keys`] asks
//! CloudTrail what its digests are checked with.

mod names;
pub mod functions;
mod absent;
mod needle;
pub mod table;
pub mod raw;
pub mod limits;
mod joins;
mod distinct;
pub mod engine;
pub mod chain;
pub mod rules;
mod moment;
pub mod cookbook;
pub mod detect;
pub mod output;
pub mod report;
pub mod export;
pub mod athena;
pub mod public_keys;
pub mod error;
pub mod cli;

pub use engine::{Answer, Engine};
pub use error::Error;
