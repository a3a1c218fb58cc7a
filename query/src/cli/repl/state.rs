//! What outlives a session: its history, and statements that were kept. Only the user can read it.
//!
//! It is in the folder that the XDG base directory specification has for this: `$XDG_STATE_HOME/trailhound`, or
//! `~/.local/state/trailhound`. What must hold: a value that the environment keeps secret does not get there.

use anyhow::{Context, bail};
use std::fs::{DirBuilder, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// What names of variables with secrets have in them.
const SECRET: [&str; 6] = ["SECRET", "TOKEN", "PASSWORD", "PASSWD", "WEBHOOK", "_KEY"];

/// It has a name like a secret, and is what people look for in a log.
const NO_SECRET: &str = "AWS_ACCESS_KEY_ID";

/// A value that is shorter guards nothing, and may be a word of SQL.
const SHORTEST: usize = 8;

/// The folder, and what must not get there.
#[derive(Debug)]
pub(super) struct State {
    /// `None` where there is no home.
    folder: Option<PathBuf>,
    secrets: Vec<String>,
}

impl State {
    /// That of whoever runs the process.
    pub(super) fn of_user() -> Self {
        let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let state = set("XDG_STATE_HOME").filter(|path| path.is_absolute());
        let state = state.or_else(|| Some(set("HOME")?.join(".local/state")));
        Self::new(
            state.map(|state| state.join("trailhound")),
            std::env::vars_os()
                .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))),
        )
    }

    fn new(folder: Option<PathBuf>, variables: impl Iterator<Item = (String, String)>) -> Self {
        let is_secret =
            |name: &str| name != NO_SECRET && SECRET.iter().any(|part| name.to_uppercase().contains(part));
        let secrets = variables.filter(|(name, value)| is_secret(name) && value.len() >= SHORTEST);
        Self { folder, secrets: secrets.map(|(_, value)| value).collect() }
    }

    /// Whether a text has a secret in it.
    pub(super) fn is_secret(&self, text: &str) -> bool {
        self.secrets.iter().any(|secret| text.contains(secret.as_str()))
    }

    /// The file of the history, which is there; `None` where it cannot be.
    pub(super) fn history(&self) -> Option<PathBuf> {
        let folder = self.folder.as_ref()?;
        let path = folder.join("history");
        let made = made(folder).and_then(|()| private(OpenOptions::new().append(true), &path));
        match made {
            Ok(_) => Some(path),
            Err(error) => {
                crate::cli::say(&format!("the session has no history: {}: {error}", path.display()));
                None
            }
        }
    }

    /// Keeps a statement under a name.
    pub(super) fn save(&self, name: &str, text: &str) -> anyhow::Result<()> {
        let path = self.path(name)?;
        if self.is_secret(text) {
            bail!("the statement has a secret of the environment in it, and is not kept");
        }
        let shown = || format!("cannot write {}", path.display());
        let folder = path.parent().unwrap_or(&path);
        made(folder).with_context(shown)?;
        // A file beside it first, so that there is the old statement or the new one.
        let mut file = tempfile::NamedTempFile::new_in(folder).with_context(shown)?;
        writeln!(file, "{text};").with_context(shown)?;
        file.persist(&path).with_context(shown)?;
        Ok(())
    }

    /// A statement that was kept.
    pub(super) fn load(&self, name: &str) -> anyhow::Result<String> {
        let path = self.path(name)?;
        std::fs::read_to_string(&path).map(|text| text.trim_end().to_owned()).map_err(|_| {
            let names = self.saved();
            let near = crate::names::nearest(name, names.iter().map(String::as_str));
            let near =
                near.map_or_else(|| "\\run lists them".to_owned(), |near| format!("did you mean {near}?"));
            anyhow::anyhow!("no statement is kept as {name}\nhint: {near}")
        })
    }

    /// The names of the statements that are kept, sorted.
    pub(super) fn saved(&self) -> Vec<String> {
        let entries = self.queries().and_then(|folder| std::fs::read_dir(folder).ok());
        let names = entries.into_iter().flatten().flatten();
        let names =
            names.filter_map(|entry| Some(entry.file_name().to_str()?.strip_suffix(".sql")?.to_owned()));
        let mut names = names.filter(|name| is_name(name)).collect::<Vec<_>>();
        names.sort_unstable();
        names
    }

    fn queries(&self) -> Option<PathBuf> {
        Some(self.folder.as_ref()?.join("queries"))
    }

    fn path(&self, name: &str) -> anyhow::Result<PathBuf> {
        if !is_name(name) {
            bail!("a name is needed: up to 64 letters, digits, - and _");
        }
        let Some(queries) = self.queries() else {
            bail!("there is no home to keep statements in\nhint: XDG_STATE_HOME")
        };
        Ok(queries.join(format!("{name}.sql")))
    }
}

/// A name cannot lead out of its folder.
fn is_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..=64).contains(&name.len()) && name.bytes().all(fits)
}

/// Makes a folder that only the user can look into, and those above it.
fn made(folder: &Path) -> std::io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

fn private(options: &mut OpenOptions, path: &Path) -> std::io::Result<std::fs::File> {
    options.create(true).mode(0o600).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn state(folder: &Path) -> State {
        let variables = [
            ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI"),
            ("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE"),
            ("MY_TOKEN", "short"),
            ("HOME", "/home/ada-home"),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        State::new(Some(folder.join("state")), variables.into_iter())
    }

    #[test]
    fn secrets_of_the_environment_are_known() {
        let dir = tempfile::tempdir().unwrap();
        let state = state(dir.path());
        assert!(state.is_secret("select 'wJalrXUtnFEMI'"));
        for text in ["select 'AKIAEXAMPLE'", "select 'short'", "select '/home/ada-home'", ""] {
            assert!(!state.is_secret(text), "{text}");
        }
        assert!(state.save("x", "select 'wJalrXUtnFEMI'").is_err());
        assert_eq!(state.saved(), Vec::<String>::new());
    }

    #[test]
    fn what_is_kept_is_private() {
        let dir = tempfile::tempdir().unwrap();
        let state = state(dir.path());
        state.save("who", "select 1").unwrap();
        state.save("who", "select 2").unwrap();
        assert_eq!(
            (state.saved(), state.load("who").unwrap()),
            (vec!["who".to_owned()], "select 2;".to_owned())
        );
        assert!(state.load("whi").unwrap_err().to_string().contains("did you mean who?"));
        let history = state.history().unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&history), 0o600);
        assert_eq!(mode(&dir.path().join("state")), 0o700);
        assert_eq!(mode(&dir.path().join("state/queries/who.sql")), 0o600);
    }

    #[test]
    fn a_name_does_not_lead_out_of_its_folder() {
        let dir = tempfile::tempdir().unwrap();
        let state = state(dir.path());
        for name in ["", "..", "a/b", "/etc/passwd", "a.b", "ü", &"a".repeat(65)] {
            assert!(state.save(name, "select 1").is_err() && state.load(name).is_err(), "{name}");
        }
    }
}
