//! `trailhound run NAME --param VALUE…`

use super::bounds::BoundFlags;
use super::range::Range;
use super::rules::print_columns;
use super::settings::flags::with_variables;
use super::sql::Sql;
use super::{Cli, Outcome, say};
use crate::cookbook::{Cookbook, Investigation};
use crate::functions::geoip::unmet;
use crate::names::bind::written_out;
use crate::output::Format;
use anyhow::{anyhow, bail};
use clap::{Arg, Args, Command, CommandFactory};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;
use trailhound_ingest::privacy::Privacy;

/// A command line without params, and the params.
type Split = (Vec<OsString>, BTreeMap<String, String>);

/// Run an investigation of the cookbook; without a name, list them.
#[derive(Debug, Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Run {
    /// The investigation.
    name: Option<String>,
    /// What it takes, such as `--key AKIA…`; `trailhound run NAME --help` tells.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "PARAMS")]
    rest: Vec<OsString>,
    #[arg(skip)]
    pub(crate) given: BTreeMap<String, String>,
    /// The lake: a folder, or `s3://bucket/prefix`.
    #[arg(long, env = "TRAILHOUND_LAKE", default_value = "trailhound-lake")]
    lake: String,
    /// Ask these log files instead of a lake: a file, a folder, or `s3://bucket/prefix`; can be given more than once. The
    /// tables are cloudtrail and `actor_chain`, and an event that was delivered twice is there twice.
    #[arg(long, value_name = "SRC")]
    raw: Vec<String>,
    /// Investigations of your own, files NAME.sql, beside those in the binary; can be given more than once. One that is
    /// named as one in the binary takes its place.
    #[arg(long, value_name = "DIR", env = "TRAILHOUND_COOKBOOK")]
    cookbook: Vec<PathBuf>,
    /// How the answer is printed.
    #[arg(long, default_value = "table")]
    format: Format,
    /// Print the statement instead, with the values in it; it runs in `trailhound sql`.
    #[arg(long)]
    show: bool,
    #[command(flatten)]
    bounds: BoundFlags,
    /// Print help; with a name, what the investigation tells and takes.
    #[arg(short, long)]
    help: bool,
}

impl Run {
    pub(crate) async fn run(self, privacy: &Privacy) -> anyhow::Result<Outcome> {
        let cookbook = Cookbook::load(&self.cookbook)?;
        let Some(name) = &self.name else {
            return if self.help { help() } else { list(&cookbook, self.format) };
        };
        let one = cookbook.get(name)?;
        if let Some(flag) = hidden(one, &flags(&Cli::command())) {
            bail!(
                "{}: --{flag} is a flag of every investigation\nhint: give the param another name",
                one.place
            );
        }
        if self.help {
            return print(&page(one));
        }
        let values = one.values(&self.given)?;
        if self.show {
            return print(&format!("{}\n", written_out(&one.sql, &values)?));
        }
        if one.sql.contains("country(") && unmet(&["geoip:country".to_owned()]).is_some() {
            say("warning: without a GeoIP file no country is known\nhint: --geoip GeoLite2-Country.mmdb");
        }
        let Self { lake, raw, format, bounds, .. } = self;
        let (query, range) = (Some(one.sql.clone()), Range::default());
        let sql = Sql { query, lake, raw, range, format, no_history: true, bounds };
        let (outcome, rows) = sql.ask(&values, privacy).await?;
        if rows == 0 {
            say(
                "nothing was found\nhint: `trailhound run coverage` tells for which days, accounts and regions there are events",
            );
        }
        Ok(outcome)
    }

