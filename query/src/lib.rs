//! SQL over a lake of CloudTrail events, and the command line.

pub mod cli;
