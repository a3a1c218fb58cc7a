//! Whose turn it is to send: of several runs at once one sends to a destination, and the others wait for it.
//!
//! The turn is a value that is kept with `notifications`, for each destination: the time until which a run is sending,
//! in microseconds since 1970. It moves with the rows that say what was sent, in one commit. A run that dies or stands
//! still is waited for until that time and no longer. What must hold: a finding is never lost for the sake of a turn;
//! who cannot keep it at most sends something twice.

use super::Stop;
use crate::detect::points;
use crate::error::Error;
use std::time::Duration;
use trailhound_ingest::lake::{Lake, LakeTable, NewFile, TxnOutcome};
use trailhound_ingest::time;
use uuid::Uuid;

/// How long a run may be silent while it sends, in microseconds: the time that a batch of messages may take.
const SPAN: i64 = 120_000_000;

/// The same, unless a test has no time for it.
fn span() -> i64 {
    points::turn().unwrap_or(SPAN)
}

/// How often a run that waits looks again.
const LOOK: Duration = Duration::from_secs(1);

/// A run's view of the turn.
pub(super) struct Turn<'a> {
    lake: &'a Lake,
    app: String,
    until: Option<i64>,
}

impl<'a> Turn<'a> {
    /// Waits until no other run is sending to `destination`; `None` if somebody asked us to end.
    pub(super) async fn wait(lake: &'a Lake, destination: &str, stop: &Stop) -> Result<Option<Self>, Error> {
        let app = format!("send {destination}");
        let mut is_said = false;
        loop {
            let until = lake.txn(LakeTable::Notifications, &app).await?;
            if !is_taken(until, time::now()) {
                return Ok(Some(Self { lake, app, until }));
            }
            if !is_said {
                tracing::warn!(destination, "another run is sending, so this one waits for it");
                is_said = true;
            }
            if stop.within(LOOK).await {
                return Ok(None);
            }
        }
    }

    /// Takes the turn. `false` if another run was faster: what is due may have changed since [`Turn::wait`].
    pub(super) async fn take(&mut self) -> Result<bool, Error> {
        self.step(Vec::new(), time::now() + span()).await
    }

    /// Commits `rows` and keeps the turn; with the last ones it ends. `false` if another run has taken it, since this
    /// one stood still: nothing was committed then.
    pub(super) async fn note(&mut self, rows: NewFile, is_last: bool) -> Result<bool, Error> {
        let until = time::now() + if is_last { 0 } else { span() };
        self.step(vec![rows], until).await
    }

    async fn step(&mut self, rows: Vec<NewFile>, until: i64) -> Result<bool, Error> {
        let token = Uuid::new_v4().to_string();
        let (table, before) = (LakeTable::Notifications, self.until);
        let outcome = self.lake.commit_with_txn(table, rows, &self.app, before, until, &token).await?;
        if let TxnOutcome::Moved(_) = outcome {
            return Ok(false);
        }
        self.until = Some(until);
        Ok(true)
    }
}

/// Whether a run is sending. A time that no turn reaches is from a clock that is wrong, and must not silence alerts.
fn is_taken(until: Option<i64>, now: i64) -> bool {
    until.is_some_and(|until| now < until && until <= now + 2 * SPAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_ends_by_itself() {
        for (until, expected) in [
            (None, false),
            (Some(999), false),
            (Some(1000), false),
            (Some(1001), true),
            (Some(1000 + SPAN), true),
            (Some(1000 + 3 * SPAN), false),
        ] {
            assert_eq!(is_taken(until, 1000), expected, "{until:?}");
        }
    }

    /// A value that another run moves is seen, whoever waited for it.
    #[tokio::test]
    async fn one_of_two_takes_it() {
        let folder = tempfile::tempdir().unwrap();
        let lake = Lake::create_or_open(&folder.path().to_string_lossy()).await.unwrap();
        let mut one = Turn::wait(&lake, "x", &Stop::never()).await.unwrap().unwrap();
        let mut two = Turn::wait(&lake, "x", &Stop::never()).await.unwrap().unwrap();
        assert!(one.take().await.unwrap() && !two.take().await.unwrap());
        let mut other = Turn::wait(&lake, "y", &Stop::never()).await.unwrap().unwrap();
        assert!(other.take().await.unwrap(), "destinations do not wait for each other");
        // The run of the turn dies; the next one does not wait longer than the turn lasts.
        one.step(Vec::new(), time::now() + 300_000).await.unwrap();
        let mut next = Turn::wait(&lake, "x", &Stop::never()).await.unwrap().unwrap();
        assert!(next.take().await.unwrap() && !one.take().await.unwrap());
    }
}
