//! How fast all fetches together may go, and whether they may go at all.
//!
//! In: "slow down", failures and successes. Out: a pause before each request, random between nothing and a bound that
//! doubles when S3 wants it slower and shrinks by a quarter with each object that comes. So many requests at once that
//! are refused at once count as one. When nothing has come for as long as we are patient, S3 counts as down: objects
//! are then given up without a request, but for a few from time to time that find out whether it is back.

use crate::patience::{Patience, random};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// The bound after the first "slow down", and the highest.
const FIRST: Duration = Duration::from_millis(100);
const MOST: Duration = Duration::from_secs(20);

/// The pause that all fetches keep.
pub(super) struct Pace(Mutex<State>);

struct State {
    bound: Duration,
    /// When it was last raised.
    raised: Option<Instant>,
    /// When an object last came.
    came: Option<Instant>,
    /// When a request last failed, and the first that did since an object came.
    failed: Option<Instant>,
    fails_since: Option<Instant>,
}

impl Pace {
    pub(super) const fn new() -> Self {
        let (raised, came, failed, fails_since) = (None, None, None, None);
        Self(Mutex::new(State { bound: Duration::ZERO, raised, came, failed, fails_since }))
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

    /// A request failed that was made at `asked`.
    pub(super) fn failed(&self, asked: Instant) {
        self.with(|state| {
            state.failed = Some(Instant::now());
            state.fails_since.get_or_insert(asked);
        });
    }

    /// Whether an object came since `instant`.
    pub(super) fn brought_any_since(&self, instant: Instant) -> bool {
        self.with(|state| state.came.is_some_and(|came| came > instant))
    }

    /// Whether nothing came for too long, and somebody has just tried.
    pub(super) fn is_down(&self, patience: Patience) -> bool {
        self.with(|state| {
            state.fails_since.is_some_and(|since| since.elapsed() >= patience.give_up)
                && state.failed.is_some_and(|failed| failed.elapsed() < patience.silence)
        })
    }

    /// An object came.
    pub(super) fn ease(&self) {
        self.with(|state| {
            state.came = Some(Instant::now());
            state.fails_since = None;
            let eased = state.bound * 3 / 4;
            state.bound = if eased < FIRST / 10 { Duration::ZERO } else { eased };
        });
    }

    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }
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
    fn what_brings_nothing_for_long_is_down_until_something_comes() {
        let pace = Pace::new();
        let at_once = Patience { give_up: Duration::ZERO, ..Patience::default() };
        assert!(!pace.is_down(at_once));
        let before = Instant::now();
        pace.failed(before);
        assert!(pace.is_down(at_once) && !pace.is_down(Patience::default()));
        assert!(!pace.is_down(Patience { silence: Duration::ZERO, ..at_once }), "nobody would find out");
        assert!(!pace.brought_any_since(before));
        pace.ease();
        assert!(!pace.is_down(at_once) && pace.brought_any_since(before));
    }
}
