//! Which flags are settings, and what they are called.

use clap::{Arg, ArgAction, Command};

/// Verbs that have no settings: the demo brings its own, and the others only show things.
const WITHOUT: [&str; 3] = ["demo", "config", "help"];

/// Flags that mean the same wherever they are, so they have one name for all verbs.
const SHARED: [&str; 4] = ["lake", "rules", "local", "cookbook"];

/// Flags that say what to do this time.
const NO_SETTING: [&str; 5] = ["help", "version", "config", "since", "show"];

/// A flag of a verb, as a setting.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Setting {
    /// Its name in the file: `lake`, `ingest.batch_bytes`.
    pub(crate) key: String,
    /// Its variable.
    pub(crate) variable: String,
    /// The verb, from the outermost on.
    pub(crate) verb: Vec<String>,
    /// What clap calls the flag.
    pub(crate) id: String,
}

/// All settings of a command line, verb by verb. One that several verbs share comes for each of them.
pub(crate) fn settings(command: &Command) -> Vec<Setting> {
    // What all verbs share stands before them, and has no verb.
    let shared = command.get_arguments().filter(|arg| is_setting(arg));
    let mut settings = shared.map(|arg| setting(&[], arg)).collect();
    collect(command, &mut vec![], &mut settings);
    settings
}

fn collect(command: &Command, verb: &mut Vec<String>, settings: &mut Vec<Setting>) {
    for below in command.get_subcommands().filter(|below| !WITHOUT.contains(&below.get_name())) {
        verb.push(below.get_name().to_owned());
        settings.extend(below.get_arguments().filter(|arg| is_setting(arg)).map(|arg| setting(verb, arg)));
        collect(below, verb, settings);
        verb.pop();
    }
}

fn is_setting(arg: &Arg) -> bool {
    let flag = arg.get_long().is_some_and(|long| !NO_SETTING.contains(&long) && long != "until");
    flag && !arg.is_required_set()
}

fn setting(verb: &[String], arg: &Arg) -> Setting {
    let flag = arg.get_long().unwrap_or_default().replace('-', "_");
    let is_shared = verb.is_empty() || SHARED.contains(&flag.as_str());
    let key = if is_shared { flag } else { format!("{}.{flag}", verb.join("_").replace('-', "_")) };
    let variable = match arg.get_env() {
        Some(name) => name.to_string_lossy().into_owned(),
        None => format!("TRAILHOUND_{}", key.replace('.', "_").to_uppercase()),
    };
    Setting { key, variable, verb: verb.to_vec(), id: arg.get_id().to_string() }
}

/// The command line where every setting has its variable.
pub(crate) fn with_variables(command: Command) -> Command {
    let settings = settings(&command);
    settings.iter().fold(command, |command, setting| {
        change(command, &setting.verb, &setting.id, |arg| arg.env(&setting.variable))
    })
}

/// The command line with the values of one setting as defaults.
pub(crate) fn with_default(command: Command, setting: &Setting, values: &[String]) -> Command {
    change(command, &setting.verb, &setting.id, |arg| arg.default_values(values))
}

fn change(command: Command, verb: &[String], id: &str, with: impl FnOnce(Arg) -> Arg) -> Command {
    match verb.split_first() {
        None => command.mut_arg(id, with),
        Some((first, below)) => command.mut_subcommand(first, |command| change(command, below, id, with)),
    }
}

/// The flag of a setting.
pub(crate) fn flag<'a>(command: &'a Command, setting: &Setting) -> Option<&'a Arg> {
    let verb = setting.verb.iter().try_fold(command, |command, verb| command.find_subcommand(verb))?;
    verb.get_arguments().find(|arg| arg.get_id() == setting.id.as_str())
}

/// What is wrong with `values` for a flag, in the words of clap.
pub(crate) fn fault(arg: &Arg, values: &[String]) -> Option<String> {
    let many = matches!(arg.get_action(), ArgAction::Append);
    if !many && values.len() != 1 {
        return Some("one value is needed".to_owned());
    }
    let command = Command::new("trailhound").arg(arg.clone().env(None).action(ArgAction::Append).num_args(1));
    let long = arg.get_long().unwrap_or_default();
    let args = values.iter().map(|value| format!("--{long}={value}"));
    let error = command.try_get_matches_from(std::iter::once("trailhound".to_owned()).chain(args)).err()?;
    let told = error.to_string();
    let mut lines = told.lines();
    let fault = lines.next().unwrap_or_default();
    let fault = fault.strip_prefix("error: ").unwrap_or(fault);
    let hint = lines.find(|line| line.starts_with("hint: ")).map(|hint| format!("\n{hint}"));
    Some(format!("{fault}{}", hint.unwrap_or_default()))
}
