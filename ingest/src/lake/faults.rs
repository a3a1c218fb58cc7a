//! What tests do to a commit: faults at named points.

use super::error::LakeError;
use deltalake::{ObjectStoreError, kernel::transaction::TransactionError};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

/// A place in a commit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Point {
    BeforeWrite,
    AfterWrite,
    BeforePut,
    Put,
    AfterPut,
    BeforeCheckpoint,
}

/// What happens there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fault {
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
    /// The PUT is not applied, the connection is reset.
    Reset,
}

/// Faults in the order in which they are due.
#[derive(Clone, Default, Debug)]
pub(super) struct Faults(Arc<Mutex<VecDeque<(Point, Fault)>>>);

impl Faults {
    pub(super) fn plan(&self, point: Point, fault: Fault) {
        self.0.lock().unwrap().push_back((point, fault));
    }

    pub(super) fn are_all_done(&self) -> bool {
        self.0.lock().unwrap().is_empty()
    }

    /// The fault that is due at `point`.
    pub(super) fn take(&self, point: Point) -> Option<Fault> {
        let mut due = self.0.lock().unwrap();
        due.pop_front_if(|(at, _)| *at == point).map(|(_, fault)| fault)
    }

    /// Goes through what is due at a point that is not the PUT itself.
    pub(super) async fn reach(&self, point: Point) -> Result<(), LakeError> {
        match self.take(point) {
            Some(Fault::Crash) => Err(LakeError::Crash(format!("{point:?}"))),
            Some(Fault::Stall(time)) => {
                tokio::time::sleep(time).await;
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

impl Fault {
    pub(super) fn applies_the_put(self) -> bool {
        matches!(self, Self::LostResponse | Self::OwnSlotTaken)
    }

    pub(super) fn error(self, version: u64) -> TransactionError {
        match self {
            Self::OwnSlotTaken | Self::Conflict => TransactionError::VersionAlreadyExists(version),
            _ => ObjectStoreError::Generic { store: "test", source: "connection reset".into() }.into(),
        }
    }
}
