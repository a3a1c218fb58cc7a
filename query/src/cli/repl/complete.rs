//! What is begun → how it may go on: commands, tables, columns in AWS's names, members of JSON, functions.

use super::commands::{COMMANDS, formats};
use super::paths::json_columns;
use super::statements;
use crate::names::is_known;

/// Words that are offered, beside names.
const WORDS: [&str; 31] = [
    "SELECT", "FROM", "WHERE", "GROUP", "ORDER", "BY", "HAVING", "LIMIT", "DISTINCT", "JOIN", "LEFT",
    "CROSS", "ON", "USING", "UNION", "ALL", "WITH", "AND", "NOT", "LIKE", "BETWEEN", "NULL", "DESC", "CASE",
    "WHEN", "THEN", "ELSE", "END", "INTERVAL", "EXPLAIN", "UNNEST",
];

/// Words that a table follows.
const BEFORE_TABLES: [&str; 4] = ["from", "join", "describe", "table"];

/// Names that can be typed.
#[derive(Default)]
pub(super) struct Names {
    pub(super) tables: Vec<String>,
    /// Dots lead into structs.
    pub(super) columns: Vec<String>,
    pub(super) functions: Vec<String>,
}

/// Where the word that ends at `at` begins, and what may stand in its place. `saved` are names of kept statements, `paths`
/// gives what is below a JSON column.
pub(super) fn complete(
    names: &Names,
    saved: impl Fn() -> Vec<String>,
    paths: impl Fn(&str) -> Vec<String>,
    line: &str,
    at: usize,
) -> (usize, Vec<String>) {
    let before = &line[..at];
    if before.trim_start().starts_with('\\') {
        return command(names, saved, before);
    }
    let is_part = |character: char| character.is_ascii_alphanumeric() || "_.[]".contains(character);
    let start = before.rfind(|character| !is_part(character)).map_or(0, |found| found + next(before, found));
    let word = &before[start..];
    if statements::is_open(before) {
        return (start, vec![]);
    }
    let last = before[..start].split_whitespace().next_back().unwrap_or_default().to_lowercase();
    let found = if BEFORE_TABLES.contains(&last.as_str()) {
        fitting(&names.tables, word)
    } else if word.contains('.') {
        below(names, paths, word)
    } else {
        plain(names, word)
    };
    (start, found)
}

/// Bytes of the character at `at`.
fn next(text: &str, at: usize) -> usize {
    text[at..].chars().next().map_or(0, char::len_utf8)
}

fn command(names: &Names, saved: impl Fn() -> Vec<String>, before: &str) -> (usize, Vec<String>) {
    let start = before.rfind(char::is_whitespace).map_or(0, |found| found + next(before, found));
    let word = &before[start..];
    let found = match before.split_whitespace().next().unwrap_or_default() {
        command if command == word => COMMANDS.iter().map(|command| command.name.to_owned()).collect(),
        "\\d" => names.tables.clone(),
        "\\run" | "\\save" => saved(),
        "\\format" => formats().map(str::to_owned).collect(),
        _ => vec![],
    };
    (start, fitting(&found, word))
}

/// A word without a dot.
fn plain(names: &Names, word: &str) -> Vec<String> {
    let mut found = levels(names.columns.iter().cloned(), word);
    if word.is_empty() {
        return found;
    }
    found.extend(fitting(&names.tables, word));
    let lower = !word.chars().any(char::is_uppercase);
    let words = WORDS.map(|word| if lower { word.to_lowercase() } else { word.to_owned() });
    found.extend(fitting(&words, word));
    found.extend(fitting(&names.functions, word).into_iter().map(|name| format!("{name}(")));
    found
}

