//! The generated part of `query/COOKBOOK.md`: each investigation with what it says about itself.

use super::{Cookbook, Investigation};
use std::fmt::Write;
use std::path::Path;

const BEGIN: &str = "<!-- cookbook: begin -->";
const END: &str = "<!-- cookbook: end -->";

fn markdown(cookbook: &Cookbook) -> String {
    let (mut out, mut chapter) = (String::new(), "");
    for one in cookbook.investigations() {
        if chapter != one.chapter {
            chapter = &one.chapter;
            write!(out, "## {chapter}\n\n").unwrap();
        }
        write!(out, "### [`{0}`](cookbook/{0}.sql): {1}\n\n{2}\n\n", one.name, one.title, one.doc).unwrap();
        out.push_str(&params(one));
    }
    out
}

fn params(one: &Investigation) -> String {
    let mut out = String::new();
    for param in &one.params {
        let default = param.default.as_ref().map(|default| format!(", default `{default}`"));
        let (name, kind, default) = (&param.name, &param.type_name, default.unwrap_or_default());
        writeln!(out, "- `--{name}` ({kind}{default}): {}", param.doc).unwrap();
    }
    if !out.is_empty() {
        out.push('\n');
    }
    out
}

#[test]
fn the_page_is_fresh() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("COOKBOOK.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let fresh = format!("{before}{BEGIN}\n\n{}{END}{after}", markdown(&Cookbook::load(&[]).unwrap()));
    if std::env::var_os("TRAILHOUND_UPDATE").is_some() {
        std::fs::write(&path, &fresh).unwrap();
    }
    assert!(page == fresh, "query/COOKBOOK.md is stale: run the tests once with TRAILHOUND_UPDATE=1");
}
