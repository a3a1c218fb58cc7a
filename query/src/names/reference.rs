//! The generated parts of `query/DIALECT.md`: what calls become, and what is not supported. And that each entry of the
//! latter is tried in `tests/dialect/unsupported.slt`.

use super::macros::{MACROS, Macro};
use super::unsupported::{COLUMNS, FUNCTIONS, markdown};
use std::fmt::Write;
use std::path::{Path, PathBuf};

fn file(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn calls() -> String {
    let mut out = String::from("| call | means |\n|---|---|\n");
    for Macro { name, arguments, meaning } in MACROS {
        let arguments = ["$1", "$2", "$3"][..*arguments].join(", ");
        let _ = writeln!(out, "| `{name}({arguments})` | `{}` |", meaning.replace('|', "\\|"));
    }
    out
}

/// `page` with what stands between two marks made anew.
fn replaced(page: &str, mark: &str, fresh: &str) -> String {
    let (begin, end) = (format!("<!-- {mark}: begin -->"), format!("<!-- {mark}: end -->"));
    let (before, rest) = page.split_once(&begin).unwrap();
    let (_, after) = rest.split_once(&end).unwrap();
    format!("{before}{begin}\n\n{}\n\n{end}{after}", fresh.trim())
}

#[test]
fn the_page_of_the_dialect_is_fresh() {
    let path = file("DIALECT.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let fresh = replaced(&replaced(&page, "calls", &calls()), "unsupported", &markdown());
    if std::env::var_os("TRAILHOUND_UPDATE").is_some() {
        std::fs::write(&path, &fresh).unwrap();
    }
    assert!(page == fresh, "query/DIALECT.md is stale: run the tests once with TRAILHOUND_UPDATE=1");
}

#[test]
fn what_is_not_supported_is_tried() {
    let tried = std::fs::read_to_string(file("tests/dialect/unsupported.slt")).unwrap();
    for of in FUNCTIONS.iter().chain(COLUMNS) {
        let is_tried = |name: &&str| {
            tried.contains(&format!("error {name} is not supported"))
                || tried.contains(&format!("no column {name}:"))
        };
        assert!(of.names.iter().any(is_tried), "none of {:?} is tried", of.names);
    }
}

#[test]
fn what_is_not_supported_is_no_macro() {
    for of in FUNCTIONS {
        assert!(!MACROS.iter().any(|known| of.names.contains(&known.name)), "{:?}", of.names);
    }
}
