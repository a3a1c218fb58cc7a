//! What queries may take of the machine: memory, and disk once that is full.

use crate::error::Error;
use datafusion::common::config::ConfigOptions;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use tempfile::TempDir;

/// The limits of all queries of an engine together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Bytes of memory that rows may take before they are spilled, or the query fails.
    pub memory: usize,
    /// Bytes of temporary files; with 0, nothing is spilled.
    pub spill: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { memory: 2 << 30, spill: 10 << 30 }
    }
}

/// The smallest part of the memory that a sort keeps for the merge of what it spilled.
const MERGE: usize = 32;

impl Limits {
    /// What queries run in, with the object stores of `before`; and the folder that they spill to.
    pub(crate) fn runtime(&self, before: &RuntimeEnv) -> Result<(Arc<RuntimeEnv>, Option<TempDir>), Error> {
        let folder = if self.spill == 0 { None } else { folder() };
        let mode = match &folder {
            Some(folder) => DiskManagerMode::Directories(vec![folder.path().to_owned()]),
            None => DiskManagerMode::Disabled,
        };
        let disk = DiskManagerBuilder::default().with_mode(mode).with_max_temp_directory_size(self.spill);
        let runtime = RuntimeEnvBuilder::from_runtime_env(before)
            .with_memory_pool(Arc::new(FairSpillPool::new(self.memory)))
            .with_disk_manager_builder(disk);
        Ok((runtime.build_arc()?, folder))
    }

    /// Settings of the engine that follow from the limits.
    pub(crate) fn configure(&self, options: &mut ConfigOptions) {
        let reserved = &mut options.execution.sort_spill_reservation_bytes;
        *reserved = (*reserved).min(self.memory / MERGE);
    }
}

/// What engines begin with.
pub(crate) fn usual() -> Result<Arc<RuntimeEnv>, Error> {
    let pool = Arc::new(FairSpillPool::new(Limits::default().memory));
    Ok(RuntimeEnvBuilder::new().with_memory_pool(pool).build_arc()?)
}

/// A folder that nobody else can look into: what is spilled are rows of the log. Where none can be made, as on a disk
/// that is read-only, queries do without.
fn folder() -> Option<TempDir> {
    let made =
        tempfile::Builder::new().prefix("trailhound-").permissions(Permissions::from_mode(0o700)).tempdir();
    match made {
        Ok(folder) => Some(folder),
        Err(error) => {
            let place = std::env::temp_dir();
            tracing::warn!(%error, place = %place.display(), "no folder to spill to; queries have memory alone");
            None
        }
    }
}
