//! A bar with objects, events per second and the time left; on a terminal only.

use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use trailhound_ingest::Progress;

/// Shows how a run gets on.
#[derive(Debug)]
pub(crate) struct Bar {
    bar: ProgressBar,
    noun: &'static str,
    records: AtomicU64,
    objects: AtomicU64,
}

impl Bar {
    /// A bar for an ingest.
    pub(crate) fn new() -> Self {
        Self::of("objects")
    }

    /// A bar on stderr that counts what is called so; hidden where that is no terminal, or `TRAILHOUND_NO_PROGRESS` is set.
    pub(crate) fn of(noun: &'static str) -> Self {
        let shown = std::io::stderr().is_terminal() && std::env::var_os("TRAILHOUND_NO_PROGRESS").is_none();
        let bar = if shown { ProgressBar::new(0) } else { ProgressBar::hidden() };
        let style = "{bar:30} {bytes}/{total_bytes} {msg} {eta} left";
        bar.set_style(ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar()));
        if shown {
            bar.enable_steady_tick(Duration::from_millis(200));
        }
        Self { bar, noun, records: AtomicU64::new(0), objects: AtomicU64::new(0) }
    }

    /// Takes the bar off the screen.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

impl Progress for Bar {
    fn found(&self, _objects: u64, bytes: u64) {
        self.bar.set_length(bytes);
    }

    fn done(&self, records: u64, bytes: u64) {
        if self.bar.is_hidden() {
            return;
        }
        let records = self.records.fetch_add(records, Ordering::Relaxed) + records;
        let objects = self.objects.fetch_add(1, Ordering::Relaxed) + 1;
        if records == 0 {
            self.bar.set_message(format!("{objects} {},", self.noun));
            return self.bar.inc(bytes);
        }
        let rate = u128::from(records) * 1000 / self.bar.elapsed().as_millis().max(1);
        self.bar.set_message(format!("{objects} {}, {rate} events/s,", self.noun));
        self.bar.inc(bytes);
    }
}
