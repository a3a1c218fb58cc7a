//! A line that says that a long query is at work, and how far it is; on a terminal only.

use datafusion::physical_plan::ExecutionPlan;
use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

/// How long a query may take before anything is said.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often the line is written anew.
const EVERY: Duration = Duration::from_millis(200);

/// Says how far the work is.
pub(crate) type Told = Arc<dyn Fn() -> String + Send + Sync>;

/// The line.
pub(crate) struct Working {
    plan: Arc<Mutex<Option<Arc<dyn ExecutionPlan>>>>,
    line: Option<(ProgressBar, JoinHandle<()>)>,
}

impl Working {
    /// The line of a query that begins now; hidden where stderr is no terminal, or `TRAILHOUND_NO_PROGRESS` is set.
    pub(crate) fn new(aside: &Handle, told: Option<Told>, quiet: bool) -> Self {
        let plan = Arc::new(Mutex::new(None));
        let is_off = quiet || std::env::var_os("TRAILHOUND_NO_PROGRESS").is_some();
        let shown = !is_off && std::io::stderr().is_terminal();
        let line = shown.then(|| {
            let bar = ProgressBar::hidden();
            (bar.clone(), aside.spawn(show(bar, Arc::clone(&plan), told)))
        });
        Self { plan, line }
    }

    /// What is executed is known.
    pub(crate) fn plan(&self, plan: Arc<dyn ExecutionPlan>) {
        *self.plan.lock().unwrap_or_else(PoisonError::into_inner) = Some(plan);
    }

    /// Takes the line off the screen.
    pub(crate) async fn finish(&mut self) {
        let Some((bar, task)) = self.line.take() else { return };
        task.abort();
        let _ = task.await;
        bar.finish_and_clear();
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        if let Some((bar, task)) = self.line.take() {
            task.abort();
            bar.finish_and_clear();
        }
    }
}

async fn show(bar: ProgressBar, plan: Arc<Mutex<Option<Arc<dyn ExecutionPlan>>>>, told: Option<Told>) {
    tokio::time::sleep(PATIENCE).await;
    let style = ProgressStyle::with_template("{spinner} {elapsed} {msg} (Ctrl-C cancels)");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
    bar.set_draw_target(indicatif::ProgressDrawTarget::stderr());
    loop {
        let plan = plan.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let read = plan.map_or_else(|| "planning".to_owned(), |plan| read(plan.as_ref()));
        bar.set_message(told.as_ref().map_or(read, |told| told()));
        bar.tick();
        tokio::time::sleep(EVERY).await;
    }
}

/// What the scans of a plan have read so far.
fn read(plan: &dyn ExecutionPlan) -> String {
    let (rows, bytes) = scanned(plan);
    format!("{} read, {} rows fit", HumanBytes(bytes), HumanCount(rows))
}

/// Rows that the leaves of a plan gave, and bytes that they read.
fn scanned(plan: &dyn ExecutionPlan) -> (u64, u64) {
    let children = plan.children();
    if children.is_empty() {
        let Some(metrics) = plan.metrics() else { return (0, 0) };
        let bytes = metrics.sum_by_name("bytes_scanned").map_or(0, |value| value.as_usize());
        return (metrics.output_rows().unwrap_or(0) as u64, bytes as u64);
    }
    children.iter().map(|child| scanned(child.as_ref())).fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1))
}