/// `userIdentity.s`, `requestParameters.b`, and both behind the name of a table: `c.userIdentity.s`.
fn below(names: &Names, paths: impl Fn(&str) -> Vec<String>, word: &str) -> Vec<String> {
    let (head, rest) = word.split_once('.').unwrap_or((word, ""));
    if !is_known(&head.to_lowercase()) {
        // The name of a table, or an alias of one: columns follow.
        let found = if rest.contains('.') {
            below(names, paths, rest)
        } else {
            levels(names.columns.iter().cloned(), rest)
        };
        return found.into_iter().map(|name| format!("{head}.{name}")).collect();
    }
    match json_columns().find(|column| column.eq_ignore_ascii_case(head)) {
        Some(column) => levels(paths(column).into_iter().map(|path| format!("{column}.{path}")), word),
        None => levels(names.columns.iter().cloned(), word),
    }
}

/// Those that begin like `word`, in whatever case, up to their next dot behind it, each once.
fn levels(all: impl Iterator<Item = String>, word: &str) -> Vec<String> {
    let mut found = Vec::new();
    for mut name in all.filter(|name| begins(name, word)) {
        if let Some(dot) = name[word.len()..].find('.') {
            name.truncate(word.len() + dot);
        }
        if !found.contains(&name) {
            found.push(name);
        }
    }
    found
}

fn fitting(all: &[String], word: &str) -> Vec<String> {
    all.iter().filter(|name| begins(name, word)).cloned().collect()
}

fn begins(name: &str, word: &str) -> bool {
    name.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What completes the end of `line`.
    fn check(line: &str, expected: &[&str]) {
        let texts = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
        let names = Names {
            tables: texts(&["cloudtrail", "logfiles"]),
            columns: texts(&[
                "eventName",
                "eventTime",
                "userIdentity.arn",
                "userIdentity.sessionContext.x",
                "requestParameters",
            ]),
            functions: texts(&["count", "concat", "net24"]),
        };
        let paths = |column: &str| match column {
            "requestParameters" => {
                texts(&["bucketName", "bucketPolicy", "items", "items[0]", "items[0].toPort"])
            }
            _ => vec![],
        };
        let (start, found) = complete(&names, || texts(&["who", "when"]), paths, line, line.len());
        let found = found.iter().map(|found| format!("{}{found}", &line[..start])).collect::<Vec<_>>();
        assert_eq!(found, expected, "{line}");
    }

    #[test]
    fn names_in_the_case_of_aws() {
        check("select EVENTN", &["select eventName"]);
        check("select event", &["select eventName", "select eventTime"]);
        check("select user", &["select userIdentity"]);
        check("select useridentity.", &["select userIdentity.arn", "select userIdentity.sessionContext"]);
        check("select c.useridentity.s", &["select c.userIdentity.sessionContext"]);
        check("select c.eventn", &["select c.eventName"]);
        check("select count(eventt", &["select count(eventTime"]);
    }

    #[test]
    fn members_of_json_that_are_there() {
        check(
            "select requestparameters.b",
            &["select requestParameters.bucketName", "select requestParameters.bucketPolicy"],
        );
        check("select x.requestParameters.items[0].t", &["select x.requestParameters.items[0].toPort"]);
        check(
            "select requestParameters.items",
            &["select requestParameters.items", "select requestParameters.items[0]"],
        );
        check("select rest.", &[]);
    }

    #[test]
    fn tables_words_functions() {
        check("select 1 from ", &["select 1 from cloudtrail", "select 1 from logfiles"]);
        check("select 1\nfrom CL", &["select 1\nfrom cloudtrail"]);
        check("select co", &["select count(", "select concat("]);
        check("sel", &["select"]);
        check("SEL", &["SELECT"]);
        check("select 'event", &[]);
        check("select -- event", &[]);
        check("select 'ü', eventn", &["select 'ü', eventName"]);
    }

    #[test]
    fn commands_and_what_they_take() {
        check("\\ti", &["\\timing"]);
        check("\\d log", &["\\d logfiles"]);
        check("\\run wh", &["\\run who", "\\run when"]);
        check("\\format nd", &["\\format ndjson"]);
        check("\\x ", &[]);
    }
}
