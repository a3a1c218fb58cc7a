//! `[privacy]` of `trailhound.toml`: the rules, and where the secret for pseudonyms is.

use crate::error::Error;
use crate::nearest::nearest;
use crate::redact::{Key, RedactError, Redaction, Rule};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What the file says about privacy.
#[derive(Default, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Privacy {
    /// The environment variable that holds the secret.
    pub key_env: Option<String>,
    /// The file that holds it, beside `trailhound.toml` or by an absolute path.
    pub key_file: Option<PathBuf>,
    /// The secret itself, for who insists: everybody who reads the file can then undo every pseudonym by guessing.
    pub insecure_key: Option<String>,
    /// The rules; of those that name a value the first counts.
    #[serde(default)]
    pub rules: Vec<Rule>,
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
    ///
    /// # Errors
    /// It is no TOML, or says something about privacy that means nothing.
    pub fn read(text: &str, path: &Path) -> Result<Self, Error> {
        let whole = toml::from_str::<Whole>(text).map_err(|error| Error::Settings(told(&error, text)))?;
        let mut privacy = whole.privacy.unwrap_or_default();
        privacy.folder = path.parent().map(Path::to_owned).unwrap_or_default();
        let places = [privacy.key_env.is_some(), privacy.key_file.is_some(), privacy.insecure_key.is_some()];
        if places.iter().filter(|place| **place).count() > 1 {
            return Err(bad("names more than one key"));
        }
        let any = places
            .contains(&true)
            .then(|| Key::new(&[0; 32]))
            .transpose()
            .map_err(|error| refused(&error))?;
        Redaction::new(&privacy.rules, any).map_err(|error| refused(&error))?;
        Ok(privacy)
    }

    /// The rules, ready for use; `None` where there are none.
    ///
    /// # Errors
    /// The secret is not where it should be, or too short.
    pub fn redaction(&self) -> Result<Option<Arc<Redaction>>, Error> {
        if self.rules.is_empty() {
            return Ok(None);
        }
        let key =
            self.secret()?.map(|secret| Key::new(&secret)).transpose().map_err(|error| refused(&error))?;
        Ok(Redaction::new(&self.rules, key).map_err(|error| refused(&error))?.map(Arc::new))
    }

    fn secret(&self) -> Result<Option<Vec<u8>>, Error> {
        if let Some(name) = &self.key_env {
            let value = std::env::var_os(name).filter(|value| !value.is_empty());
            let missing =
                || bad(&format!("the key should be in the environment variable {name}, which is not set"));
            return value.ok_or_else(missing).map(|value| Some(value.into_encoded_bytes()));
        }
        if let Some(file) = &self.key_file {
            let path = self.folder.join(file);
            let bytes = std::fs::read(&path);
            let bytes =
                bytes.map_err(|error| bad(&format!("cannot read the key in {}: {error}", path.display())))?;
            return Ok(Some(bytes.trim_ascii().to_vec()));
        }
        Ok(self.insecure_key.as_ref().map(|key| key.clone().into_bytes()))
    }

    /// What there is to print about it, without the secret: name and value.
    #[must_use]
    pub fn told(&self) -> Vec<(String, String)> {
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

fn bad(why: &str) -> Error {
    Error::Settings(format!("[privacy] {why}"))
}

fn refused(error: &RedactError) -> Error {
    Error::Settings(error.to_string())
}

/// What is wrong with a file, and where; with the word that was meant, where a key is misspelt.
fn told(error: &toml::de::Error, text: &str) -> String {
    let line = error.span().map(|span| text[..span.start.min(text.len())].matches('\n').count() + 1);
    let line = line.map(|line| format!("line {line}: ")).unwrap_or_default();
    let message = error.message().lines().next().unwrap_or_default();
    let mut quoted = message.split('`').skip(1).step_by(2);
    let is_unknown = message.starts_with("unknown field");
    let near = is_unknown.then(|| quoted.next().and_then(|word| nearest(word, quoted))).flatten();
    let hint = near.map(|key| format!("\nhint: did you mean {key}?")).unwrap_or_default();
    format!("{line}{}{hint}", message.split(", expected one of").next().unwrap_or_default())
}
