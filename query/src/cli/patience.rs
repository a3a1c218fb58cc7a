//! How long S3 may be silent or in trouble, as flags of every verb.

use crate::rules::duration::Seconds;
use clap::Args;
use std::time::Duration;
use trailhound_ingest::patience::Patience;

/// Patience with S3.
#[derive(Clone, Copy, Debug, Args)]
#[command(next_help_heading = "Patience with S3")]
pub(crate) struct PatienceFlags {
    /// How long S3 may be silent before a request is made again.
    #[arg(long, global = true, env = "TRAILHOUND_S3_TIMEOUT", value_name = "TIME", value_parser = span, default_value = "15s")]
    s3_timeout: Duration,
    /// How long S3 may be in trouble before what was asked of it is given up; a dead store ends a run within about twice that.
    #[arg(long, global = true, env = "TRAILHOUND_S3_GIVE_UP", value_name = "TIME", value_parser = span, default_value = "3m")]
    s3_give_up: Duration,
}

impl From<PatienceFlags> for Patience {
    fn from(flags: PatienceFlags) -> Self {
        Self { silence: flags.s3_timeout, give_up: flags.s3_give_up }
    }
}

/// `15s`, `3m`, not nothing.
pub(crate) fn span(text: &str) -> Result<Duration, String> {
    let seconds =
        Seconds::parse(text).and_then(|span| u64::try_from(span.0).ok()).filter(|seconds| *seconds > 0);
    seconds.map(Duration::from_secs).ok_or_else(|| "a time is needed, such as 15s or 3m".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Flags {
        #[command(flatten)]
        patience: PatienceFlags,
    }

    #[test]
    fn the_defaults_are_those_of_the_library() {
        let flags = Flags::try_parse_from(["x"]).unwrap();
        assert_eq!(Patience::from(flags.patience), Patience::default());
    }

    #[test]
    fn no_time_is_no_patience() {
        assert_eq!(span("90s"), Ok(Duration::from_secs(90)));
        for text in ["", "0s", "5", "soon"] {
            assert!(span(text).is_err(), "{text}");
        }
    }
}
