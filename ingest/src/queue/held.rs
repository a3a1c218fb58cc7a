//! The requests to SQS, and the messages that a worker holds.

use crate::error::Error;
use crate::lake::require_tls;
use crate::patience::{Patience, Tries};
use crate::unanswered::unanswered;
use aws_config::{BehaviorVersion, Region};
use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry, QueueAttributeName,
};
use std::future::Future;
use std::time::Duration;

/// How long a receive waits for a message, at most: SQS allows no more.
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(20);

/// Between two requests that hide the same messages, at least.
const LEAST_PAUSE: Duration = Duration::from_millis(500);

/// Messages of one request, at most.
const PER_REQUEST: usize = 10;

/// The visibility timeout of a queue that does not tell it: that of a new queue.
const VISIBILITY: i32 = 30;

/// What a worker has to be allowed to do.
const NEEDED: &str = "sqs:ReceiveMessage, sqs:DeleteMessage, sqs:ChangeMessageVisibility and sqs:GetQueueAttributes are \
                      needed, and kms:Decrypt where a key encrypts the queue";

/// A queue.
pub(super) struct Queue {
    client: Client,
    url: String,
    /// Seconds for which a received message is hidden from others.
    visibility: i32,
}

/// A message that was received.
pub(super) struct Received {
    pub(super) id: String,
    pub(super) body: String,
    receipt: String,
}

impl Queue {
    pub(super) async fn open(url: &str) -> Result<Self, Error> {
        require_tls("SQS")?;
        let mut config = aws_config::defaults(BehaviorVersion::latest());
        // A queue is in the region that its URL says, wherever we run.
        if let Some(region) = region_of(url) {
            config = config.region(Region::new(region.to_owned()));
        }
        let client = Client::new(&config.load().await);
        let mut queue = Self { client, url: url.to_owned(), visibility: VISIBILITY };
        let name = QueueAttributeName::VisibilityTimeout;
        let asked = queue.client.get_queue_attributes().queue_url(url).attribute_names(name.clone()).send();
        let attributes = asked.await.map_err(|error| queue.failed("read the settings of", &error))?;
        let visibility = attributes.attributes.and_then(|mut all| all.remove(&name)?.parse().ok());
        queue.visibility = visibility.unwrap_or(VISIBILITY);
        Ok(queue)
    }

    /// How long a received message is hidden from others.
    pub(super) fn hidden_for(&self) -> Duration {
        Duration::from_secs(u64::try_from(self.visibility).unwrap_or(0))
    }

    /// Waits for messages; there may be none. A queue that does not answer is asked for as long as we are patient.
    pub(super) async fn receive(&self, wait: Duration) -> Result<Vec<Received>, Error> {
        let wait = i32::try_from(wait.as_secs()).unwrap_or(0);
        let mut tries = Tries::begin();
        loop {
            let request = self.client.receive_message().queue_url(&self.url).wait_time_seconds(wait);
            let error = match request.max_number_of_messages(10).send().await {
                Ok(answer) => {
                    return Ok(answer
                        .messages
                        .unwrap_or_default()
                        .into_iter()
                        .filter_map(received)
                        .collect());
                }
                Err(error) => error,
            };
            let error = self.failed("receive from", &error);
            if !tries.again(Patience::of_process().give_up).await {
                return Err(error);
            }
            tracing::warn!(%error, "asking again");
        }
    }

    /// Deletes messages. One that SQS does not delete comes again, which costs a look and nothing else.
    pub(super) async fn delete(&self, messages: &[&Received]) -> Result<(), Error> {
        for some in messages.chunks(PER_REQUEST) {
            let mut request = self.client.delete_message_batch().queue_url(&self.url);
            for (at, message) in some.iter().enumerate() {
                let entry = DeleteMessageBatchRequestEntry::builder().id(at.to_string());
                let entry = entry.receipt_handle(&message.receipt).build();
                request = request.entries(entry.map_err(|error| self.odd(&error))?);
            }
            let answer = request.send().await.map_err(|error| self.failed("delete from", &error))?;
            for failed in answer.failed {
                tracing::warn!(code = failed.code, message = failed.message, "a message was not deleted");
            }
        }
        Ok(())
    }

