//! `trailhound config [VERB ARGS…]`: what every setting is, and where that was said.

use super::Outcome;
use super::settings::{FILE, Settings, flags, reference};
use crate::engine::Answer;
use crate::output::{self, Format};
use clap::parser::ValueSource;
use clap::{ArgMatches, Args};
use datafusion::arrow::array::{ArrayRef, RecordBatch, StringArray};
use std::ffi::OsString;
use std::io::BufWriter;
use std::sync::Arc;

/// Print the settings in effect, and where each comes from.
#[derive(Debug, Args)]
pub(crate) struct Config {
    /// How the settings are printed.
    #[arg(long, default_value = "table")]
    format: Format,
    /// Only the settings of this verb, with these flags: `trailhound config ingest --workers 1`.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "VERB ARGS")]
    verb: Vec<OsString>,
}

/// What AWS's own tools read, and we with them.
const AWS: [&str; 6] = [
    "AWS_PROFILE",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
    "AWS_ENDPOINT_URL_SNS",
];

/// Setting, value, source.
type Row = [String; 3];

impl Config {
    #[expect(clippy::unused_async, reason = "all verbs are called in the same way")]
    pub(crate) async fn run(self, settings: &Settings) -> anyhow::Result<Outcome> {
        let mut rows = self.flags(settings)?;
        let file = settings.file.as_ref().map_or(FILE.to_owned(), |file| file.path.display().to_string());
        rows.extend(settings.privacy.told().into_iter().map(|(key, value)| [key, value, file.clone()]));
        let set = AWS.iter().filter_map(|name| Some((name, std::env::var(name).ok()?)));
        rows.extend(set.map(|(name, value)| [(*name).to_owned(), value, "environment".to_owned()]));
        print(&rows, self.format)
    }

    fn flags(&self, settings: &Settings) -> anyhow::Result<Vec<Row>> {
        let (mut rows, mut is_verb) = (Vec::new(), false);
        let asked = self.verb.iter().map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>();
        for (key, of_verbs) in reference::by_key(&settings.command) {
            // The words of the verb come first, then its flags.
            let setting =
                of_verbs.iter().find(|setting| asked.is_empty() || asked.starts_with(&setting.verb));
            let Some(setting) = setting else { continue };
            is_verb |= !setting.verb.is_empty();
            let verb = setting.verb.iter().map(OsString::from).collect();
            let args = if asked.is_empty() { verb } else { self.verb.clone() };
            let command = settings.command.clone().ignore_errors(true);
            let args = std::iter::once(OsString::from("trailhound")).chain(args);
            let matches = command.try_get_matches_from(args)?;
            let Some(below) = descend(&matches, &setting.verb) else { continue };
            let values = below.get_raw(&setting.id).into_iter().flatten();
            let is_secret =
                flags::flag(&settings.command, setting).is_some_and(clap::Arg::is_hide_env_values_set);
            let shown = |value: &OsString| {
                let value = value.to_string_lossy();
                if is_secret { without_secret(&value) } else { value.into_owned() }
            };
            let values = values.map(|value| shown(&value.to_owned())).collect::<Vec<_>>().join(", ");
            let source = match below.value_source(&setting.id) {
                Some(ValueSource::CommandLine) => "flag".to_owned(),
                Some(ValueSource::EnvVariable) => format!("environment {}", setting.variable),
                _ => match &settings.file {
                    Some(file) if file.names(&key) => file.path.display().to_string(),
                    _ => "default".to_owned(),
                },
            };
            rows.push([key, values, source]);
        }
        if !is_verb {
            let words = asked.join(" ");
            anyhow::bail!("{words:?} is no verb with settings\nhint: `trailhound help` lists the verbs");
        }
        Ok(rows)
    }
}

/// URLs, separated by spaces, as no more than their hosts: the rest of one lets whoever reads it write there.
fn without_secret(urls: &str) -> String {
    let host = |url: &str| {
        let url = url::Url::parse(url).ok()?;
        Some(format!("{}://{}/…", url.scheme(), url.host_str()?))
    };
    let shown = urls.split(' ').map(|url| host(url).unwrap_or_else(|| "…".to_owned()));
    shown.collect::<Vec<_>>().join(" ")
}

fn descend<'a>(matches: &'a ArgMatches, verb: &[String]) -> Option<&'a ArgMatches> {
    verb.iter().try_fold(matches, |matches, verb| matches.subcommand_matches(verb))
}

fn print(rows: &[Row], format: Format) -> anyhow::Result<Outcome> {
    if format == Format::Cloudtrail {
        anyhow::bail!(
            "settings are no CloudTrail records\nhint: --format takes table, json, ndjson, csv, parquet or markdown here"
        );
    }
    let column = |at: usize| -> ArrayRef {
        Arc::new(rows.iter().map(|row| Some(row[at].as_str())).collect::<StringArray>())
    };
    let columns = [("setting", column(0)), ("value", column(1)), ("source", column(2))];
    let batch = RecordBatch::try_from_iter(columns)?;
    let answer = Answer { schema: batch.schema(), batches: vec![batch] };
    output::write(&answer, format, BufWriter::new(std::io::stdout()))?;
    Ok(Outcome::Done)
}
