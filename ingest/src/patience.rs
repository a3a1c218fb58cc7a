//! How long a store may be silent or in trouble: two settings, and the tries that keep to them.
//!
//! In: what a person set, once, before anything is asked of a store. Out: pauses between tries, and when to give up.
//! What must hold: whatever a store does, a request ends, and so does the trying.

use std::sync::OnceLock;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// The first pause before another try; it doubles each time, up to [`LONGEST`], and is jittered by half.
const PAUSE: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_secs(5);

/// How patient this process is with S3.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Patience {
    /// How long S3 may be silent before a request is tried again.
    pub silence: Duration,
    /// How long S3 may be in trouble before what was asked of it is given up.
    pub give_up: Duration,
}

impl Default for Patience {
    /// A request that S3 answers at all is answered within seconds; a disturbance that it recovers from by itself is
    /// over within minutes.
    fn default() -> Self {
        Self { silence: Duration::from_secs(15), give_up: Duration::from_mins(3) }
    }
}

static PATIENCE: OnceLock<Patience> = OnceLock::new();

impl Patience {
    /// Makes this the patience of the process. What was set, or asked for, first stays.
    pub fn set(self) {
        let _ = PATIENCE.set(self);
    }

    /// That of this process.
    #[must_use]
    pub fn of_process() -> Self {
        *PATIENCE.get_or_init(Self::default)
    }

    /// How long one request may be tried. A commit that goes wrong takes two: the PUT, and a look at what came of it.
    pub(crate) fn per_request(self) -> Duration {
        self.give_up / 2
    }

    /// How long a connection may take.
    pub(crate) fn connect(self) -> Duration {
        self.silence.min(Duration::from_secs(5))
    }
}

/// Tries of one thing that fails.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tries {
    since: Instant,
    count: u32,
}

impl Tries {
    /// Before the first.
    pub(crate) fn begin() -> Self {
        Self { since: Instant::now(), count: 0 }
    }

    /// How many have failed.
    pub(crate) fn count(&self) -> u32 {
        self.count
    }

    /// When the first of them began.
    pub(crate) fn since(&self) -> Instant {
        self.since
    }

    /// How long they have lasted.
    pub(crate) fn lasted(&self) -> Duration {
        self.since.elapsed()
    }

    /// One more has failed. Waits before the next; false, at once, when they have lasted for `most`.
    pub(crate) async fn again(&mut self, most: Duration) -> bool {
        self.count += 1;
        let is_worth_it = self.lasted() < most;
        if is_worth_it {
            tokio::time::sleep(jittered(LONGEST.min(PAUSE * 2u32.pow(self.count.min(10))))).await;
        }
        is_worth_it
    }
}

/// Between half of `pause` and one and a half, so that those who failed together do not fail together again.
pub(crate) fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(0.5 + random())
}

/// At least 0, at most 1.
pub(crate) fn random() -> f64 {
    let [byte, ..] = Uuid::new_v4().into_bytes();
    f64::from(byte) / 255.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_differ() {
        let pauses = (0..50).map(|_| jittered(PAUSE)).collect::<std::collections::BTreeSet<_>>();
        assert!(pauses.len() > 10);
        assert!(pauses.iter().all(|pause| (PAUSE / 2..=PAUSE * 3 / 2).contains(pause)));
    }

    #[tokio::test]
    async fn tries_end() {
        let mut tries = Tries::begin();
        assert!(tries.again(Duration::from_hours(1)).await);
        assert!(!tries.again(Duration::ZERO).await);
        assert_eq!(tries.count(), 2);
    }
}
