//! How patient a writer is.

use std::time::Duration;
use uuid::Uuid;

/// How a writer commits. The defaults are the ones to use; tests take shorter times.
#[derive(Clone, Debug)]
pub struct CommitSettings {
    /// How old the last look at the log may be when a commit succeeds. It must be at most a third of the time the
    /// log is kept.
    pub age_limit: Duration,
    /// How often one slot is tried while it stays empty, before the error of the storage is the caller's.
    pub attempts: u32,
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
        tokio::time::sleep(longest.mul_f64(jitter())).await;
    }
}

/// Between 0.5 and 1.5, so that writers who collided do not collide again.
fn jitter() -> f64 {
    let [byte, ..] = Uuid::new_v4().into_bytes();
    0.5 + f64::from(byte) / 255.0
}
