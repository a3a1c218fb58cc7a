//! Python environments for the tests: pinned, made when absent, below the target folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

/// One environment is made at a time, whichever test asks.
static MAKING: Mutex<()> = Mutex::new(());

/// The Python of the environment `name`, whose packages `tests/python/NAME.txt` pins with their hashes. `None`, and a
/// line on stderr, where there is no Python or no package index: the test is then skipped.
pub(crate) fn environment(name: &str) -> Option<PathBuf> {
    let pins = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python").join(format!("{name}.txt"));
    environment_of(name, &pins)
}

/// The same for pins that are elsewhere.
pub(crate) fn environment_of(name: &str, pins: &Path) -> Option<PathBuf> {
    let _guard = MAKING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let pins_text = fs::read_to_string(pins).unwrap();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("python-{name}"));
    let (python, ready) = (folder.join("bin/python"), folder.join("ready"));
    if fs::read_to_string(&ready).is_ok_and(|text| text == pins_text) {
        return Some(python);
    }
    let _ = fs::remove_dir_all(&folder);
    let made = run(Command::new("python3").args(["-m", "venv"]).arg(&folder))
        && run(Command::new(&python)
            .args(["-m", "pip", "install", "-q", "--require-hashes", "-r"])
            .arg(pins));
    if !made {
        eprintln!("SKIPPED: no Python environment `{name}`: needs python3 with venv, and a package index");
        return None;
    }
    fs::write(ready, pins_text).unwrap();
    Some(python)
}

fn run(command: &mut Command) -> bool {
    command.status().is_ok_and(|status| status.success())
}
