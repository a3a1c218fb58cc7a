//! Settings: flag > environment > `trailhound.toml` > default.
//!
//! A setting is a flag, and nothing else: its name in the file is the verb and the flag (`ingest.batch_bytes`), its
//! variable the same in capitals (`TRAILHOUND_INGEST_BATCH_BYTES`). What the file says becomes the default of the flag,
//! so the order above is clap's own, and a flag that is added is a setting at once. `[privacy]`, which is more than
//! flags can say, is in the file only.

mod file;
pub(crate) mod flags;
pub(crate) mod reference;

use clap::{Command, CommandFactory, FromArgMatches};
use file::File;
use std::ffi::OsString;
use std::path::PathBuf;
use trailhound_ingest::privacy::Privacy;

/// The name of the file in the working directory.
pub(crate) const FILE: &str = "trailhound.toml";

/// The variable that names another file.
pub(crate) const VARIABLE: &str = "TRAILHOUND_CONFIG";

/// The command line with what the environment and the file say, and what was in the file.
#[derive(Debug)]
pub(crate) struct Settings {
    /// Its flags have the variables and the defaults.
    pub(crate) command: Command,
    pub(crate) file: Option<File>,
    pub(crate) privacy: Privacy,
}

impl Settings {
    /// Reads the file that `args`, the environment or the working directory name, for the command line `plain`.
    ///
    /// # Errors
    /// The file cannot be read, or says what has no meaning; in one line with the place.
    pub(crate) fn load(plain: Command, args: &[OsString]) -> anyhow::Result<Self> {
        let mut command = flags::with_variables(plain);
        let file = match place(args) {
            Some(path) => Some(File::read(path)?),
            None if PathBuf::from(FILE).is_file() => Some(File::read(PathBuf::from(FILE))?),
            None => None,
        };
        let mut privacy = Privacy::default();
        if let Some(file) = &file {
            command = file.apply(&command)?;
            privacy = file.privacy()?;
        }
        Ok(Self { command, file, privacy })
    }
}

/// The file that `--config FILE` or the variable names.
fn place(args: &[OsString]) -> Option<PathBuf> {
    let mut args = args.iter().skip(1).map(|arg| arg.to_string_lossy()).take_while(|arg| *arg != "--");
    while let Some(arg) = args.next() {
        match arg.strip_prefix("--config") {
            Some("") => return args.next().map(|path| PathBuf::from(path.as_ref())),
            Some(path) if path.starts_with('=') => return Some(PathBuf::from(&path[1..])),
            _ => {}
        }
    }
    let variable = std::env::var_os(VARIABLE).filter(|path| !path.is_empty());
    variable.map(PathBuf::from)
}

/// Reads the command line and what stands behind it.
///
/// # Errors
/// As for [`Settings::load`]. Where the command line itself is wrong, or asks for help, clap says so and the process
/// ends.
pub(crate) fn parse<C: CommandFactory + FromArgMatches>() -> anyhow::Result<(C, Settings)> {
    parse_from(&std::env::args_os().collect::<Vec<_>>())
}

/// The same for other arguments than those of the process.
pub(crate) fn parse_from<C: CommandFactory + FromArgMatches>(
    args: &[OsString],
) -> anyhow::Result<(C, Settings)> {
    let settings = match Settings::load(C::command(), args) {
        Ok(settings) => settings,
        Err(error) => {
            // Help does not depend on what is wrong with a file.
            if let Err(clap) = C::command().try_get_matches_from(args)
                && !clap.use_stderr()
            {
                clap.exit();
            }
            return Err(error);
        }
    };
    let mut command = settings.command.clone();
    let parsed = command.try_get_matches_from_mut(args).and_then(|matches| C::from_arg_matches(&matches));
    Ok((parsed.unwrap_or_else(|error| error.format(&mut command).exit()), settings))
}
