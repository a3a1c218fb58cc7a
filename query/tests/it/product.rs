//! The built binary, driven from outside.

use serde_json::Value;
use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Output};

/// `trailhound`, with nothing of the caller's environment that could reach a real account.
pub(crate) fn trailhound<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Command {
    let mut command = bare(Path::new(env!("CARGO_BIN_EXE_trailhound")));
    command.args(args).env("NO_COLOR", "1");
    command
}

/// Any program, in the same way.
pub(crate) fn bare(program: &Path) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("AWS_") || name.to_string_lossy().starts_with("TRAILHOUND_") {
            command.env_remove(name);
        }
    }
    command.env("AWS_EC2_METADATA_DISABLED", "true");
    command
}

/// Runs to the end; a panic fails the test.
pub(crate) fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    let code = output.status.code();
    assert!(matches!(code, Some(0..=3)), "exit {code:?}: {}", text(&output.stderr));
    output
}

/// Runs to the end and reads the JSON object on stdout.
pub(crate) fn json(command: &mut Command) -> Value {
    let output = run(command);
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}\n{}", text(&output.stdout), text(&output.stderr)))
}

/// The one number that a query gives.
pub(crate) fn number(command: &mut Command) -> i64 {
    let output = run(command);
    let text = text(&output.stdout);
    let last = text.lines().last().unwrap_or_default();
    last.parse().unwrap_or_else(|_| panic!("not a number: {text}"))
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
