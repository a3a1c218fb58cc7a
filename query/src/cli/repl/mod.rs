//! A session: statements and commands from a person, or from a pipe.
//!
//! A line comes from [`talk`] or [`read`](Repl::read); it is cut into [`statements`] or is one of the [`commands`]; answers
//! go through the [`pager`]. On a terminal, [`complete`] knows the names, among them the JSON [`paths`] that are in the lake;
//! [`state`] keeps what outlives a session.

mod talk;
mod statements;
mod commands;
mod describe;
mod names;
mod complete;
mod paths;
mod pager;
mod state;

use super::ask::Question;
use super::bounds::BoundFlags;
use super::screen::screen;
use super::signals::{Halt, Signal, Signals};
use super::sql::{say_more, stdout};
use super::working::Told;
use super::{Outcome, say};
use crate::engine::Engine;
use crate::output::{Format, Printer};
use crate::rules::params::Values;
use commands::Command;
use state::State;
use statements::Statements;
use std::io::{BufRead, Read, Write};
use std::sync::Arc;
use trailhound_ingest::lake::Lake;
use trailhound_ingest::raw::Raw;

/// Bytes of a statement.
const MOST: usize = 1 << 20;

/// What a session asks.
pub(super) enum Source {
    /// A lake.
    Lake(Lake),
    /// Log files.
    Raw(Arc<Raw>),
}

/// A session.
pub(super) struct Repl {
    engine: Arc<Engine>,
    source: Arc<Source>,
    bounds: BoundFlags,
    state: Arc<State>,
    format: Format,
    expanded: bool,
    timing: bool,
    /// The last statement, for `\save`.
    last: Option<String>,
    /// Where answers are paged; `None` where nobody reads them.
    screen: Option<pager::Screen>,
}

/// Whether a session goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Next {
    Go,
    Quit,
}

impl Repl {
    pub(super) fn new(engine: Arc<Engine>, source: Source, format: Format, bounds: BoundFlags) -> Self {
        let (source, state) = (Arc::new(source), Arc::new(State::of_user()));
        let (expanded, timing, last, screen) = (false, false, None, None);
        Self { engine, source, bounds, state, format, expanded, timing, last, screen }
    }

    /// Does what is on a pipe, statement by statement, until one fails.
    pub(super) async fn read(mut self, mut input: impl BufRead) -> anyhow::Result<Outcome> {
        let signals = Signals::watch()?;
        let (mut statements, mut any) = (Statements::default(), false);
        loop {
            let mut line = Vec::new();
            {
                let _idle = signals.idle(self.engine.spill().map(Into::into));
                (&mut input).take(MOST as u64 + 1).read_until(b'\n', &mut line)?;
            }
            let is_end = line.is_empty();
            let line =
                String::from_utf8(line).map_err(|_| anyhow::anyhow!("a statement on stdin is no UTF-8"))?;
            let mut next = Next::Go;
            if statements.is_empty() && Command::is(&line) {
                any = true;
                next = self.command(line.trim()).await?;
            } else {
                for statement in if is_end { statements.end() } else { statements.add(&line) } {
                    any = true;
                    self.statement(&statement).await?;
                }
            }
            if statements.len() > MOST {
                anyhow::bail!("a statement on stdin is longer than {MOST} bytes\nhint: end each with ;");
            }
            if is_end || next == Next::Quit {
                break;
            }
        }
        if !any {
            anyhow::bail!("there is no statement on stdin\nhint: echo \"SELECT 1\" | trailhound sql");
        }
        Ok(Outcome::Done)
    }

    /// Does a line, or several that belong together; what fails is told, and the session goes on.
    async fn line(&mut self, line: &str) -> anyhow::Result<Next> {
        let done = if Command::is(line) {
            self.command(line.trim()).await
        } else {
            self.statements(line).await.map(|()| Next::Go)
        };
        done.or_else(|error| match error.downcast_ref::<Halt>() {
            Some(Halt::Stopped(Signal::Terminate)) => Err(error),
            Some(Halt::Stopped(Signal::Interrupt)) => {
                say("cancelled");
                Ok(Next::Go)
            }
            // Whoever left the pager has seen enough.
            None if super::is_broken_pipe(&error) => Ok(Next::Go),
            _ => {
                say(&format!("error: {error}"));
                Ok(Next::Go)
            }
        })
    }

    async fn statements(&mut self, text: &str) -> anyhow::Result<()> {
        let mut statements = Statements::default();
        let mut all = statements.add(text);
        all.extend(statements.end());
        for statement in all {
            self.statement(&statement).await?;
        }
        Ok(())
    }

    async fn statement(&mut self, text: &str) -> anyhow::Result<()> {
        self.last = Some(text.to_owned());
        let question = Question {
            text,
            values: &Values::new(),
            engine: &self.engine,
            timeout: self.bounds.timeout(),
            max_rows: self.bounds.max_rows(),
            told: self.told(),
            quiet: false,
        };
        let (format, expanded) = (self.format, self.expanded && self.format == Format::Table);
        let printer = |schema| {
            let out = self.out();
            if expanded {
                Printer::expanded(schema, out)
            } else {
                Printer::new(schema, format, out).on(screen())
            }
        };
        let answered = question.ask(printer, &|| ()).await?;
        say_more(answered);
        let rows = answered.rows;
        let rows = format!("{rows} {}", if rows == 1 { "row" } else { "rows" });
        if self.timing {
            say(&format!("{rows}, {:.3} s", answered.took.as_secs_f64()));
        } else if self.screen.is_some() {
            say(&rows);
        }
        Ok(())
    }

    /// How far log files are read; scans of a lake tell by themselves.
    fn told(&self) -> Option<Told> {
        let Source::Raw(raw) = self.source.as_ref() else { return None };
        let raw = Arc::clone(raw);
        let before = raw.report();
        Some(Arc::new(move || {
            let (now, of) = (raw.report(), raw.objects().len());
            let (files, records) = (now.objects - before.objects, now.records_read - before.records_read);
            format!("{files} of {of} files read, {records} records")
        }))
    }

    /// How lists of ours are printed.
    fn listing(&self) -> Format {
        if matches!(self.format, Format::Cloudtrail | Format::Chart) { Format::Table } else { self.format }
    }

    /// Where an answer goes.
    fn out(&self) -> Box<dyn Write + Send> {
        match &self.screen {
            Some(screen) => screen.open(self.format.is_json()),
            None => stdout(self.format),
        }
    }
}
