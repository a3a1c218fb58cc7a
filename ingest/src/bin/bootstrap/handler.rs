//! An event → its log objects in the lake, and the messages that have to come again.

use super::settings;
use lambda_runtime::Diagnostic;
use serde_json::{Value, json};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::OnceCell;
use trailhound_ingest::metrics;
use trailhound_ingest::notice::{Message, messages};
use trailhound_ingest::session::{Delivered, Session};

/// The last part of the time of a call is for committing what was begun: so many of ten parts.
const LAST_PARTS: u32 = 3;

/// In ms since 1970, the day on which AWS announced Lambda, 2014-11-13. What is smaller is no point in time: some
/// emulators send a duration instead.
const FIRST_DEADLINE: u64 = 1_415_836_800_000;

/// What is kept from call to call: the lake, once it could be opened.
#[derive(Default)]
pub(crate) struct Handler {
    session: OnceCell<Session>,
}

/// Why a call failed as a whole; Lambda calls again, or keeps the event for people to see.
#[derive(Debug)]
pub(crate) struct Failed {
    kind: &'static str,
    message: String,
}

impl From<Failed> for Diagnostic {
    fn from(failed: Failed) -> Self {
        tracing::error!(kind = failed.kind, "{}", failed.message);
        Self { error_type: format!("Trailhound.{}", failed.kind), error_message: failed.message }
    }
}

impl Handler {
    /// Does what `event` asks for, until `deadline` in ms since 1970. The answer to SQS names the messages that have to
    /// come again; that to others has the counters.
    pub(crate) async fn call(&self, event: Value, deadline: u64) -> Result<Value, Failed> {
        let until = until(deadline);
        let messages =
            messages(&event).map_err(|error| Failed::new("Event", format!("the event {error}")))?;
        let failed = |error: trailhound_ingest::Error| Failed::new("Lake", error.to_string());
        let session = self.session.get_or_try_init(settings::open).await.map_err(failed)?;
        let delivered = session.deliver(&messages, until).await.map_err(failed)?;
        tell(&delivered);
        answer(&messages, &delivered)
    }
}

impl Failed {
    fn new(kind: &'static str, message: String) -> Self {
        Self { kind, message }
    }
}

/// When to begin with nothing more: at once, if the deadline has passed already.
fn until(deadline: u64) -> Option<Instant> {
    if deadline < FIRST_DEADLINE {
        return None;
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let left = Duration::from_millis(deadline).saturating_sub(now);
    Some(Instant::now() + left / 10 * (10 - LAST_PARTS))
}

/// The log and the metrics of a call.
#[expect(clippy::print_stdout, reason = "CloudWatch reads metrics from stdout")]
fn tell(delivered: &Delivered) {
    let Delivered { report, again, oldest, ignored } = delivered;
    for problem in &report.problems {
        tracing::warn!("{problem}");
    }
    let again = again.len();
    let counters = serde_json::to_string(report).unwrap_or_default();
    tracing::info!(again, ignored, counters, "{report}");
    let namespace = settings::namespace();
    println!("{}", metrics::line(&namespace, "ingest", &metrics::of_ingest(report, *oldest)));
}

fn answer(messages: &[Message], delivered: &Delivered) -> Result<Value, Failed> {
    let again = delivered.again.iter().map(|&at| &messages[at]);
    if messages.iter().all(|message| message.id.is_some()) {
        let items = again.map(|message| json!({"itemIdentifier": message.id})).collect::<Vec<_>>();
        return Ok(json!({"batchItemFailures": items}));
    }
    if delivered.again.is_empty() {
        return serde_json::to_value(&delivered.report)
            .map_err(|error| Failed::new("Report", error.to_string()));
    }
    Err(Failed::new("Objects", delivered.report.problems.join("\n")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_leaves_time_to_commit() {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let in_ten_seconds = u64::try_from(now.as_millis()).unwrap() + 10_000;
        let left = until(in_ten_seconds).unwrap() - Instant::now();
        assert!(left > Duration::from_secs(6) && left < Duration::from_secs(8), "{left:?}");
        assert!(until(in_ten_seconds - 11_000).unwrap() <= Instant::now());
        assert_eq!(until(600_000), None);
    }

    #[test]
    fn only_messages_of_a_queue_come_again_one_by_one() {
        let event = json!({"Records": [
            {"messageId": "1", "eventSource": "aws:sqs", "body": "{\"Event\":\"s3:TestEvent\"}"},
            {"messageId": "2", "eventSource": "aws:sqs", "body": "poison"},
        ]});
        let of_queue = messages(&event).unwrap();
        let mut delivered = Delivered { again: vec![1], ..Delivered::default() };
        let said = answer(&of_queue, &delivered).unwrap();
        assert_eq!(said, json!({"batchItemFailures": [{"itemIdentifier": "2"}]}));
        let direct = [Message { id: None, notice: of_queue[1].notice.clone() }];
        delivered.again = vec![0];
        assert_eq!(answer(&direct, &delivered).unwrap_err().kind, "Objects");
        delivered.again.clear();
        assert_eq!(answer(&direct, &delivered).unwrap()["written"], 0);
    }
}
