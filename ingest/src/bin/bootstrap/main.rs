//! `bootstrap`: the function that AWS Lambda starts, and calls with news of log objects.

mod handler;
mod settings;

use handler::Handler;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;
use std::io;
use tracing_subscriber::EnvFilter;
use trailhound_ingest::lake::UNSAID;

/// What Lambda sets, and its client cannot do without.
const OF_LAMBDA: [&str; 4] = [
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_VERSION",
];

fn main() -> Result<(), Error> {
    if let Some(name) = OF_LAMBDA.iter().find(|name| std::env::var_os(name).is_none()) {
        return Err(format!(
            "{name} is not set: AWS Lambda starts this; on a machine use `trailhound ingest`"
        )
        .into());
    }
    let filter = EnvFilter::try_from_env("TRAILHOUND_LOG");
    let usual = || EnvFilter::new(format!("warn,bootstrap=info,trailhound_ingest=info,{UNSAID}"));
    let filter = filter.unwrap_or_else(|_| usual());
    // Lambda takes each line for an entry of the log; metrics go to stdout, see `metrics`.
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .log_internal_errors(false)
        .init();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let handler = Handler::default();
    let call = |event: LambdaEvent<Value>| handler.call(event.payload, event.context.deadline);
    runtime.block_on(lambda_runtime::run(service_fn(call)))
}
