//! What tests do to a commit: faults at named points.

use super::{LakeTable, error::LakeError};
use deltalake::{ObjectStoreError, kernel::transaction::TransactionError};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};
use url::Url;

/// A place in a commit, in the order in which one is passed through.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Point {
    BeforeLoad,
    BeforeWrite,
    /// The PUT of a data file.
    Upload,
    AfterWrite,
    BeforePut,
    /// The PUT of the commit.
    Put,
    AfterPut,
    BeforeCheckpoint,
    AfterCommit,
}

/// What happens there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fault {
    /// The process ends.
    Crash,
    /// Time passes.
    Stall(Duration),
    /// The PUT is applied, the answer is lost.
    LostResponse,
    /// The PUT is applied, retried below us, and the retry finds the slot taken.
    OwnSlotTaken,
    /// The PUT is not applied, and the storage says 409, which the library reports as a taken slot.
    Conflict,
    /// The PUT is not applied, the storage says 503 until the library gives up.
    Unavailable,
    /// The PUT is not applied, the connection is reset.
    Reset,
}

/// A fault that is due, at one table or at whichever gets there first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Due {
    table: Option<LakeTable>,
    point: Point,
    fault: Fault,
}

/// Faults in the order in which they are due.
#[derive(Clone, Default, Debug)]
pub(crate) struct Faults(Arc<Mutex<VecDeque<Due>>>);

impl Faults {
    pub(super) fn plan(&self, point: Point, fault: Fault) {
        self.0.lock().unwrap().push_back(Due { table: None, point, fault });
    }

    pub(crate) fn plan_at(&self, table: LakeTable, point: Point, fault: Fault) {
        self.0.lock().unwrap().push_back(Due { table: Some(table), point, fault });
    }

    pub(crate) fn are_all_done(&self) -> bool {
        self.0.lock().unwrap().is_empty()
    }

    /// The fault that is due at `point` of `table`.
    pub(super) fn take(&self, table: LakeTable, point: Point) -> Option<Fault> {
        let mut due = self.0.lock().unwrap();
        let is_due = |due: &mut Due| due.point == point && due.table.is_none_or(|at| at == table);
        due.pop_front_if(is_due).map(|due| due.fault)
    }

    /// Goes through what is due at a point that is not a PUT.
    pub(crate) async fn reach(&self, table: LakeTable, point: Point) -> Result<(), LakeError> {
        match self.take(table, point) {
            None => Ok(()),
            Some(fault) => fault.happen(table, point).await,
        }
    }

    /// Goes through what is due before a data file is written; true if the file is, and nobody hears of it.
    pub(super) async fn upload(&self, table: LakeTable) -> Result<bool, LakeError> {
        match self.take(table, Point::Upload) {
            Some(fault) if fault.applies_the_put() => Ok(true),
            Some(fault) => fault.happen(table, Point::Upload).await.map(|()| false),
            None => Ok(false),
        }
    }
}

impl Fault {
    async fn happen(self, table: LakeTable, point: Point) -> Result<(), LakeError> {
        match self {
            Self::Crash => Err(LakeError::Crash(format!("{point:?}"))),
            Self::Stall(time) => {
                tokio::time::sleep(time).await;
                Ok(())
            }
            other => Err(other.storage(table)),
        }
    }

    pub(super) fn applies_the_put(self) -> bool {
        matches!(self, Self::LostResponse | Self::OwnSlotTaken)
    }

    pub(super) fn error(self, version: u64) -> TransactionError {
        match self {
            Self::OwnSlotTaken | Self::Conflict => TransactionError::VersionAlreadyExists(version),
            other => ObjectStoreError::Generic { store: "test", source: other.says().into() }.into(),
        }
    }

    /// What is heard of it where no version is written.
    pub(super) fn storage(self, table: LakeTable) -> LakeError {
        LakeError::storage(&Url::parse("test:///").unwrap(), table, "reach", self.says())
    }

    fn says(self) -> &'static str {
        match self {
            Self::Unavailable => "503 Slow Down",
            Self::Conflict => "409 ConditionalRequestConflict",
            _ => "connection reset",
        }
    }
}
