//! The rules to run: those in the binary, or those of folders that a person names.

use super::RuleError;
use super::file::Rule;
use crate::names::nearest;
use include_dir::{Dir, include_dir};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The folder beside the families that has policies, and no rules.
const PROFILES: &str = "profiles";

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
        let families = BUILT_IN.dirs().filter(|folder| folder.path() != Path::new(PROFILES));
        let files = families.flat_map(Dir::files).filter(|file| is_rule(file.path()));
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
    /// A folder cannot be read or has no rule; a file is no rule; two rules have one id, or supersede each other.
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
        let pack = Self { rules };
        match pack.rules.iter().find(|rule| pack.is_below_itself(rule)) {
            Some(rule) => Err(RuleError::new(
                &rule.place,
                "supersedes rules that supersede it in turn, so that none of them would speak\nhint: let the most telling one supersede the others",
            )),
            None => Ok(pack),
        }
    }

    /// Whether `rule` supersedes itself, by way of others.
    fn is_below_itself(&self, rule: &Rule) -> bool {
        let mut below = rule.supersedes.iter().collect::<Vec<_>>();
        let mut known = BTreeSet::new();
        while let Some(id) = below.pop() {
            if *id == rule.id {
                return true;
            }
            if known.insert(id) {
                let of_id = self.rules.iter().find(|rule| rule.id == *id);
                below.extend(of_id.into_iter().flat_map(|rule| &rule.supersedes));
            }
        }
        false
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
        let is_family = path.is_dir() && !path.ends_with(PROFILES);
        let below = if is_family { read(&path)? } else { Vec::new() };
        files.extend(below.into_iter().filter(|path| is_rule(path) && path.is_file()));
    }
    if files.is_empty() {
        files.extend(read(folder)?.into_iter().filter(|path| is_rule(path) && path.is_file()));
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rules of a folder, each with what it supersedes.
    fn load(rules: &[(&str, &str)]) -> Result<Pack, RuleError> {
        let folder = tempfile::tempdir().unwrap();
        let family = folder.path().join("x");
        std::fs::create_dir(&family).unwrap();
        for (id, below) in rules {
            let text = super::super::begin::text(id, "x", super::super::Kind::Match).unwrap();
            let text = format!("supersedes = [\"{below}\"]\n{text}");
            std::fs::write(family.join(format!("{id}.toml")), text).unwrap();
        }
        // Profiles are policies, and no rules; what lies beside the families is none either.
        std::fs::write(folder.path().join("coverage.toml"), "services = []").unwrap();
        std::fs::create_dir(folder.path().join(PROFILES)).unwrap();
        std::fs::write(folder.path().join(PROFILES).join("quiet.toml"), "[params]").unwrap();
        Pack::load(&[folder.path().to_owned()])
    }

    #[test]
    fn a_circle_of_rules_that_supersede_each_other_is_refused() {
        assert_eq!(load(&[("a", "b"), ("b", "c"), ("c", "d")]).unwrap().rules().len(), 3);
        let error = load(&[("a", "b"), ("b", "c"), ("c", "b")]).unwrap_err();
        assert!(error.place.ends_with("b.toml") && error.what.contains("supersede"), "{error}");
        assert!(load(&[("a", "a")]).is_err());
    }
}
