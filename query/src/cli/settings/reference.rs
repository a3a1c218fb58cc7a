//! All settings by their keys, and the generated part of `query/SETTINGS.md`, a table of them.

use super::flags::{self, Setting};
use clap::Command;
use std::collections::BTreeMap;

/// The settings of `command` by their keys, each with the verbs that share it.
pub(crate) fn by_key(command: &Command) -> BTreeMap<String, Vec<Setting>> {
    let mut by_key = BTreeMap::<String, Vec<Setting>>::new();
    for setting in flags::settings(command) {
        by_key.entry(setting.key.clone()).or_default().push(setting);
    }
    by_key
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Cli;
    use clap::CommandFactory;
    use std::fmt::Write;
    use std::path::Path;

    const BEGIN: &str = "<!-- settings: begin -->";
    const END: &str = "<!-- settings: end -->";

    /// The table, in Markdown.
    fn markdown(command: &Command) -> String {
        let mut out = String::from("| setting | variable | default | |\n|---|---|---|---|\n");
        for (key, settings) in by_key(command) {
            let arg = flags::flag(command, &settings[0]).unwrap();
            let defaults = arg.get_default_values().iter().map(|value| format!("`{}`", value.display()));
            let defaults = if arg.is_hide_default_value_set() { String::new() } else { defaults.collect() };
            let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
            let (variable, help) = (&settings[0].variable, help.replace('|', "\\|"));
            writeln!(out, "| `{key}` | `{variable}` | {defaults} | {help} |").unwrap();
        }
        out
    }

    #[test]
    fn the_reference_page_is_fresh() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("SETTINGS.md");
        let page = std::fs::read_to_string(&path).unwrap();
        let command = flags::with_variables(Cli::command());
        let (before, rest) = page.split_once(BEGIN).unwrap();
        let (_, after) = rest.split_once(END).unwrap();
        let fresh = format!("{before}{BEGIN}\n\n{}\n{END}{after}", markdown(&command));
        if std::env::var_os("TRAILHOUND_UPDATE").is_some() {
            std::fs::write(&path, &fresh).unwrap();
        }
        assert!(page == fresh, "query/SETTINGS.md is stale: run the tests once with TRAILHOUND_UPDATE=1");
    }

    #[test]
    fn a_key_and_a_variable_mean_one_flag() {
        let settings = by_key(&Cli::command());
        let variables =
            settings.values().map(|of| &of[0].variable).collect::<std::collections::BTreeSet<_>>();
        assert_eq!(variables.len(), settings.len());
        for (key, of) in &settings {
            assert!(of.len() == 1 || !key.contains('.'), "{key}");
            assert!(of.iter().all(|setting| setting.variable == of[0].variable), "{key}");
            // A shell cannot set a variable with a hyphen.
            let variable = of[0].variable.bytes();
            assert!(
                variable.into_iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_'),
                "{key}"
            );
        }
        assert!(settings.contains_key("ingest.batch_bytes") && settings.contains_key("lake"));
    }
}
