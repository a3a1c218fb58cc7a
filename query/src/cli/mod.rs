//! The command line: one file per verb. Only this module prints.
//!
//! Data goes to stdout, talk to stderr. Exit codes: 0 done, 1 findings at or above `--fail-on` or files that are not
//! valid, 2 error, 3 done but something was quarantined; 130 and 143, as shells count, when a query was cancelled by
//! SIGINT or SIGTERM.

mod ask;
mod bounds;
mod config;
mod demo;
mod destinations;
mod detect;
mod export;
mod geoip;
mod ingest;
mod lake;
mod limits;
mod local;
mod metrics;
mod patience;
mod progress;
mod range;
mod report;
mod repl;
mod rules;
mod run;
mod scheduled;
mod scratch;
mod screen;
mod settings;
mod signals;
mod sql;
mod stop;
mod verify;
mod working;

use crate::output::visible::visible_but;
use clap::{Parser, Subcommand};
use datafusion::arrow::error::ArrowError;
use datafusion::common::DataFusionError;
use signals::Halt;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use trailhound_ingest::lake::UNSAID;
use trailhound_ingest::patience::Patience;

/// How a verb ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Outcome {
    /// Everything was done.
    Done,
    /// There are findings that the caller asked to hear of.
    Found,
    /// Something could not be read; the rest was done.
    Failed,
    /// Done, but something was quarantined.
    Quarantined,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Done => Self::SUCCESS,
            Outcome::Found => Self::from(1),
            Outcome::Failed => Self::from(2),
            Outcome::Quarantined => Self::from(3),
        }
    }
}

/// CloudTrail log files in, answers and findings out.
#[derive(Debug, Parser)]
#[command(name = "trailhound", version, max_term_width = 100)]
pub struct Cli {
    /// The settings file, instead of `trailhound.toml` in the working directory.
    // Settings read it before clap does.
    #[arg(long, global = true, value_name = "FILE", env = settings::VARIABLE)]
    config: Option<std::path::PathBuf>,
    #[command(subcommand)]
    verb: Verb,
    #[command(flatten)]
    patience: patience::PatienceFlags,
    #[command(flatten)]
    metrics: metrics::MetricsFlags,
    #[command(flatten)]
    geoip: geoip::GeoipFlags,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Watch the whole path at work on the log files of an invented company.
    Demo(demo::Demo),
    /// Read log files into the lake.
    Ingest(ingest::Ingest),
    /// Ask the lake a question.
    Sql(sql::Sql),
    /// Run an investigation of the cookbook; without a name, list them.
    Run(run::Run),
    /// Make a page of everything that is known of a key, an address, somebody, a resource, an event or a finding.
    Report(report::Report),
    /// Run the rules over what was ingested since the last run.
    Detect(detect::Detect),
    /// Look at detection rules, and prove them.
    Rules(rules::Rules),
    /// Check the digests of CloudTrail: was any log file changed, removed, planted?
    Verify(verify::Verify),
    /// Look after the lake: merge small files, delete what nobody needs, see what is in it, export a part, show it to Athena.
    Lake(lake::Lake),
    /// Print the settings in effect, and where each comes from.
    Config(config::Config),
}

/// Reads the command line, the environment and the settings file, and does what was asked for.
#[must_use]
pub fn main() -> ExitCode {
    if scheduled::is_called() {
        return scheduled::serve();
    }
    match settings::parse::<Cli>().and_then(|(cli, settings)| cli.completed(settings)) {
        Ok((cli, settings)) => cli.run(&settings),
        Err(error) => {
            say(&format!("error: {error}"));
            ExitCode::from(2)
        }
    }
}

impl Cli {
    /// The same with the params of an investigation told apart from flags, which clap cannot: they are those of a file.
    fn completed(self, settings: settings::Settings) -> anyhow::Result<(Self, settings::Settings)> {
        let Verb::Run(verb) = &self.verb else { return Ok((self, settings)) };
        let Some((args, params)) = verb.split(&settings.command, std::env::args_os().collect())? else {
            return Ok((self, settings));
        };
        let (mut cli, settings) = settings::parse_from::<Self>(&args)?;
        if let Verb::Run(verb) = &mut cli.verb {
            verb.given = params;
        }
        Ok((cli, settings))
    }

