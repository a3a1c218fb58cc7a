//! How patient a writer is.

use crate::patience::{Patience, jittered};
use std::time::{Duration, Instant};

/// How a writer commits. The defaults are the ones to use; tests take shorter times.
#[derive(Clone, Debug)]
pub struct CommitSettings {
    /// How old the last look at the log may be when a commit succeeds. It must be at most a third of the time the
    /// log is kept.
    pub age_limit: Duration,
    /// How often one slot is tried while it stays empty, before the error of the storage is the caller's.
    pub attempts: u32,
    /// How long it is tried, before that.
    pub give_up: Duration,
    /// The first pause before another try; it doubles up to a hundred times this, and is jittered by half.
    pub pause: Duration,
    /// A checkpoint is made at every version that this divides; 0 makes none.
    pub checkpoint_every: u64,
    #[cfg(test)]
    pub(crate) faults: super::faults::Faults,
}

impl Default for CommitSettings {
    fn default() -> Self {
        Self {
            age_limit: Duration::from_hours(1),
            attempts: 10,
            give_up: Patience::of_process().give_up,
            pause: Duration::from_millis(20),
            checkpoint_every: 50,
            #[cfg(test)]
            faults: super::faults::Faults::default(),
        }
    }
}

impl CommitSettings {
    /// How old a data file may be when a commit names it: what is older is written anew, or given up. The vacuum
    /// deletes only what is older than twice that.
    #[must_use]
    pub fn file_limit(&self) -> Duration {
        self.age_limit * 3
    }

    /// Waits before try number `tried`, counted from 1.
    pub(super) async fn back_off(&self, tried: u32) {
        let grown = self.pause.saturating_mul(1 << tried.saturating_sub(1).min(7));
        let longest = grown.min(self.pause.saturating_mul(100));
        tokio::time::sleep(jittered(longest)).await;
    }

    /// Whether something that failed `tried` times since `began` is to be tried again.
    pub(super) fn allow(&self, tried: u32, began: Instant) -> bool {
        tried < self.attempts && began.elapsed() < self.give_up
    }
}
