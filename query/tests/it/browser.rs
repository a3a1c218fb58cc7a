//! Chromium for the tests: pinned packages of npm, one of which carries the browser, installed below the target folder.

use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

/// One installation at a time, whichever test asks.
static MAKING: Mutex<()> = Mutex::new(());

/// The folder with the packages. `None`, and a line on stderr, where there is no Node.js or no registry.
fn installed() -> Option<PathBuf> {
    let _guard = MAKING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("browser");
    let lock = fs::read_to_string(from.join("package-lock.json")).unwrap();
    let ready = folder.join("ready");
    fs::create_dir_all(folder.join("tmp")).unwrap();
    fs::copy(from.join("look.mjs"), folder.join("look.mjs")).unwrap();
    if fs::read_to_string(&ready).is_ok_and(|text| text == lock) {
        return Some(folder);
    }
    for name in ["package.json", "package-lock.json"] {
        fs::copy(from.join(name), folder.join(name)).unwrap();
    }
    let mut npm = Command::new("npm");
    // The lock file has the hashes; no script of a package runs.
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]).current_dir(&folder);
    if !npm.status().is_ok_and(|status| status.success()) {
        eprintln!("SKIPPED: no browser: needs Node.js with npm, and a package registry");
        return None;
    }
    fs::write(ready, lock).unwrap();
    Some(folder)
}

/// What a person would see of a page, from `tests/browser/look.mjs`. `None`, and a line on stderr, where no browser starts.
pub(crate) fn look(page: &Path, pictures: Option<&Path>) -> Option<Value> {
    let folder = installed()?;
    let mut node = Command::new("node");
    // The browser unpacks itself there.
    node.arg("look.mjs").arg(page).args(pictures).current_dir(&folder).env("TMPDIR", folder.join("tmp"));
    let output = node.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    if output.status.code() == Some(3) {
        eprintln!("SKIPPED: Chromium does not start here: {stderr}");
        return None;
    }
    assert!(output.status.success(), "{stderr}");
    Some(serde_json::from_slice(&output.stdout).unwrap())
}
