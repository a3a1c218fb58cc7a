//! What one log object may cost, as flags of `trailhound ingest`.

use clap::Args;
use trailhound_ingest::config::Limits;

/// Limits on one log object; what passes one is quarantined, with a reason that names the flag.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Limits on one log object")]
pub(crate) struct LimitFlags {
    /// Bytes that may be unwrapped from it: inflated, decoded, unescaped.
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().max_inflated)]
    max_inflated: usize,
    /// Times that compressed data may grow; asked above 16 MiB only.
    #[arg(long, value_name = "TIMES", default_value_t = Limits::default().max_ratio)]
    max_ratio: usize,
    /// Bytes of a record.
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().max_record_bytes)]
    max_record_bytes: usize,
    /// Levels that a value in a record may be nested, up to 1024.
    #[arg(long, value_name = "LEVELS", default_value_t = Limits::default().max_depth)]
    max_depth: usize,
    /// Records, good or bad.
    #[arg(long, value_name = "RECORDS", default_value_t = Limits::default().max_records)]
    max_records: usize,
}

impl From<LimitFlags> for Limits {
    fn from(flags: LimitFlags) -> Self {
        let LimitFlags { max_inflated, max_ratio, max_record_bytes, max_depth, max_records } = flags;
        Self { max_inflated, max_ratio, max_record_bytes, max_depth, max_records, ..Self::default() }
    }
}
