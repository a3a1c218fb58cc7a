//! Detection rules: TOML files → statements that run in `trailhound sql`.
//!
//! A rule says what it looks for as an SQL predicate, and perhaps how many within what time; the engine makes the
//! statement around it. In the order of their making: the file ([`file`]) with its [`params`], loaded from the pack in
//! the binary or from a folder ([`pack`]), checked ([`check`]) and
//! looked at for traps ([`lint`]), tuned by a local policy ([`local`]), compiled ([`probe`], [`statement`]), put into words ([`template`]) and
//! listed ([`catalogue`], [`coverage`]). Its own tests are run where rules are ([`crate::detect::harness`]).

pub mod file;
pub(crate) mod read;
pub(crate) mod glob;
pub mod duration;
pub mod params;
pub mod pack;
mod check;
pub mod lint;
pub mod local;
pub mod coverage;
pub mod begin;
pub mod probe;
pub mod statement;
pub mod template;
pub mod catalogue;

pub use file::{Kind, Rule, Severity};
pub use pack::Pack;

/// What a query can name besides its params: the event times of the first and the last new event.
pub const QUERY_VALUES: [&str; 2] = ["from", "to"];

/// Why a rule cannot be used: the file, what is wrong, and a hint.
#[derive(Debug, thiserror::Error)]
#[error("{place}: {what}")]
pub struct RuleError {
    /// The file, or the rule's id.
    pub place: String,
    /// What is wrong, in one line; a hint may follow in a second.
    pub what: String,
}

impl RuleError {
    pub(crate) fn new(place: &str, what: impl Into<String>) -> Self {
        Self { place: place.to_owned(), what: what.into() }
    }
}
