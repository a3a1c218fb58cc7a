//! The event that a function is called with → messages, each of which is done or comes again by itself.

use super::{MOST_WRAPPED, Notice, NoticeError, read, read_value};
use serde_json::Value;

/// A message, and what it says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Message {
    /// Its id in the queue, by which it is sent back; `None` when the event did not come from a queue.
    pub id: Option<String>,
    /// What it says, or why that is not known.
    pub notice: Result<Notice, NoticeError>,
}

/// The messages in `event`: those of SQS one by one, everything else as one.
///
/// # Errors
/// A message of SQS has no id, so that it could not be sent back.
pub fn messages(event: &Value) -> Result<Vec<Message>, NoticeError> {
    let records = event["Records"].as_array().map_or(&[][..], Vec::as_slice);
    if records.first().is_some_and(|record| record["eventSource"] == "aws:sqs") {
        return records.iter().map(of_queue).collect();
    }
    let mut notice = Notice::default();
    let read = read_value(event, MOST_WRAPPED, &mut notice);
    Ok(vec![Message { id: None, notice: read.map(|()| notice) }])
}

fn of_queue(record: &Value) -> Result<Message, NoticeError> {
    let id = record["messageId"].as_str().ok_or(NoticeError::Lacks("messageId"))?;
    let body = record["body"].as_str().ok_or(NoticeError::Lacks("body"));
    Ok(Message { id: Some(id.to_owned()), notice: body.and_then(read) })
}
