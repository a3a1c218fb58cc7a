//! `trailhound sql ["QUERY"] --lake URL`, or `--raw SRC`; without a query, a session or statements on stdin

use super::ask::{Answered, Question};
use super::bounds::BoundFlags;
use super::ingest::{outcome, say_problems};
use super::progress::Bar;
use super::range::Range;
use super::repl::{self, Repl};
use super::screen::screen;
use super::signals::unless_stopped;
use super::{Outcome, say};
use crate::engine::Engine;
use crate::output::{Format, Printer, Shown};
use crate::rules::params::Values;
use clap::Args;
use std::io::{BufWriter, IsTerminal, Write};
use std::sync::Arc;
use trailhound_ingest::IngestConfig;
use trailhound_ingest::config::Policy;
use trailhound_ingest::lake::Lake;
use trailhound_ingest::privacy::Privacy;
use trailhound_ingest::raw::Raw;

/// Ask the lake a question, or log files as they are.
#[derive(Debug, Args)]
pub(crate) struct Sql {
    /// One statement that reads; tables: cloudtrail, aggregated, logfiles, quarantine, findings, notifications,
    /// `activity_hourly`, `baselines`, `actor_chain`; queries for Athena and CloudTrail Lake run as they are. Without it,
    /// statements are read from stdin; a terminal gets a session, in which `\help` tells more.
    // A query may begin with a comment, `-- who`.
    #[arg(allow_hyphen_values = true)]
    pub(crate) query: Option<String>,
    /// The lake: a folder, or `s3://bucket/prefix`.
    #[arg(long, env = "TRAILHOUND_LAKE", default_value = "trailhound-lake")]
    pub(crate) lake: String,
    /// Ask these log files instead of a lake: a file, a folder, or `s3://bucket/prefix`; can be given more than once. The
    /// tables are cloudtrail and `actor_chain`, and an event that was delivered twice is there twice.
    #[arg(long, value_name = "SRC")]
    pub(crate) raw: Vec<String>,
    #[command(flatten)]
    pub(crate) range: Range,
    /// How the answer is printed.
    #[arg(long, default_value = "table")]
    pub(crate) format: Format,
    /// Do not keep the statements of a session, which otherwise are in a file that only you can read.
    #[arg(long)]
    pub(crate) no_history: bool,
    #[command(flatten)]
    pub(crate) bounds: BoundFlags,
}

/// What is asked.
enum Ground {
    Lake(Lake),
    Raw(Arc<Raw>, Arc<Bar>),
}

impl Sql {
    pub(crate) async fn run(self, privacy: &Privacy) -> anyhow::Result<Outcome> {
        Ok(self.ask(&Values::new(), privacy).await?.0)
    }

    /// The same with values for the `$names` of the query; and how many rows were printed.
    pub(crate) async fn ask(self, values: &Values, privacy: &Privacy) -> anyhow::Result<(Outcome, usize)> {
        if self.range.is_given() && self.raw.is_empty() {
            anyhow::bail!(
                "--since and --until are for --raw\nhint: in a lake, say WHERE eventTime >= '2026-03-17'"
            );
        }
        if self.format == Format::Parquet && std::io::stdout().is_terminal() {
            anyhow::bail!("a Parquet file is nothing for a terminal\nhint: trailhound sql … > FILE");
        }
        // What opens a lake is large while it waits.
        let (engine, ground) = unless_stopped(Box::pin(self.open(privacy))).await?;
        let Some(query) = &self.query else {
            return Ok((self.session(engine, ground).await?, 0));
        };
        let bar = match &ground {
            Ground::Raw(_, bar) => Some(Arc::clone(bar)),
            Ground::Lake(_) => None,
        };
        let begin = || {
            if let Some(bar) = &bar {
                bar.finish();
            }
        };
        let question = Question {
            text: query,
            values,
            engine: &engine,
            timeout: self.bounds.timeout(),
            max_rows: self.bounds.max_rows(),
            // A bar is there already.
            told: None,
            quiet: bar.is_some(),
        };
        let format = self.format;
        let answered =
            question.ask(|schema| Printer::new(schema, format, stdout(format)).on(screen()), &begin).await;
        begin();
        let answered = answered?;
        say_more(answered);
        let Ground::Raw(raw, _) = &ground else { return Ok((Outcome::Done, answered.rows)) };
        let report = raw.report();
        say_problems(&report);
        say(&format!(
            "{} records in {} of {} files read, {} quarantined",
            report.records_read,
            report.objects,
            raw.objects().len(),
            report.quarantined
        ));
        Ok((outcome(&report, false), answered.rows))
    }

    /// The engine over what is asked.
    async fn open(&self, privacy: &Privacy) -> anyhow::Result<(Arc<Engine>, Ground)> {
        let (engine, ground) = if self.raw.is_empty() {
            let lake = Lake::open(&self.lake).await?;
            (Engine::open(&lake).await?, Ground::Lake(lake))
        } else {
            let bar = Arc::new(Bar::new());
            let config = IngestConfig {
                days: self.range.days()?,
                policy: Policy { filters: vec![], redaction: privacy.redaction()? },
                ..IngestConfig::new(self.raw.clone(), String::new())
            };
            let raw = Raw::find(config, Arc::clone(&bar) as Arc<dyn trailhound_ingest::Progress>).await;
            if raw.is_err() || self.query.is_none() {
                bar.finish();
            }
            let raw = Arc::new(raw?);
            (Engine::raw(Arc::clone(&raw))?, Ground::Raw(raw, bar))
        };
        Ok((Arc::new(engine.within(self.bounds.limits())?), ground))
    }

    /// Many statements.
    async fn session(&self, engine: Arc<Engine>, ground: Ground) -> anyhow::Result<Outcome> {
        let source = match ground {
            Ground::Lake(lake) => repl::Source::Lake(lake),
            Ground::Raw(raw, _) => repl::Source::Raw(raw),
        };
        let repl = Repl::new(engine, source, self.format, self.bounds.clone());
        if std::io::stdin().is_terminal() {
            repl.talk(!self.no_history).await
        } else {
            repl.read(std::io::stdin().lock()).await
        }
    }
}

/// Where an answer goes that is not paged.
pub(super) fn stdout(format: Format) -> Box<dyn Write + Send> {
    let out = std::io::stdout();
    if out.is_terminal() {
        Box::new(BufWriter::new(Shown::new(format.is_json(), out)))
    } else {
        Box::new(BufWriter::new(out))
    }
}

/// Says that rows were left out.
pub(super) fn say_more(answered: Answered) {
    if answered.more {
        say(&format!("only the first {} rows are printed\nhint: --max-rows", answered.rows));
    }
}
