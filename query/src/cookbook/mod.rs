//! Investigations: questions that somebody who answers an incident asks again and again, as files of SQL with params.
//!
//! In: the files in the binary and those of folders that a person names ([`file`]), and texts for their params ([`param`]).
//! Out: a statement and its [`Values`]. What must hold: a text that a person gives is a value, and never a part of the
//! statement. `query/COOKBOOK.md` is made of what the files say about themselves.

pub mod file;
pub mod param;
#[cfg(test)]
mod reference;

use crate::error::Error;
use crate::names::nearest;
use crate::names::values::{Value, Values};
use include_dir::{Dir, include_dir};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub use file::Investigation;
pub use param::Param;

static BUILT_IN: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/cookbook");

/// Chapters in the order of an investigation; those of people's own files come before them.
const CHAPTERS: [&str; 9] = [
    "Credentials",
    "Sessions",
    "People",
    "Addresses",
    "Resources",
    "Data",
    "Permissions",
    "Changes",
    "Proof",
];

/// Investigations by chapter and name.
#[derive(Clone, Debug)]
pub struct Cookbook {
    investigations: Vec<Investigation>,
}

impl Cookbook {
    /// Those in the binary, and those in `folders`. A file of a folder stands for the one of its name in the binary.
    ///
    /// # Errors
    /// A folder cannot be read or has no investigation; a file is no investigation; two folders have one of a name.
    pub fn load(folders: &[PathBuf]) -> Result<Self, Error> {
        let mut by_name = BTreeMap::new();
        for folder in folders {
            for path in sql_files(folder)? {
                let place = path.display().to_string();
                let text =
                    std::fs::read_to_string(&path).map_err(|error| wrong(&place, &error.to_string()))?;
                let read = Investigation::parse(&place, &text)?;
                if let Some(other) = by_name.insert(read.name.clone(), read) {
                    return Err(wrong(&place, &format!("{} has the same name", other.place)));
                }
            }
        }
        for file in BUILT_IN.files() {
            let place = format!("cookbook/{}", file.path().display());
            let text = file.contents_utf8().ok_or_else(|| wrong(&place, "is not UTF-8"))?;
            let read = Investigation::parse(&place, text)?;
            by_name.entry(read.name.clone()).or_insert(read);
        }
        let mut investigations = by_name.into_values().collect::<Vec<_>>();
        investigations.sort_by_key(|one| CHAPTERS.iter().position(|chapter| *chapter == one.chapter));
        Ok(Self { investigations })
    }

    /// All of them, by chapter and name.
    #[must_use]
    pub fn investigations(&self) -> &[Investigation] {
        &self.investigations
    }

    /// The investigation `name`.
    ///
    /// # Errors
    /// There is none, with the nearest name.
    pub fn get(&self, name: &str) -> Result<&Investigation, Error> {
        self.investigations.iter().find(|one| one.name == name).ok_or_else(|| {
            let near = nearest(name, self.investigations.iter().map(|one| one.name.as_str()));
            let hint = near.map(|near| format!("did you mean {near}?"));
            let hint = hint.unwrap_or_else(|| "`trailhound run` lists them".to_owned());
            Error::Cookbook(format!("there is no investigation {name}\nhint: {hint}"))
        })
    }
}

impl Investigation {
    /// The values of all params: those in `given`, and defaults.
    ///
    /// # Errors
    /// A name is none of its params, a param without default has no value, or a value is not of its type.
    pub fn values(&self, given: &BTreeMap<String, String>) -> Result<Values, Error> {
        if let Some(unknown) = given.keys().find(|name| !self.params.iter().any(|param| param.name == **name))
        {
            let near = nearest(unknown, self.params.iter().map(|param| param.name.as_str()));
            let hint = near.map_or_else(|| self.usage(), |near| format!("did you mean --{near}?"));
            return Err(Error::Cookbook(format!("{} has no param --{unknown}\nhint: {hint}", self.name)));
        }
        let mut values = Values::new();
        for param in &self.params {
            let text = given.get(&param.name).or(param.default.as_ref()).ok_or_else(|| {
                let (name, doc) = (&param.name, &param.doc);
                Error::Cookbook(format!("{} needs --{name}: {doc}\nhint: {}", self.name, self.usage()))
            })?;
            let value = param.value(text);
            let value = value.map_err(|why| Error::Cookbook(format!("--{}: {why}", param.name)))?;
            values.insert(param.name.clone(), value);
        }
        in_order(&values)?;
        Ok(values)
    }

    /// How it is called.
    #[must_use]
    pub fn usage(&self) -> String {
        let params = self.params.iter().map(|param| match param.default {
            None => format!(" --{} {}", param.name, param.word()),
            Some(_) => format!(" [--{} {}]", param.name, param.word()),
        });
        format!("trailhound run {}{}", self.name, params.collect::<String>())
    }
}

