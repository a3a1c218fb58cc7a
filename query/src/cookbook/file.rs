//! The text of a file → an investigation. The format is strict, so that each one says what it is for and what it takes.
//!
//! ```sql
//! -- Chapter: title
//! -- One sentence for people.
//! -- $name type: what it is
//! -- $since time = 7d: what it is, with a default
//! SELECT …
//! ```

use super::param::{Param, is_name};
use super::wrong;
use crate::error::Error;
use crate::names::bind::names_in;

/// A question with params.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Investigation {
    /// Its name: that of the file, without `.sql`.
    pub name: String,
    /// What kind of question it is.
    pub chapter: String,
    /// What it asks, in a few words.
    pub title: String,
    /// What the answer tells, and what it does not.
    pub doc: String,
    /// What it takes, in the order of the file.
    pub params: Vec<Param>,
    /// The statement.
    pub sql: String,
    /// The file.
    pub place: String,
}

impl Investigation {
    /// Reads a file. `place` names it in messages, and says the name.
    ///
    /// # Errors
    /// It does not have the format, with the line.
    pub fn parse(place: &str, text: &str) -> Result<Self, Error> {
        let fault = |what: &str| wrong(place, what);
        let file = place.rsplit(['/', std::path::MAIN_SEPARATOR]).next().unwrap_or_default();
        let name = file.trim_end_matches(".sql").to_owned();
        if !is_name(&name, '-') {
            return Err(fault("a name is made of a-z, 0-9 and hyphens, such as who-used-key.sql"));
        }
        let mut lines = text.lines().map(str::trim_end);
        let head = lines.by_ref().map_while(|line| line.strip_prefix("-- ")).collect::<Vec<_>>();
        let [title, doc, params @ ..] = head.as_slice() else {
            return Err(fault("line 1 must be `-- Chapter: title` and line 2 `-- One sentence.`"));
        };
        let (chapter, title) =
            title.split_once(": ").ok_or_else(|| fault("line 1 must be `-- Chapter: title`"))?;
        if !doc.ends_with('.') || doc.starts_with('$') {
            return Err(fault(
                "line 2 must be a comment that says what the answer tells, and ends with a full stop",
            ));
        }
        let params = params.iter().enumerate().map(|(number, line)| {
            Param::parse(line).map_err(|why| fault(&format!("line {}: {why}", number + 3)))
        });
        let params = params.collect::<Result<Vec<_>, _>>()?;
        let sql = text.lines().skip(head.len()).collect::<Vec<_>>().join("\n").trim().to_owned();
        let found = Self {
            name,
            chapter: chapter.to_owned(),
            title: title.to_owned(),
            doc: (*doc).to_owned(),
            params,
            sql,
            place: place.to_owned(),
        };
        found.check().map_err(|why| fault(&why))?;
        Ok(found)
    }

    /// Params and `$names` must be the same.
    fn check(&self) -> Result<(), String> {
        if self.sql.is_empty() {
            return Err("there is no statement".to_owned());
        }
        let used = names_in(&self.sql)?;
        if let Some(name) = used.iter().find(|name| !self.params.iter().any(|param| param.name == **name)) {
            return Err(format!("${name} is not among the params\nhint: say `-- ${name} text: what it is`"));
        }
        for (number, param) in self.params.iter().enumerate() {
            if !used.contains(&param.name) {
                return Err(format!("the param ${} is not in the statement", param.name));
            }
            if self.params[..number].iter().any(|other| other.name == param.name) {
                return Err(format!("the param ${} is there twice", param.name));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Investigation;

    const GOOD: &str = "-- A: b\n-- C.\n-- $d text: e\n\n-- A comment.\nSELECT $d\n";

    #[test]
    fn a_file_says_what_it_is() {
        let read = Investigation::parse("x/b-1.sql", GOOD).unwrap();
        assert_eq!((read.name.as_str(), read.chapter.as_str(), read.title.as_str()), ("b-1", "A", "b"));
        assert_eq!((read.doc.as_str(), read.sql.as_str()), ("C.", "-- A comment.\nSELECT $d"));
        assert_eq!((read.params[0].name.as_str(), read.params[0].doc.as_str()), ("d", "e"));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        let check = |from: &str, to: &str, says: &str| {
            let error = Investigation::parse("b.sql", &GOOD.replacen(from, to, 1)).unwrap_err().to_string();
            assert!(error.starts_with("b.sql: ") && error.contains(says), "{error}");
        };
        check("-- A: b", "-- b", "line 1");
        check("-- A: b\n-- C.\n-- $d text: e\n", "", "line 1");
        check("C.", "C", "line 2");
        check("$d text: e", "d text: e", "line 3");
        check("$d text: e", "$d txt: e", "line 3: there is no type txt\nhint: did you mean text?");
        check("$d text: e", "$d time = lately: e", "line 3: \"lately\" is no time");
        check("SELECT $d", "SELECT $d, $e", "$e is not among the params");
        check("SELECT $d", "SELECT 1", "$d is not in the statement");
        check("-- $d text: e", "-- $d text: e\n-- $d text: e", "twice");
        check("-- A comment.\nSELECT $d\n", "", "no statement");
        assert!(Investigation::parse("B b.sql", GOOD).unwrap_err().to_string().contains("a name is made of"));
    }
}