    /// The command line without params, and the params; nothing if there are none. `args` is the whole command line:
    /// what clap has left for the investigation is the end of it, and flags may be among that.
    ///
    /// # Errors
    /// In words, what is neither.
    pub(crate) fn split(&self, command: &Command, mut args: Vec<OsString>) -> anyhow::Result<Option<Split>> {
        let Some(name) = self.name.as_deref().filter(|_| !self.rest.is_empty()) else { return Ok(None) };
        let flags = flags(command);
        args.truncate(args.len().saturating_sub(self.rest.len()));
        let mut given = BTreeMap::new();
        let mut rest = self.rest.iter().peekable();
        while let Some(arg) = rest.next() {
            let text = arg.to_str().ok_or_else(|| anyhow!("{} is not UTF-8", arg.to_string_lossy()))?;
            let (word, inline) = match text.split_once('=') {
                Some((word, value)) => (word, Some(value)),
                None => (text, None),
            };
            if let Some(flag) = flags.iter().find(|flag| is_called(flag, word)) {
                args.push(arg.clone());
                if flag.get_action().takes_values() && inline.is_none() {
                    args.extend(rest.next().cloned());
                }
                continue;
            }
            let Some(param) = word.strip_prefix("--") else {
                bail!(
                    "{name} does not take {text:?}\nhint: a value has its param before it; `trailhound run {name} --help` tells"
                );
            };
            let next = || rest.next_if(|next| !next.to_string_lossy().starts_with("--"))?.to_str();
            let value = inline.or_else(next).ok_or_else(|| {
                anyhow!("--{param} needs a value\nhint: one that begins with -- is said as --{param}=--…")
            })?;
            if given.insert(param.to_owned(), value.to_owned()).is_some() {
                bail!("--{param} is there twice\nhint: a list has commas between its items");
            }
        }
        Ok(Some((args, given)))
    }
}

/// The flags of `trailhound run`, with those of all verbs.
fn flags(command: &Command) -> Vec<Arg> {
    let mut command = command.clone();
    command.build();
    let run = command.find_subcommand("run");
    run.map(|run| run.get_arguments().filter(|arg| !arg.is_positional()).cloned().collect())
        .unwrap_or_default()
}

/// A param that nobody could give, since a flag has its name.
fn hidden<'a>(one: &Investigation, flags: &'a [Arg]) -> Option<&'a str> {
    let mut names = flags.iter().filter_map(Arg::get_long);
    names.find(|name| one.params.iter().any(|param| param.name == *name))
}

fn is_called(flag: &Arg, word: &str) -> bool {
    let long = word.strip_prefix("--");
    let short = word.strip_prefix('-').and_then(|short| short.parse::<char>().ok());
    long.is_some_and(|long| flag.get_long() == Some(long)) || (short.is_some() && flag.get_short() == short)
}

fn print(text: &str) -> anyhow::Result<Outcome> {
    std::io::stdout().lock().write_all(text.as_bytes())?;
    Ok(Outcome::Done)
}

fn help() -> anyhow::Result<Outcome> {
    let mut command = with_variables(Cli::command());
    command.build();
    if let Some(run) = command.find_subcommand_mut("run") {
        run.print_long_help()?;
    }
    Ok(Outcome::Done)
}

fn list(cookbook: &Cookbook, format: Format) -> anyhow::Result<Outcome> {
    let column = |value: fn(&Investigation) -> String| cookbook.investigations().iter().map(value).collect();
    let needs = |one: &Investigation| {
        let params = one.params.iter().filter(|param| param.default.is_none());
        params.map(|param| format!("--{}", param.name)).collect::<Vec<_>>().join(" ")
    };
    let columns = vec![
        ("chapter", column(|one| one.chapter.clone())),
        ("name", column(|one| one.name.clone())),
        ("needs", column(needs)),
        ("title", column(|one| one.title.clone())),
    ];
    print_columns(columns, format)?;
    Ok(Outcome::Done)
}

/// What an investigation says about itself.
fn page(one: &Investigation) -> String {
    let mut out = format!("{}\n\n{}\n\n{}\n", one.title, one.doc, one.usage());
    for param in &one.params {
        let default =
            param.default.as_ref().map(|default| format!(" [default: {default}]")).unwrap_or_default();
        let _ = write!(out, "\n  --{} {}\n      {}{default}", param.name, param.word(), param.doc);
    }
    out.push_str("\n\nFlags of all investigations: `trailhound run --help`\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_param_has_the_name_of_a_flag() {
        let flags = flags(&Cli::command());
        assert!(flags.iter().any(|flag| flag.get_long() == Some("lake")));
        assert!(
            flags.iter().any(|flag| flag.get_long() == Some("geoip")),
            "those of all verbs are among them"
        );
        for one in Cookbook::load(&[]).unwrap().investigations() {
            assert_eq!(hidden(one, &flags), None, "{}", one.name);
        }
        let own = "-- Mine: x\n-- X.\n-- $lake text: x\nSELECT $lake\n";
        assert_eq!(hidden(&Investigation::parse("x.sql", own).unwrap(), &flags), Some("lake"));
    }
}
