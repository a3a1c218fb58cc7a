//! How fast all fetches together may go.
//!
//! In: "slow down" and successes. Out: a pause before each request, random between nothing and a bound that doubles
//! when S3 wants it slower and shrinks by a quarter with each object that comes. So many requests at once that are
//! refused at once count as one.

use std::sync::Mutex;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// The bound after the first "slow down", and the highest.
const FIRST: Duration = Duration::from_millis(100);
const MOST: Duration = Duration::from_secs(20);

/// The pause that all fetches keep.
pub(super) struct Pace(Mutex<State>);

struct State {
    bound: Duration,
    /// When it was last raised.
    raised: Option<Instant>,
}

impl Pace {
    pub(super) const fn new() -> Self {
        Self(Mutex::new(State { bound: Duration::ZERO, raised: None }))
    }

    /// Waits as long as S3 wants it.
    pub(super) async fn wait(&self) {
        let bound = self.with(|state| state.bound);
        if !bound.is_zero() {
            tokio::time::sleep(bound.mul_f64(random())).await;
        }
    }

    /// S3 said that we ask too often.
    pub(super) fn slow_down(&self) {
        self.with(|state| {
            let is_news = state.raised.is_none_or(|raised| raised.elapsed() >= state.bound);
            if is_news {
                state.bound = (state.bound * 2).clamp(FIRST, MOST);
                state.raised = Some(Instant::now());
            }
        });
    }

    /// An object came.
    pub(super) fn ease(&self) {
        self.with(|state| {
            let eased = state.bound * 3 / 4;
            state.bound = if eased < FIRST / 10 { Duration::ZERO } else { eased };
        });
    }

    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }
}

/// Between half of `pause` and one and a half.
pub(super) fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(0.5 + random())
}

/// At least 0, at most 1.
fn random() -> f64 {
    let [byte, ..] = Uuid::new_v4().into_bytes();
    f64::from(byte) / 255.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bound(pace: &Pace) -> Duration {
        pace.with(|state| state.bound)
    }

    #[test]
    fn refusals_at_once_count_as_one() {
        let pace = Pace::new();
        for _ in 0..64 {
            pace.slow_down();
        }
        assert_eq!(bound(&pace), FIRST);
    }

    #[test]
    fn it_doubles_up_to_a_bound_and_eases_off() {
        let pace = Pace::new();
        for _ in 0..20 {
            pace.with(|state| state.raised = None);
            pace.slow_down();
        }
        assert_eq!(bound(&pace), MOST);
        pace.ease();
        assert_eq!(bound(&pace), MOST * 3 / 4);
        for _ in 0..40 {
            pace.ease();
        }
        assert!(bound(&pace).is_zero());
    }

    #[test]
    fn pauses_differ() {
        let pauses = (0..50).map(|_| jittered(FIRST)).collect::<std::collections::BTreeSet<_>>();
        assert!(pauses.len() > 10);
        assert!(pauses.iter().all(|pause| (FIRST / 2..=FIRST * 3 / 2).contains(pause)));
    }
}
