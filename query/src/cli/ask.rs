//! One question, with what surrounds it: its limits, its progress, and the wish to stop.
//!
//! The query runs as a task of its own, and this end only waits: for rows, for a signal, or for the time to be over. Who
//! waits can stop waiting at once, whatever the query does.

use super::signals::{Halt, Signals};
use super::working::{Told, Working};
use crate::engine::{Engine, Running};
use crate::output::Printer;
use crate::rules::params::Values;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::physical_plan::ExecutionPlan;
use futures::StreamExt;
use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Batches that may wait to be printed.
const WAITING: usize = 2;

/// A question.
pub(crate) struct Question<'a> {
    /// In SQL.
    pub(crate) text: &'a str,
    /// For its `$names`.
    pub(crate) values: &'a Values,
    pub(crate) engine: &'a Arc<Engine>,
    /// How long it may work.
    pub(crate) timeout: Duration,
    /// Rows that are printed at most.
    pub(crate) max_rows: Option<usize>,
    /// What is said while it works, beside what its plan tells.
    pub(crate) told: Option<Told>,
    /// Nothing is said while it works.
    pub(crate) quiet: bool,
}

/// What came of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Answered {
    /// Rows that were printed.
    pub(crate) rows: usize,
    /// Whether there are more.
    pub(crate) more: bool,
    /// How long it worked.
    pub(crate) took: Duration,
}

impl Question<'_> {
    /// Prints the answer on what `printer` makes, once the columns are known; `begin` is called before its first line.
    ///
    /// # Errors
    /// Those of the query, of the printer, or [`Halt`].
    pub(crate) async fn ask<W: Write + Send>(
        &self,
        printer: impl FnOnce(SchemaRef) -> Printer<W>,
        begin: &(dyn Fn() + Sync),
    ) -> anyhow::Result<Answered> {
        let signals = Signals::watch()?;
        let (mut coming, began) = (signals.coming(), Instant::now());
        let mut deadline = Deadline::new(signals.aside().clone(), self.timeout);
        let (task, mut messages) = self.start();
        let mut task = Aborted(task);
        let mut working = Working::new(signals.aside(), self.told.clone(), self.quiet);
        let (mut printer, mut open) = (None, Some(printer));
        let mut answered = Answered { rows: 0, more: false, took: Duration::ZERO };
        loop {
            let message = tokio::select! {
                biased;
                signal = coming.next() => return Err(Halt::Stopped(signal).into()),
                () = deadline.passed() => return Err(Halt::TimedOut(self.timeout).into()),
                message = messages.recv() => message,
            };
            let since = Instant::now();
            match message {
                None => break,
                Some(Message::Begun(schema, plan)) => {
                    working.plan(plan);
                    printer = open.take().map(|open| open(schema));
                }
                Some(Message::Rows(batch)) => {
                    working.finish().await;
                    begin();
                    let left = self.max_rows.map_or(usize::MAX, |most| most - answered.rows);
                    answered.more = batch.num_rows() > left;
                    let batch = batch.slice(0, batch.num_rows().min(left));
                    answered.rows += batch.num_rows();
                    printer.as_mut().map_or(Ok(()), |printer| printer.write(&batch))?;
                    if answered.more {
                        break;
                    }
                }
            }
            deadline.pause(since.elapsed());
        }
        working.finish().await;
        if !answered.more {
            task.done().await?;
        }
        answered.took = began.elapsed();
        begin();
        printer.map_or(Ok(()), Printer::finish)?;
        Ok(answered)
    }

    /// Lets the query run.
    fn start(&self) -> (JoinHandle<Result<(), crate::Error>>, mpsc::Receiver<Message>) {
        let (sender, receiver) = mpsc::channel(WAITING);
        let (engine, text, values) = (Arc::clone(self.engine), self.text.to_owned(), self.values.clone());
        // One more than is printed, to see whether there are more.
        let most = self.max_rows.map(|most| most.saturating_add(1));
        let task = tokio::spawn(async move {
            let Running { schema, mut rows, plan } = engine.start(&text, &values, most).await?;
            drop(engine);
            let mut message = Message::Begun(schema, plan);
            // Nobody listens any more when the answer is long enough.
            while sender.send(message).await.is_ok() {
                match rows.next().await {
                    Some(batch) => message = Message::Rows(batch?),
                    None => break,
                }
            }
            Ok(())
        });
        (task, receiver)
    }
}

/// What the task has to say.
enum Message {
    Begun(SchemaRef, Arc<dyn ExecutionPlan>),
    Rows(RecordBatch),
}

/// A task that ends with whoever waits for it.
struct Aborted(JoinHandle<Result<(), crate::Error>>);

impl Aborted {
    async fn done(&mut self) -> anyhow::Result<()> {
        Ok((&mut self.0).await??)
    }
}

impl Drop for Aborted {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The end of a query's time, which is put off by as long as we did other things.
struct Deadline {
    aside: Handle,
    timer: JoinHandle<()>,
    put_off: Duration,
}

impl Deadline {
    fn new(aside: Handle, after: Duration) -> Self {
        let timer = Self::timer(&aside, after);
        Self { aside, timer, put_off: Duration::ZERO }
    }

    fn timer(aside: &Handle, after: Duration) -> JoinHandle<()> {
        aside.spawn(async move { tokio::time::sleep(after).await })
    }

    fn pause(&mut self, time: Duration) {
        self.put_off += time;
    }

    async fn passed(&mut self) {
        loop {
            let _ = (&mut self.timer).await;
            let more = std::mem::take(&mut self.put_off);
            // Another timer, so that who waits once more does not meet one that is done.
            self.timer = Self::timer(&self.aside, more);
            if more.is_zero() {
                return;
            }
        }
    }
}

impl Drop for Deadline {
    fn drop(&mut self) {
        self.timer.abort();
    }
}
