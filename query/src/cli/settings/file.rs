//! `trailhound.toml` → defaults of flags. A key that means nothing is an error, with the nearest one that does.

use super::flags::{self, Setting};
use crate::names::nearest;
use anyhow::{Context, bail};
use clap::Command;
use std::path::PathBuf;
use toml::{Table, Value};
use trailhound_ingest::privacy::Privacy;

/// A settings file that was read.
#[derive(Debug)]
pub(crate) struct File {
    pub(crate) path: PathBuf,
    text: String,
    table: Table,
}

impl File {
    pub(crate) fn read(path: PathBuf) -> anyhow::Result<Self> {
        let shown = path.display().to_string();
        let text = std::fs::read_to_string(&path)
            .map_err(|error| anyhow::anyhow!("cannot read the settings in {shown}: {error}"))?;
        let table = text.parse::<Table>();
        let table =
            table.map_err(|error| anyhow::anyhow!("{shown}: {}", crate::rules::read::told(&error, &text)))?;
        Ok(Self { path, text, table })
    }

    /// The command line with what the file says as defaults.
    pub(crate) fn apply(&self, command: &Command) -> anyhow::Result<Command> {
        let settings = flags::settings(command);
        let mut changed = command.clone();
        for (key, value) in self.entries() {
            let meant = settings.iter().filter(|setting| setting.key == key).collect::<Vec<_>>();
            if meant.is_empty() {
                bail!("{}", self.unknown(&key, &settings));
            }
            let values = texts(value).with_context(|| format!("{}: {key}", self.path.display()));
            let values = values.map_err(|error| anyhow::anyhow!("{error:#}"))?;
            for setting in meant {
                if let Some(fault) = flags::flag(command, setting).and_then(|arg| flags::fault(arg, &values))
                {
                    bail!("{}: {key}: {fault}", self.path.display());
                }
                changed = flags::with_default(changed, setting, &values);
            }
        }
        Ok(changed)
    }

    /// Whether the file says something about a setting.
    pub(crate) fn names(&self, key: &str) -> bool {
        self.entries().any(|(name, _)| name == key)
    }

    pub(crate) fn privacy(&self) -> anyhow::Result<Privacy> {
        let privacy = Privacy::read(&self.text, &self.path);
        privacy.map_err(|error| anyhow::anyhow!("{}: {error}", self.path.display()))
    }

    /// Keys with their values, those of a table with its name before; `[privacy]` is not among them.
    fn entries(&self) -> impl Iterator<Item = (String, &Value)> {
        let outer = self.table.iter().filter(|(key, _)| *key != "privacy");
        outer.flat_map(|(key, value)| match value {
            Value::Table(table) if !table.is_empty() => {
                table.iter().map(|(below, value)| (format!("{key}.{below}"), value)).collect::<Vec<_>>()
            }
            other => vec![(key.clone(), other)],
        })
    }

    fn unknown(&self, key: &str, settings: &[Setting]) -> String {
        let known = || settings.iter().map(|setting| setting.key.as_str()).chain(["privacy"]);
        let head = |key: &'_ str| key.split('.').next().unwrap_or_default().to_owned();
        let heads = known().map(head).collect::<Vec<_>>();
        let near = nearest(key, known()).map(str::to_owned);
        let near = near.or_else(|| nearest(&head(key), heads.iter().map(String::as_str)).map(str::to_owned));
        let hint = near.map(|near| format!("did you mean {near}?"));
        let hint = hint.unwrap_or_else(|| "`trailhound config` prints all settings".to_owned());
        format!("{}: there is no setting {key}\nhint: {hint}", self.path.display())
    }
}

/// A value as on the command line.
fn texts(value: &Value) -> anyhow::Result<Vec<String>> {
    match value {
        Value::String(text) => Ok(vec![text.clone()]),
        Value::Integer(number) => Ok(vec![number.to_string()]),
        Value::Boolean(truth) => Ok(vec![truth.to_string()]),
        Value::Array(values) => {
            let all = values.iter().map(texts).collect::<anyhow::Result<Vec<_>>>()?;
            Ok(all.into_iter().flatten().collect())
        }
        other => bail!("a {} is no value of a setting", other.type_str()),
    }
}
