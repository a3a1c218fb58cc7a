//! `[privacy]` of `trailhound.toml`: the rules, and where the secret for pseudonyms is.

use anyhow::{Context, bail};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use trailhound_ingest::redact::{Key, Redaction, Rule};

/// What the file says about privacy.
#[derive(Default, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Privacy {
    /// The environment variable that holds the secret.
    pub(crate) key_env: Option<String>,
    /// The file that holds it, beside `trailhound.toml` or by an absolute path.
    pub(crate) key_file: Option<PathBuf>,
    /// The secret itself, for who insists: everybody who reads the file can then undo every pseudonym by guessing.
    pub(crate) insecure_key: Option<String>,
    /// The rules; of those that name a value the first counts.
    #[serde(default)]
    pub(crate) rules: Vec<Rule>,
    /// The folder of the file.
    #[serde(skip)]
    folder: PathBuf,
}

/// The rest of the file is somebody else's.
#[derive(Deserialize)]
struct Whole {
    privacy: Option<Privacy>,
}

impl Privacy {
    /// Reads the text of the file at `path`. Rules are checked, the secret is not looked for.
    pub(super) fn read(text: &str, path: &Path) -> Result<Self, String> {
        let whole = toml::from_str::<Whole>(text).map_err(|error| crate::rules::read::told(&error, text))?;
        let mut privacy = whole.privacy.unwrap_or_default();
        privacy.folder = path.parent().map(Path::to_owned).unwrap_or_default();
        let places = [privacy.key_env.is_some(), privacy.key_file.is_some(), privacy.insecure_key.is_some()];
        if places.iter().filter(|place| **place).count() > 1 {
            return Err("[privacy] names more than one key".to_owned());
        }
        let any = places.contains(&true).then(|| Key::new(&[0; 32])).transpose();
        let any = any.map_err(|error| error.to_string())?;
        Redaction::new(&privacy.rules, any).map_err(|error| error.to_string())?;
        Ok(privacy)
    }

    /// The rules, ready for use; `None` where there are none.
    ///
    /// # Errors
    /// The secret is not where it should be, or too short.
    pub(crate) fn redaction(&self) -> anyhow::Result<Option<Arc<Redaction>>> {
        if self.rules.is_empty() {
            return Ok(None);
        }
        let key = self.secret()?.map(|secret| Key::new(&secret)).transpose()?;
        Ok(Redaction::new(&self.rules, key)?.map(Arc::new))
    }

    fn secret(&self) -> anyhow::Result<Option<Vec<u8>>> {
        if let Some(name) = &self.key_env {
            let value = std::env::var_os(name).filter(|value| !value.is_empty());
            let Some(value) = value else {
                bail!("[privacy] the key should be in the environment variable {name}, which is not set");
            };
            return Ok(Some(value.into_encoded_bytes()));
        }
        if let Some(file) = &self.key_file {
            let path = self.folder.join(file);
            let read = std::fs::read(&path);
            let bytes = read.with_context(|| format!("[privacy] cannot read the key in {}", path.display()));
            let bytes = bytes.map_err(|error| anyhow::anyhow!("{error:#}"))?;
            return Ok(Some(bytes.trim_ascii().to_vec()));
        }
        Ok(self.insecure_key.as_ref().map(|key| key.clone().into_bytes()))
    }

    /// What there is to print about it, without the secret: name and value.
    pub(crate) fn told(&self) -> Vec<(String, String)> {
        let mut told = Vec::new();
        told.extend(self.key_env.iter().map(|name| ("privacy.key_env".to_owned(), name.clone())));
        let file = self.key_file.iter().map(|path| path.display().to_string());
        told.extend(file.map(|path| ("privacy.key_file".to_owned(), path)));
        let insecure = self.insecure_key.iter().map(|_| "(in the file, readable by all who can read it)");
        told.extend(insecure.map(|note| ("privacy.insecure_key".to_owned(), note.to_owned())));
        for (number, rule) in (1..).zip(&self.rules) {
            let action = format!("{:?}", rule.action).to_lowercase();
            let accounts = rule.accounts.iter().map(|accounts| format!(" of {}", accounts.join(", ")));
            let value = format!("{action} {}{}", rule.fields.join(", "), accounts.collect::<String>());
            told.push((format!("privacy.rules.{number}"), value));
        }
        told
    }
}
