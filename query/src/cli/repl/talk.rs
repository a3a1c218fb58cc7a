//! A session with a person: lines with history and completion, until they leave.

use super::commands::Command;
use super::complete::{Names, complete};
use super::names::{columns, functions, tables};
use super::paths::JsonPaths;
use super::state::State;
use super::{Next, Repl, pager, statements};
use crate::cli::signals::Signals;
use crate::cli::{Outcome, say};
use crate::engine::CLOUDTRAIL;
use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Behavior, CompletionType, Config, Context, Editor, Helper};
use std::io::IsTerminal;
use std::path::Path;
use std::sync::Arc;

/// Statements of the history.
const HISTORY: usize = 2000;

/// A screen of which nothing is known: columns and rows.
const SCREEN: (usize, usize) = (80, 24);

impl Repl {
    /// Talks until the person leaves.
    pub(in crate::cli) async fn talk(mut self, remember: bool) -> anyhow::Result<Outcome> {
        let signals = Signals::watch()?;
        let mut editor = editor()?;
        editor.set_helper(Some(Typing {
            names: Names {
                tables: tables(&self.engine),
                columns: columns(&self.engine, CLOUDTRAIL)
                    .await?
                    .into_iter()
                    .map(|column| column.name)
                    .collect(),
                functions: functions(&self.engine),
            },
            paths: JsonPaths::new(Arc::clone(&self.engine), Arc::clone(&self.source)),
            state: Arc::clone(&self.state),
        }));
        let history = if remember { self.state.history() } else { None };
        // One that is damaged is begun anew.
        let _ = history.as_ref().map(|path| editor.load_history(path));
        let pager = pager::of_environment();
        say(concat!("trailhound ", env!("CARGO_PKG_VERSION"), "; \\help lists the commands, \\q leaves"));
        loop {
            let typed = {
                let _idle = signals.idle(self.engine.spill().map(Into::into));
                editor.readline("trailhound> ")
            };
            let line = match typed {
                Ok(line) if line.trim().is_empty() => continue,
                Ok(line) => line,
                Err(ReadlineError::Interrupted) => continue,
                Err(ReadlineError::Eof) => return Ok(Outcome::Done),
                Err(error) => return Err(error.into()),
            };
            remembered(&mut editor, history.as_deref(), &self.state, &line);
            if std::io::stdout().is_terminal() {
                let size = editor.dimensions().map(|(columns, rows)| (columns.into(), rows.into()));
                self.screen = Some(pager::Screen { size: size.unwrap_or(SCREEN), program: pager.clone() });
            }
            if self.line(&line).await? == Next::Quit {
                return Ok(Outcome::Done);
            }
        }
    }
}

fn editor() -> anyhow::Result<Editor<Typing, FileHistory>> {
    // Stdout is for data: where it goes elsewhere, the talk is with the terminal itself.
    let behavior = if std::io::stdout().is_terminal() { Behavior::Stdio } else { Behavior::PreferTerm };
    let config = Config::builder()
        .max_history_size(HISTORY)?
        .history_ignore_space(true)
        .completion_type(CompletionType::List)
        .behavior(behavior)
        .build();
    Ok(Editor::with_config(config)?)
}

/// Keeps a line in the history: on disk at once, so that it is there whatever happens to the session.
fn remembered(editor: &mut Editor<Typing, FileHistory>, path: Option<&Path>, state: &State, line: &str) {
    if state.is_secret(line) {
        say("the statement has a secret of the environment in it, and is not kept in the history");
        return;
    }
    let added = editor.add_history_entry(line).unwrap_or(false);
    if let (true, Some(path)) = (added, path)
        && let Err(error) = editor.append_history(path)
    {
        say(&format!("cannot write the history: {}: {error}", path.display()));
    }
}

/// What helps while a line is typed.
struct Typing {
    names: Names,
    paths: JsonPaths,
    state: Arc<State>,
}

impl Helper for Typing {}
impl Hinter for Typing {
    type Hint = String;
}
impl Highlighter for Typing {}

impl Validator for Typing {
    /// A statement goes on over lines until its semicolon.
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        let line = context.input();
        let is_complete = Command::is(line) || statements::are_complete(line);
        Ok(if is_complete { ValidationResult::Valid(None) } else { ValidationResult::Incomplete })
    }
}

impl Completer for Typing {
    type Candidate = String;

    fn complete(&self, line: &str, at: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<String>)> {
        Ok(complete(&self.names, || self.state.saved(), |column| self.paths.below(column), line, at))
    }
}