    /// Hides messages for another visibility timeout.
    async fn extend(&self, messages: &[Received]) -> Result<(), Error> {
        for some in messages.chunks(PER_REQUEST) {
            let mut request = self.client.change_message_visibility_batch().queue_url(&self.url);
            for (at, message) in some.iter().enumerate() {
                let entry = ChangeMessageVisibilityBatchRequestEntry::builder().id(at.to_string());
                let entry =
                    entry.receipt_handle(&message.receipt).visibility_timeout(self.visibility).build();
                request = request.entries(entry.map_err(|error| self.odd(&error))?);
            }
            request.send().await.map_err(|error| self.failed("hold messages of", &error))?;
        }
        Ok(())
    }

    fn failed<E, R>(&self, doing: &str, error: &SdkError<E, R>) -> Error
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
        R: std::fmt::Debug + 'static,
    {
        let why = match error.code() {
            Some(code) if code.ends_with("NonExistentQueue") || code == "QueueDoesNotExist" => {
                "there is no such queue\nhint: check the URL: region, account and name".to_owned()
            }
            Some(code) if code.contains("AccessDenied") => format!("access denied\nhint: {NEEDED}"),
            Some(code) => format!("{code}: {}", error.message().unwrap_or("no message")),
            None => unanswered("SQS", error),
        };
        Error::Source { name: self.url.clone(), why: format!("cannot {doing} the queue: {why}") }
    }

    fn odd(&self, error: &dyn std::fmt::Display) -> Error {
        Error::Source { name: self.url.clone(), why: format!("a message has no receipt: {error}") }
    }
}

/// The region in the URL of a queue, `https://sqs.REGION.amazonaws.com/…`; none in that of an emulator.
fn region_of(url: &str) -> Option<&str> {
    let (region, domain) = url.strip_prefix("https://sqs.")?.split_once('.')?;
    domain.starts_with("amazonaws.com").then_some(region)
}

fn received(message: aws_sdk_sqs::types::Message) -> Option<Received> {
    Some(Received {
        id: message.message_id.unwrap_or_default(),
        body: message.body.unwrap_or_default(),
        receipt: message.receipt_handle?,
    })
}

/// The messages of a window.
pub(super) struct Held<'a> {
    queue: &'a Queue,
    messages: Vec<Received>,
}

impl<'a> Held<'a> {
    pub(super) fn new(queue: &'a Queue) -> Self {
        Self { queue, messages: Vec::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.messages.len()
    }

    pub(super) fn take(&mut self, messages: Vec<Received>) {
        self.messages.extend(messages);
    }

    pub(super) fn messages(&self) -> &[Received] {
        &self.messages
    }

    /// Does `work` and keeps the messages from others meanwhile.
    pub(super) async fn keep_while<T>(&self, work: impl Future<Output = T>) -> T {
        let pause = (self.queue.hidden_for() / 3).max(LEAST_PAUSE);
        let hold = async {
            loop {
                tokio::time::sleep(pause).await;
                if let Err(error) = self.queue.extend(&self.messages).await {
                    tracing::warn!(%error, "others may work on the same messages");
                }
            }
        };
        tokio::select! {
            done = work => done,
            () = hold => unreachable!("holding never ends"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_says_where_it_is() {
        assert_eq!(region_of("https://sqs.eu-west-1.amazonaws.com/111122223333/q"), Some("eu-west-1"));
        assert_eq!(region_of("https://sqs.cn-north-1.amazonaws.com.cn/111122223333/q"), Some("cn-north-1"));
        for url in ["http://127.0.0.1:4566/000000000000/q", "https://queue.amazonaws.com/111122223333/q"] {
            assert_eq!(region_of(url), None, "{url}");
        }
    }
}