    /// Does what was asked for, and says how it ended.
    fn run(self, settings: &settings::Settings) -> ExitCode {
        trace(std::env::var("TRAILHOUND_LOG_FORMAT").is_ok_and(|format| format == "json"));
        let result =
            tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(anyhow::Error::from);
        let result = result.and_then(|runtime| {
            let result = runtime.block_on(self.work(settings));
            if result.as_ref().is_err_and(|error| error.is::<Halt>() || is_broken_pipe(error)) {
                // A join may not look up for minutes, and nobody waits for it any more.
                runtime.shutdown_timeout(LEAVING);
            }
            result
        });
        match result {
            Ok(outcome) => outcome.into(),
            Err(error) => failed(&error),
        }
    }
}

/// Says what ended the work, if nobody wished for it.
fn failed(error: &anyhow::Error) -> ExitCode {
    if is_broken_pipe(error) {
        // Whoever read our output has seen enough.
        return ExitCode::SUCCESS;
    }
    if let Some(Halt::Stopped(signal)) = error.downcast_ref() {
        say("cancelled");
        return ExitCode::from(signal.code());
    }
    say(&format!("error: {error}"));
    ExitCode::from(2)
}

impl Cli {
    /// Does what was asked for.
    async fn work(self, settings: &settings::Settings) -> anyhow::Result<Outcome> {
        Patience::from(self.patience).set();
        self.metrics.set();
        if self.verb.asks() {
            self.geoip.set()?;
        }
        match self.verb {
            Verb::Demo(verb) => verb.run().await,
            Verb::Ingest(verb) => verb.run(&settings.privacy).await,
            Verb::Sql(verb) => verb.run(&settings.privacy).await,
            Verb::Run(verb) => verb.run(&settings.privacy).await,
            Verb::Report(verb) => verb.run().await,
            Verb::Detect(verb) => verb.run(&settings.privacy).await,
            Verb::Rules(verb) => verb.run(&settings.privacy).await,
            Verb::Verify(verb) => verb.run().await,
            Verb::Lake(verb) => verb.run(&settings.privacy).await,
            Verb::Config(verb) => verb.run(settings).await,
        }
    }
}

impl Verb {
    /// Whether SQL is run, which may ask where an address is.
    fn asks(&self) -> bool {
        matches!(
            self,
            Self::Demo(_) | Self::Sql(_) | Self::Run(_) | Self::Report(_) | Self::Detect(_) | Self::Rules(_)
        )
    }
}

/// Sends what the libraries say to stderr: for people, or a JSON object a line for whoever collects logs.
fn trace(as_json: bool) {
    let filter = tracing_subscriber::EnvFilter::try_from_env("TRAILHOUND_LOG");
    let usual = || tracing_subscriber::EnvFilter::new(format!("error,trailhound=warn,{UNSAID}"));
    let filter = filter.unwrap_or_else(|_| usual());
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        // It would tell stderr that stderr is closed, and panic.
        .log_internal_errors(false);
    if as_json { lines.json().flatten_event(true).init() } else { lines.init() }
}

/// How long a cancelled query may tidy up.
const LEAVING: std::time::Duration = std::time::Duration::from_millis(200);

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let io = match error.downcast_ref::<crate::Error>() {
        Some(crate::Error::Io(error)) => Some(error),
        Some(crate::Error::Sql(error)) => match error.find_root() {
            DataFusionError::ArrowError(error, _) => match error.as_ref() {
                ArrowError::IoError(_, error) => Some(error),
                _ => None,
            },
            _ => None,
        },
        _ => error.downcast_ref::<io::Error>(),
    };
    io.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// Tells the person something; a closed stderr is no reason to stop.
pub(crate) fn say(text: &str) {
    // A log may hold anything in any name; line feeds are ours.
    let _ = writeln!(io::stderr(), "{}", visible_but(text, |character| character == '\n'));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_pipe_is_known_through_every_printer() {
        let pipe = || io::Error::from(io::ErrorKind::BrokenPipe);
        assert!(is_broken_pipe(&anyhow::Error::from(crate::Error::Io(pipe()))));
        let arrow = ArrowError::IoError("closed".to_owned(), pipe());
        assert!(is_broken_pipe(&anyhow::Error::from(crate::Error::from(arrow))));
        assert!(is_broken_pipe(&anyhow::Error::from(pipe())));
        assert!(!is_broken_pipe(&anyhow::Error::from(crate::Error::Format("x".to_owned()))));
    }

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }
}
