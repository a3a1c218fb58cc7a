//! Commits of tables without a ledger: `findings`, `notifications`, `logfiles`.
//!
//! In: files that are in place, and for some the value of an application, its watermark, that moves with them. Out:
//! the version that holds both, or the news that the watermark was moved by somebody else: the work behind the files
//! was done twice, and only the first counts.

use super::{
    Lake, checkpoint,
    clock::Moment,
    commit::{Commit, Draft},
    error::LakeError,
    files::{LakeTable, NewFile},
    slot::{self, Turn},
    tail::Tail,
};
use uuid::Uuid;

/// The application whose value in `findings` is the version of `events` that rules have seen.
pub const DETECTOR: &str = "detect";

/// How often a commit that took too long is begun again.
const RESTARTS: u32 = 3;

/// How a commit with a watermark ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TxnOutcome {
    /// Files and watermark are this version.
    Committed(u64),
    /// The watermark is not what was expected, but this; nothing was committed.
    Moved(Option<i64>),
}

/// A watermark that moves: application, its value before and after.
#[derive(Clone, Copy)]
struct Step<'a> {
    app: &'a str,
    expected: Option<i64>,
    value: i64,
}

impl Lake {
    /// Adds `adds` and moves the watermark of `app` from `expected` to `value`, both or neither. `token` is the
    /// caller's name for this commit, unique to it.
    ///
    /// # Errors
    /// After an error it is open whether the commit is there. Asked again with the same values, it is then
    /// [`TxnOutcome::Moved`] to `value`.
    pub async fn commit_with_txn(
        &self,
        table: LakeTable,
        adds: Vec<NewFile>,
        app: &str,
        expected: Option<i64>,
        value: i64,
        token: &str,
    ) -> Result<TxnOutcome, LakeError> {
        self.commit_files(table, &adds, Some(Step { app, expected, value }), token).await
    }

    /// Adds `adds` in one commit; returns its version.
    ///
    /// # Errors
    /// After an error it is open whether the commit is there, and asking again may add the same rows twice.
    pub async fn append_plain(&self, table: LakeTable, adds: Vec<NewFile>) -> Result<u64, LakeError> {
        let token = Uuid::new_v4().to_string();
        match self.commit_files(table, &adds, None, &token).await? {
            TxnOutcome::Committed(version) => Ok(version),
            TxnOutcome::Moved(_) => unreachable!("there is no watermark to be moved"),
        }
    }

    async fn commit_files(
        &self,
        table: LakeTable,
        adds: &[NewFile],
        step: Option<Step<'_>>,
        token: &str,
    ) -> Result<TxnOutcome, LakeError> {
        let mut earlier = None;
        let mut restarts = 0;
        let began = Moment::now();
        loop {
            let mut base = None;
            match self.commit_files_once(table, adds, step, token, earlier, &mut base).await {
                // Files that have waited for longer may be gone: see `vacuum`.
                Err(error)
                    if error.wants_reload()
                        && restarts < RESTARTS
                        && began.age() < self.settings.file_limit() =>
                {
                    restarts += 1;
                    earlier = earlier.or(base);
                    tracing::warn!(table = table.name(), %error, "beginning the commit again");
                }
                result => return result,
            }
        }
    }

    /// One attempt. `earlier` is the version from which an attempt that took too long may have committed after all;
    /// `base` gets the version this one begins from.
    async fn commit_files_once(
        &self,
        table: LakeTable,
        adds: &[NewFile],
        step: Option<Step<'_>>,
        token: &str,
        earlier: Option<u64>,
        base: &mut Option<u64>,
    ) -> Result<TxnOutcome, LakeError> {
        #[cfg(test)]
        self.settings.faults.reach(table, super::faults::Point::BeforeLoad).await?;
        let fresh = Moment::now();
        let state = self.writable_state(table).await?;
        if let Some(version) = self.find_token(table, earlier, token).await? {
            return Ok(TxnOutcome::Committed(version));
        }
        if let Some(step) = step {
            let current = self.txn_of(table, &state, step.app).await?;
            if current != step.expected {
                return Ok(TxnOutcome::Moved(current));
            }
        }
        *base = Some(state.version());
        let mut tail = Tail::new(self, table, state.version(), fresh, self.settings.age_limit);
        let draft = Draft { adds, txn: step.map(|step| (step.app, step.value)), token, ..Draft::default() };
        self.take_slot(&mut tail, &draft, step).await
    }

    /// Tries slot after slot, until the draft is in one or the watermark has moved.
    async fn take_slot(
        &self,
        tail: &mut Tail,
        draft: &Draft<'_>,
        step: Option<Step<'_>>,
    ) -> Result<TxnOutcome, LakeError> {
        let mut lost = 0;
        loop {
            let mut seen = Vec::new();
            #[cfg(test)]
            self.settings.faults.reach(tail.table, super::faults::Point::BeforePut).await?;
            if tail.is_aging() {
                tail.list(|commit| seen.push(commit)).await?;
            }
            let turn = if seen.is_empty() {
                slot::take(tail, draft, &self.settings, &mut seen).await?
            } else {
                Turn::Lost
            };
            if let Turn::Won(version) = turn {
                checkpoint::make_if_due(self, tail.table, version, &self.settings).await;
                #[cfg(test)]
                self.settings.faults.reach(tail.table, super::faults::Point::AfterCommit).await?;
                return Ok(TxnOutcome::Committed(version));
            }
            if let Some(value) = step.and_then(|step| last_value(&seen, step.app)) {
                return Ok(TxnOutcome::Moved(Some(value)));
            }
            if seen.iter().any(|commit| commit.alters) {
                self.writable_state(tail.table).await?;
            }
            lost += 1;
            self.settings.back_off(lost).await;
        }
    }

