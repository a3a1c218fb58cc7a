//! The rules to run: those in the binary, or those of folders that a person names.

use super::RuleError;
use super::file::Rule;
use crate::names::nearest;
use include_dir::{Dir, include_dir};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

static BUILT_IN: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../detections");

/// Rules by family and id.
#[derive(Clone, Debug)]
pub struct Pack {
    rules: Vec<Rule>,
}

impl Pack {
    /// The rules in the binary.
    ///
    /// # Errors
    /// One of them is no rule, which a test rules out.
    pub fn built_in() -> Result<Self, RuleError> {
        let files = BUILT_IN.dirs().flat_map(Dir::files).filter(|file| is_rule(file.path()));
        let texts = files.map(|file| {
            let place = format!("detections/{}", file.path().display());
            let text = file.contents_utf8().ok_or_else(|| RuleError::new(&place, "is not UTF-8"))?;
            Rule::parse(&place, text)
        });
        Self::new(texts.collect::<Result<_, _>>()?)
    }

    /// The rules below `folders`: `<folder>/<family>/<id>.toml`. No folder means the rules in the binary.
    ///
    /// # Errors
    /// A folder cannot be read or has no rule; a file is no rule; two rules have one id.
    pub fn load(folders: &[PathBuf]) -> Result<Self, RuleError> {
        if folders.is_empty() {
            return Self::built_in();
        }
        let mut rules = Vec::new();
        for folder in folders {
            let files = rule_files(folder)?;
            if files.is_empty() {
                let what = "has no rules\nhint: rules are in folders by family, as in detections/root/root_console_login.toml";
                return Err(RuleError::new(&folder.display().to_string(), what));
            }
            for file in files {
                let place = file.display().to_string();
                let text = std::fs::read_to_string(&file)
                    .map_err(|error| RuleError::new(&place, error.to_string()))?;
                rules.push(Rule::parse(&place, &text)?);
            }
        }
        Self::new(rules)
    }

    fn new(mut rules: Vec<Rule>) -> Result<Self, RuleError> {
        rules.sort_by(|a, b| (&a.family, &a.id).cmp(&(&b.family, &b.id)));
        let mut places = BTreeMap::new();
        for rule in &rules {
            if let Some(other) = places.insert(&rule.id, &rule.place) {
                return Err(RuleError::new(&rule.place, format!("{other} has the same id")));
            }
        }
        Ok(Self { rules })
    }

    /// All rules, by family and id.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The rules of these ids; without any, all.
    ///
    /// # Errors
    /// As for [`Pack::get`].
    pub fn picked(&self, ids: &[String]) -> Result<Vec<&Rule>, RuleError> {
        match ids {
            [] => Ok(self.rules.iter().collect()),
            ids => ids.iter().map(|id| self.get(id)).collect(),
        }
    }

    /// The rule `id`.
    ///
    /// # Errors
    /// There is none, with the nearest id.
    pub fn get(&self, id: &str) -> Result<&Rule, RuleError> {
        self.rules.iter().find(|rule| rule.id == id).ok_or_else(|| {
            let near = nearest(id, self.rules.iter().map(|rule| rule.id.as_str()));
            let hint = near.unwrap_or("`trailhound rules list` shows them");
            RuleError::new(id, format!("there is no such rule\nhint: {hint}"))
        })
    }
}

fn is_rule(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "toml")
}

/// The rule files one level below `folder`, by name; a folder of rules itself will do as well.
fn rule_files(folder: &Path) -> Result<Vec<PathBuf>, RuleError> {
    let read = |folder: &Path| {
        let entries = std::fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let entries =
            entries.map_err(|error| RuleError::new(&folder.display().to_string(), error.to_string()))?;
        let mut paths = entries.into_iter().map(|entry| entry.path()).collect::<Vec<_>>();
        paths.sort();
        Ok::<_, RuleError>(paths)
    };
    let mut files = Vec::new();
    for path in read(folder)? {
        // What lies beside the families is policy and profiles, not rules.
        let below = if path.is_dir() { read(&path)? } else { Vec::new() };
        files.extend(below.into_iter().filter(|path| is_rule(path) && path.is_file()));
    }
    if files.is_empty() {
        files.extend(read(folder)?.into_iter().filter(|path| is_rule(path) && path.is_file()));
    }
    Ok(files)
}