/// A time range that holds nothing is a slip, and its empty answer would be taken for silence.
fn in_order(values: &Values) -> Result<(), Error> {
    let text = |name: &str| match values.get(name) {
        Some(Value::Text(text)) => Some(text.as_str()),
        _ => None,
    };
    for (from, to) in [("since", "until"), ("before", "since")] {
        if let (Some(first), Some(last)) = (text(from), text(to))
            && first >= last
        {
            return Err(Error::Cookbook(format!(
                "--{from} {first} is not before --{to} {last}, so there is nothing between them"
            )));
        }
    }
    Ok(())
}

fn wrong(place: &str, what: &str) -> Error {
    Error::Cookbook(format!("{place}: {what}"))
}

/// The files of a folder that may be investigations, by name.
fn sql_files(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let place = folder.display().to_string();
    let entries = std::fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let entries = entries.map_err(|error| wrong(&place, &error.to_string()))?;
    let is_sql = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "sql");
    let mut files = entries.into_iter().map(|entry| entry.path()).filter(is_sql).collect::<Vec<_>>();
    files.sort();
    if files.is_empty() {
        return Err(wrong(&place, "has no investigations\nhint: an investigation is a file NAME.sql"));
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    fn investigation() -> Investigation {
        let text = "-- Mine: one\n-- A doc line.\n-- $key text: the key\n-- $since time = 1970-01-01: from then on\n\
                    -- $until time = now: before then\nSELECT $key, $since, $until\n";
        Investigation::parse("one.sql", text).unwrap()
    }

    #[test]
    fn what_is_missing_or_unknown_is_named() {
        let say = |pairs: &[(&str, &str)]| investigation().values(&given(pairs)).unwrap_err().to_string();
        assert_eq!(
            say(&[]),
            "one needs --key: the key\nhint: trailhound run one --key TEXT [--since TIME] [--until TIME]"
        );
        assert_eq!(say(&[("kye", "x")]), "one has no param --kye\nhint: did you mean --key?");
        assert!(say(&[("bucketname", "x")]).contains("\nhint: trailhound run one --key TEXT"));
        assert!(say(&[("key", "")]).starts_with("--key: the text is empty"));
        assert!(say(&[("key", "x"), ("since", "lately")]).starts_with("--since: \"lately\" is no time"));
        assert!(
            say(&[("key", "x"), ("since", "2026-03-18"), ("until", "2026-03-17")]).contains("not before")
        );
    }

    #[test]
    fn a_value_is_kept_as_it_is() {
        let hostile = "x' OR '1'='1'; -- %_\\$since\n";
        let values = investigation().values(&given(&[("key", hostile)])).unwrap();
        assert_eq!(values["key"], Value::Text(hostile.to_owned()));
        assert_eq!(values["since"], Value::Text("1970-01-01T00:00:00Z".to_owned()));
    }

    #[test]
    fn own_files_come_first_and_stand_for_those_of_their_name() {
        let built_in = Cookbook::load(&[]).unwrap();
        let name = &built_in.investigations()[0].name;
        let folder = tempfile::tempdir().unwrap();
        let file =
            |name: &str| std::fs::write(folder.path().join(name), "-- Mine: x\n-- X.\nSELECT 1\n").unwrap();
        file(&format!("{name}.sql"));
        file("brand-new.sql");
        let both = Cookbook::load(&[folder.path().to_owned()]).unwrap();
        assert_eq!(both.investigations().len(), built_in.investigations().len() + 1);
        assert_eq!(both.get(name).unwrap().chapter, "Mine");
        assert!(both.investigations()[..2].iter().all(|one| one.chapter == "Mine"));
        let twice = [folder.path().to_owned(), folder.path().to_owned()];
        assert!(Cookbook::load(&twice).unwrap_err().to_string().contains("has the same name"));
        let empty = tempfile::tempdir().unwrap();
        assert!(
            Cookbook::load(&[empty.path().to_owned()]).unwrap_err().to_string().contains("has no investig")
        );
    }

    #[test]
    fn a_misspelt_name_gets_the_nearest() {
        let error = Cookbook::load(&[]).unwrap().get("who-use-key").unwrap_err().to_string();
        assert_eq!(error, "there is no investigation who-use-key\nhint: did you mean who-used-key?");
    }

    #[test]
    fn the_binary_has_at_least_forty_in_known_chapters() {
        let cookbook = Cookbook::load(&[]).unwrap();
        assert!(cookbook.investigations().len() >= 40, "{}", cookbook.investigations().len());
        for one in cookbook.investigations() {
            assert!(CHAPTERS.contains(&one.chapter.as_str()), "{}: {}", one.name, one.chapter);
        }
    }
}
