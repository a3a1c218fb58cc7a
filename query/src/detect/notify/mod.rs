//! Findings → the outside, each once.
//!
//! `findings` is the outbox: what has no row `sent` in `notifications` for a destination is sent, also what an earlier
//! run committed and could not deliver. Runs at the same time send one after the other (`turn`). What must hold: no
//! finding is forgotten. One that was delivered, but whose row could not be written, is sent again: its id is in the
//! message, for receivers who mind. Destinations know nothing of each other: one that is down holds up no other.

mod outbox;
mod turn;
mod stop;
mod document;
mod mrkdwn;
mod chatbot;
mod slack;
pub mod sns;
pub mod webhook;

pub use stop::Stop;

use super::finding::Finding;
use super::points;
use crate::error::Error;
use crate::rules::Rule;
use async_trait::async_trait;
use outbox::Outbox;
use serde::Serialize;
use std::collections::HashSet;
use std::time::Duration;
use trailhound_ingest::lake::Lake;
use turn::Turn;

/// Somewhere that findings are sent to.
#[async_trait]
pub trait Notify: Send + Sync {
    /// Its name, as in `notifications`.
    fn destination(&self) -> &str;

    /// Delivers one finding, within a dozen seconds; `runbook` is the rule's, filled in. Returns the id that the
    /// destination gave it.
    ///
    /// # Errors
    /// In words, why it was not accepted.
    async fn send(&self, finding: &Finding, runbook: Option<&str>) -> Result<String, Refused>;
}

/// Why a delivery failed.
#[derive(Clone, Debug)]
pub struct Refused {
    /// In words.
    pub why: String,
    /// What that means for others.
    pub trouble: Trouble,
}

impl Refused {
    /// A refusal.
    #[must_use]
    pub fn new(why: impl Into<String>, trouble: Trouble) -> Self {
        Self { why: why.into(), trouble }
    }
}

/// What a refusal means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trouble {
    /// This message is not accepted; another may be.
    Message,
    /// Nothing will be accepted in this run: a topic is gone, we have no permission, nobody answers.
    Destination,
    /// It may pass by itself; some destinations say after how long.
    Passing(Option<Duration>),
}

/// How deliveries to a destination went.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Delivered {
    /// The destination.
    pub destination: String,
    /// Findings that were accepted.
    pub sent: usize,
    /// Findings that were not; the next run tries again.
    pub unsent: usize,
    /// Why not, for the first of them.
    pub problem: Option<String>,
}

impl Delivered {
    fn count(&mut self, error: Option<&str>) {
        if let Some(why) = error {
            self.problem.get_or_insert_with(|| why.to_owned());
        } else {
            (self.sent, self.unsent) = (self.sent + 1, self.unsent.saturating_sub(1));
        }
    }
}

/// Sends what is due to `to`; when another run is sending, after it.
///
/// # Errors
/// The lake cannot be read or written. A destination that refuses is not an error, but counted.
pub async fn deliver(lake: &Lake, to: &dyn Notify, rules: &[&Rule]) -> Result<Delivered, Error> {
    deliver_until(lake, to, rules, &Stop::never()).await
}

/// The same, until somebody asks to stop: the message on its way is waited for, and the rest left for the next run.
///
/// # Errors
/// As for [`deliver`].
pub async fn deliver_until(
    lake: &Lake,
    to: &dyn Notify,
    rules: &[&Rule],
    stop: &Stop,
) -> Result<Delivered, Error> {
    points::reach("delivering");
    let runbooks = rules.iter().map(|rule| (rule.id.as_str(), rule.runbook.as_str())).collect();
    // Signals are kept in the lake, and that is all.
    let signals = rules.iter().filter(|rule| rule.signal).map(|rule| rule.id.as_str());
    let signals = signals.collect::<HashSet<_>>();
    let outbox = Outbox { lake, to, runbooks, stop };
    let mut delivered = Delivered { destination: to.destination().to_owned(), ..Delivered::default() };
    loop {
        // In this order: what another run sends in between moves the turn, which is then not ours.
        let turn = Turn::wait(lake, to.destination(), stop).await?;
        let mut due = outbox.due().await?;
        due.retain(|finding| !signals.contains(finding.rule.as_str()));
        (delivered.unsent, delivered.problem) = (due.len(), None);
        let Some(mut turn) = turn.filter(|_| !due.is_empty() && !stop.is_asked()) else { break };
        if turn.take().await? {
            points::reach("turn-taken");
            if outbox.send(&due, &mut turn, &mut delivered).await? {
                break;
            }
        }
    }
    points::reach("delivered");
    if delivered.unsent > 0 && stop.is_asked() {
        delivered.problem.get_or_insert_with(|| "the run was asked to stop".to_owned());
    }
    Ok(delivered)
}

/// Sends what is due to each of `all`, at the same time.
///
/// # Errors
/// As for [`deliver`], when all have been tried.
pub async fn deliver_all(
    lake: &Lake,
    all: &[Box<dyn Notify>],
    rules: &[&Rule],
    stop: &Stop,
) -> Result<Vec<Delivered>, Error> {
    let each = all.iter().map(|to| deliver_until(lake, to.as_ref(), rules, stop));
    futures::future::join_all(each).await.into_iter().collect()
}
