//! How long ago something was, counting the time the machine was suspended.
//!
//! The age limit of a writer is only as good as its clock: a laptop or a frozen container that wakes up after a
//! day must not believe that a second has passed. `Instant` stands still during a suspend on Linux, the wall clock
//! does not but can be set, and the clock that does both (`CLOCK_BOOTTIME`) is out of reach of safe std. So both are
//! read and the larger age counts. A wall clock set forward makes a writer too careful, which costs a reload; only a
//! clock set back by the length of a suspend during that suspend would deceive it.

use std::time::{Duration, Instant, SystemTime};

/// A point in time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    running: Instant,
    wall: SystemTime,
}

impl Moment {
    pub(crate) fn now() -> Self {
        Self { running: Instant::now(), wall: SystemTime::now() }
    }

    /// Time since then, never less than what passed.
    pub(crate) fn age(self) -> Duration {
        self.age_at(Instant::now(), SystemTime::now())
    }

    fn age_at(self, running: Instant, wall: SystemTime) -> Duration {
        let by_wall = wall.duration_since(self.wall).unwrap_or_default();
        running.saturating_duration_since(self.running).max(by_wall)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_larger_age_counts() {
        let (second, hour) = (Duration::from_secs(1), Duration::from_hours(1));
        let then = Moment::now();
        let suspended = then.age_at(then.running + second, then.wall + hour);
        assert_eq!(suspended, hour);
        let set_back = then.age_at(then.running + hour, then.wall - hour);
        assert_eq!(set_back, hour);
    }
}
