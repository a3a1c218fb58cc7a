//! SQL over a lake of CloudTrail events, and the command line.

mod names;
pub mod functions;
pub mod table;
pub mod engine;
pub mod rules;
pub mod detect;
pub mod output;
pub mod error;
pub mod cli;

pub use engine::{Answer, Engine};
pub use error::Error;
