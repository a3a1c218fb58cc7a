//! Commands of a session: they begin with a backslash, and end with their line.

use super::{Next, Repl};
use crate::cli::say;
use crate::output::Format;
use clap::ValueEnum;

/// A command.
pub(super) struct Command {
    /// As it is typed.
    pub(super) name: &'static str,
    /// What comes behind it.
    pub(super) argument: &'static str,
    /// What it does.
    pub(super) about: &'static str,
}

const fn command(name: &'static str, argument: &'static str, about: &'static str) -> Command {
    Command { name, argument, about }
}

/// All of them.
pub(super) const COMMANDS: [Command; 8] = [
    command("\\d", "[TABLE]", "the tables, or the columns of one with what they mean"),
    command(
        "\\format",
        "[FORMAT]",
        "how answers are printed: table, json, ndjson, csv, markdown, cloudtrail, chart",
    ),
    command("\\x", "", "rows as lines, one for each column that is not NULL; once more, as a table"),
    command("\\timing", "", "say how long each statement took, or no more"),
    command("\\save", "NAME", "keep the last statement under a name"),
    command("\\run", "[NAME]", "run a statement that was kept, or list them"),
    command("\\help", "", "this list"),
    command("\\q", "", "leave; so do exit, quit and Ctrl-D"),
];

/// Words that are no SQL, and that everybody tries.
const LEAVE: [&str; 3] = ["exit", "quit", "\\quit"];

impl Command {
    /// Whether a line is one.
    pub(super) fn is(line: &str) -> bool {
        let line = line.trim();
        line.starts_with('\\') || LEAVE.contains(&without_end(line).to_lowercase().as_str())
    }
}

/// People end everything with a semicolon.
fn without_end(line: &str) -> &str {
    line.trim_end_matches(';').trim_end()
}

/// An answer to a command: `on` or `off`.
fn said(what: &str, on: bool) {
    say(&format!("{what} is {}", if on { "on" } else { "off" }));
}

impl Repl {
    /// Does what a command says.
    pub(super) async fn command(&mut self, line: &str) -> anyhow::Result<Next> {
        let line = without_end(line);
        let (name, argument) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let argument = argument.trim();
        match name.to_lowercase().as_str() {
            "\\d" => self.describe(argument).await?,
            "\\format" => self.set_format(argument)?,
            "\\x" => {
                self.expanded = !self.expanded;
                said("\\x", self.expanded);
            }
            "\\timing" => {
                self.timing = !self.timing;
                said("\\timing", self.timing);
            }
            "\\save" => self.save(argument)?,
            "\\run" => Box::pin(self.run_saved(argument)).await?,
            "\\help" | "\\h" | "\\?" => help(),
            "\\q" | "\\quit" | "quit" | "exit" => return Ok(Next::Quit),
            _ => {
                let near = crate::names::nearest(name, COMMANDS.iter().map(|command| command.name));
                let near = near
                    .map_or_else(|| "\\help lists them".to_owned(), |near| format!("did you mean {near}?"));
                anyhow::bail!("there is no command {name}\nhint: {near}");
            }
        }
        Ok(Next::Go)
    }

    fn set_format(&mut self, name: &str) -> anyhow::Result<()> {
        if !name.is_empty() {
            let format = Format::from_str(name, true).map_err(|_| {
                let near = crate::names::nearest(name, formats());
                let near = near.map_or_else(|| formats().collect::<Vec<_>>().join(", "), str::to_owned);
                anyhow::anyhow!("there is no format {name}\nhint: {near}")
            })?;
            anyhow::ensure!(
                format != Format::Parquet,
                "a Parquet file is nothing for a session\nhint: trailhound sql --format parquet … > FILE"
            );
            self.format = format;
        }
        let format = self.format.to_possible_value();
        say(&format!("format is {}", format.as_ref().map_or("", |value| value.get_name())));
        Ok(())
    }

    fn save(&self, name: &str) -> anyhow::Result<()> {
        let last = self.last.as_ref();
        let last = last.ok_or_else(|| anyhow::anyhow!("there is no statement to keep yet"))?;
        self.state.save(name, last)?;
        say(&format!("kept; \\run {name} runs it"));
        Ok(())
    }

    async fn run_saved(&mut self, name: &str) -> anyhow::Result<()> {
        if name.is_empty() {
            let names = self.state.saved();
            let none = "nothing is kept\nhint: \\save NAME keeps the last statement";
            say(&if names.is_empty() { none.to_owned() } else { names.join("\n") });
            return Ok(());
        }
        let text = self.state.load(name)?;
        say(&text);
        self.statements(&text).await
    }
}

/// Formats of a session.
pub(super) fn formats() -> impl Iterator<Item = &'static str> {
    ["table", "json", "ndjson", "csv", "markdown", "cloudtrail", "chart"].into_iter()
}

fn help() {
    say(
        "A statement ends with ; and may have several lines. Tab completes, Ctrl-C cancels, Ctrl-R searches.\n",
    );
    for Command { name, argument, about } in &COMMANDS {
        say(&format!("{:18}{about}", format!("{name} {argument}")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_known_as_such() {
        for line in ["\\d", " \\x ", "quit;", "EXIT", "\\unknown"] {
            assert!(Command::is(line), "{line}");
        }
        for line in ["select 1;", "", "exit 1", "select '\\d'"] {
            assert!(!Command::is(line), "{line}");
        }
    }

    #[test]
    fn the_formats_are_those_of_the_printer() {
        for value in Format::value_variants().iter().filter_map(ValueEnum::to_possible_value) {
            assert!(value.get_name() == "parquet" || formats().any(|name| name == value.get_name()));
        }
        for name in formats() {
            assert!(Format::from_str(name, false).is_ok(), "{name}");
        }
    }
}