    /// The version behind `from` with this token. Only commits that hang together with `from` count: one that was
    /// written into the gap of a cleaned log is invisible.
    pub(super) async fn find_token(
        &self,
        table: LakeTable,
        from: Option<u64>,
        token: &str,
    ) -> Result<Option<u64>, LakeError> {
        let Some(from) = from else { return Ok(None) };
        let mut tail = Tail::new(self, table, from, Moment::now(), self.settings.age_limit);
        let mut found = None;
        let listed = tail
            .list(|commit| {
                if commit.token.as_deref() == Some(token) {
                    found = Some(commit.version);
                }
            })
            .await;
        match listed {
            Err(LakeError::LedgerIncomplete { .. }) => Ok(None),
            Err(error) => Err(error),
            Ok(()) => Ok(found),
        }
    }
}

/// The last value that `commits` store for `app`.
fn last_value(commits: &[Commit], app: &str) -> Option<i64> {
    let mut txns = commits.iter().flat_map(|commit| &commit.txns).rev();
    txns.find(|(other, _)| other == app).map(|(_, value)| *value)
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            faults::{Fault, Point},
            settings::CommitSettings,
            toy::{DAY, new_lake, settings, upload},
        },
        *,
    };
    use std::time::Duration;

    const FINDINGS: LakeTable = LakeTable::Findings;

    /// Moves the watermark of `detect` by one commit with one file.
    async fn step(lake: &Lake, expected: Option<i64>, value: i64) -> TxnOutcome {
        let add = upload(lake, FINDINGS, DAY, vec![]).await.unwrap();
        let token = Uuid::new_v4().to_string();
        lake.commit_with_txn(FINDINGS, vec![add], "detect", expected, value, &token).await.unwrap()
    }

    #[tokio::test]
    async fn files_and_watermark_move_together() {
        let (_folder, lake) = new_lake().await;
        assert_eq!(lake.txn(FINDINGS, "detect").await.unwrap(), None);
        assert_eq!(step(&lake, None, 5).await, TxnOutcome::Committed(1));
        assert_eq!(step(&lake, None, 6).await, TxnOutcome::Moved(Some(5)));
        assert_eq!(step(&lake, Some(5), 6).await, TxnOutcome::Committed(2));
        assert_eq!(lake.txn(FINDINGS, "detect").await.unwrap(), Some(6));
        assert_eq!(lake.snapshot(FINDINGS, None).await.unwrap().files.len(), 2);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn of_those_who_move_it_one_wins() {
        let (_folder, lake) = new_lake().await;
        let race = (0..6).map(|_| {
            let lake = lake.clone().with_settings(settings(&[(Point::Put, Fault::OwnSlotTaken)]));
            tokio::spawn(async move { step(&lake, None, 1).await })
        });
        let mut outcomes = vec![];
        for writer in race.collect::<Vec<_>>() {
            outcomes.push(writer.await.unwrap());
        }
        outcomes.retain(|outcome| *outcome != TxnOutcome::Moved(Some(1)));
        assert_eq!(outcomes, [TxnOutcome::Committed(1)]);
        assert_eq!(lake.latest_version(FINDINGS).await.unwrap(), 1);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn other_applications_do_not_disturb() {
        let (_folder, lake) = new_lake().await;
        let race = (0..5).map(|app| {
            let lake = lake.clone();
            tokio::spawn(async move {
                let app = format!("app{app}");
                lake.commit_with_txn(FINDINGS, vec![], &app, None, 1, &app).await.unwrap()
            })
        });
        for writer in race.collect::<Vec<_>>() {
            assert!(matches!(writer.await.unwrap(), TxnOutcome::Committed(_)));
        }
        assert_eq!(lake.latest_version(FINDINGS).await.unwrap(), 5);
    }

    #[tokio::test]
    async fn faults_and_stalls_commit_once() {
        for fault in [Fault::LostResponse, Fault::OwnSlotTaken, Fault::Conflict, Fault::Reset] {
            let (_folder, lake) = new_lake().await;
            let lake = lake.with_settings(settings(&[(Point::Put, fault)]));
            assert_eq!(step(&lake, None, 1).await, TxnOutcome::Committed(1));
            let age_limit = Duration::from_millis(300);
            let stall = (Point::BeforePut, Fault::Stall(age_limit * 2));
            let slow = CommitSettings { age_limit, ..settings(&[stall, (Point::Put, fault)]) };
            assert_eq!(step(&lake.with_settings(slow), Some(1), 2).await, TxnOutcome::Committed(2));
        }
    }

    #[tokio::test]
    async fn plain_appends_follow_each_other() {
        let (_folder, lake) = new_lake().await;
        for version in 1..4 {
            let add = upload(&lake, LakeTable::Notifications, DAY, vec![]).await.unwrap();
            assert_eq!(lake.append_plain(LakeTable::Notifications, vec![add]).await.unwrap(), version);
        }
    }
}
