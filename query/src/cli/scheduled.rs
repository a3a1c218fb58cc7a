//! `trailhound` as a function: AWS Lambda calls, and each call runs the verb that the environment names.
//!
//! The event says when, not what: whoever may call the function cannot make it do anything else. Settings are those of
//! the verb on the command line, by their variables.

use super::{Cli, Outcome, settings};
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde_json::{Value, json};
use std::ffi::OsString;
use std::process::ExitCode;

/// The variable that names the verb.
const VERB: &str = "TRAILHOUND_LAMBDA";

/// Verbs that can be scheduled.
const VERBS: [&str; 3] = ["detect", "lake compact", "lake vacuum"];

/// Whether Lambda started us.
pub(super) fn is_called() -> bool {
    let of_lambda = ["RUNTIME_API", "FUNCTION_NAME", "FUNCTION_MEMORY_SIZE", "FUNCTION_VERSION"];
    of_lambda.iter().all(|name| std::env::var_os(format!("AWS_LAMBDA_{name}")).is_some())
}

/// Answers calls until Lambda ends the process.
pub(super) fn serve() -> ExitCode {
    super::trace(true);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let call = |_: LambdaEvent<Value>| call();
    let served = runtime
        .map_err(lambda_runtime::Error::from)
        .and_then(|runtime| runtime.block_on(lambda_runtime::run(service_fn(call))));
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::from(2)
        }
    }
}

/// Why a call failed.
#[derive(Debug)]
struct Failed(String);

impl From<Failed> for Diagnostic {
    fn from(failed: Failed) -> Self {
        tracing::error!("{}", failed.0);
        Self { error_type: "Trailhound.Failed".to_owned(), error_message: failed.0 }
    }
}

async fn call() -> Result<Value, Failed> {
    let args = args(&std::env::var(VERB).unwrap_or_default())?;
    let (cli, settings) = settings::parse_from::<Cli>(&args).map_err(|error| Failed(error.to_string()))?;
    match cli.work(&settings).await {
        Ok(Outcome::Failed) => Err(Failed("not all was done, see the log".to_owned())),
        Ok(outcome) => Ok(json!({"outcome": format!("{outcome:?}").to_lowercase()})),
        Err(error) => Err(Failed(error.to_string())),
    }
}

/// The command line of a verb; the log gets its counters.
fn args(verb: &str) -> Result<Vec<OsString>, Failed> {
    if !VERBS.contains(&verb) {
        let known = VERBS.join(", ");
        return Err(Failed(format!("{VERB} is {verb:?}\nhint: one of {known}")));
    }
    let words = ["trailhound"].into_iter().chain(verb.split(' ')).chain(["--report", "json"]);
    Ok(words.map(OsString::from).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[test]
    fn each_verb_can_be_parsed_and_no_other_is_taken() {
        for verb in VERBS {
            assert!(Cli::try_parse_from(args(verb).unwrap()).is_ok(), "{verb}");
        }
        for verb in ["", "sql", "detect --rules /tmp", "lake export"] {
            assert!(args(verb).unwrap_err().0.contains("one of detect"), "{verb}");
        }
    }
}
