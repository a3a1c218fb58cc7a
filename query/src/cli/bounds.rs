//! What one query may cost, as flags of the verbs that ask.

use super::patience::span;
use crate::limits::Limits;
use clap::Args;
use std::io::IsTerminal;
use std::time::Duration;

/// Rows that are printed on a terminal, unless told otherwise.
const ON_A_TERMINAL: usize = 10_000;

/// Limits on one query.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Limits on one query")]
pub(crate) struct BoundFlags {
    /// Bytes of memory that rows may take; beyond, sorts, joins and groups spill to disk. The process takes about 100 MB more.
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().memory)]
    memory: usize,
    /// Bytes of temporary files in a private folder below `TMPDIR`, which goes with the query; 0 spills nothing.
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().spill)]
    spill_bytes: u64,
    /// How long a query may work; the time that it waits for whoever reads its rows does not count.
    #[arg(long, value_name = "TIME", value_parser = span, default_value = "1h")]
    timeout: Duration,
    /// Rows that are printed; stderr says when there are more. 0 is all of them; without the flag, a terminal gets 10000,
    /// and everything else all.
    #[arg(long, value_name = "N")]
    max_rows: Option<usize>,
}

impl BoundFlags {
    /// The limits of the engine.
    pub(crate) fn limits(&self) -> Limits {
        Limits { memory: self.memory, spill: self.spill_bytes }
    }

    /// How long a query may work.
    pub(crate) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Rows that are printed at most.
    pub(crate) fn max_rows(&self) -> Option<usize> {
        match self.max_rows {
            Some(0) => None,
            Some(rows) => Some(rows),
            None => std::io::stdout().is_terminal().then_some(ON_A_TERMINAL),
        }
    }
}
