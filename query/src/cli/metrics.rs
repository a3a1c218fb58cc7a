//! `--metrics-namespace`: the counters of a run as a line that CloudWatch turns into metrics.

use clap::Args;
use std::io::{self, Write};
use std::sync::OnceLock;
use trailhound_ingest::metrics::{self, Metric};

/// Where metrics go.
#[derive(Clone, Debug, Args)]
pub(crate) struct MetricsFlags {
    /// After the run, print its counters on stdout as a line that CloudWatch turns into metrics of this namespace
    /// (embedded metric format).
    #[arg(long, global = true, env = "TRAILHOUND_METRICS_NAMESPACE", value_name = "NAME")]
    metrics_namespace: Option<String>,
}

static NAMESPACE: OnceLock<String> = OnceLock::new();

impl MetricsFlags {
    /// Makes this the namespace of the process; what was set first stays.
    pub(crate) fn set(self) {
        if let Some(namespace) = self.metrics_namespace {
            let _ = NAMESPACE.set(namespace);
        }
    }
}

/// Prints the metrics of a verb, if somebody wants them.
pub(crate) fn tell(verb: &str, metrics: &[Metric]) -> io::Result<()> {
    match NAMESPACE.get() {
        Some(namespace) => writeln!(io::stdout(), "{}", metrics::line(namespace, verb, metrics)),
        None => Ok(()),
    }
}

#[expect(clippy::cast_precision_loss, reason = "CloudWatch has no other numbers")]
pub(crate) fn count(value: usize) -> f64 {
    value as f64
}
