//! A worker of a queue: messages about new log objects → the lake, until it is told to stop.
//!
//! In: an SQS queue. Out: the objects in the lake, and the messages deleted whose objects are there. What must hold: a
//! message is deleted after the commit that names its objects, never before; one that cannot be used stays, so that
//! the queue gives it again and in the end moves it to its dead-letter queue; what is held is not given to others while
//! it is worked on. Whatever happens twice is harmless: the lake has each object once.

mod held;

use crate::config::IngestConfig;
use crate::error::Error;
use crate::notice;
use crate::report::Report;
use crate::session::{Delivered, Session};
use held::{Held, Queue};
use std::time::Instant;
use tokio::sync::watch;

/// Messages of a window at most: so many objects go into one commit.
const MOST: usize = 1000;

/// Hears what became of each window.
pub type Tell<'a> = &'a (dyn Fn(&Delivered) + Sync);

/// Whether a source is the URL of a queue, and not a path or a bucket.
#[must_use]
pub fn is_queue(source: &str) -> bool {
    source.starts_with("https://") || source.starts_with("http://")
}

/// Works on the queue at `url` until `stop` becomes true, window after window: what came within the age of a batch, or
/// [`MOST`] messages, is read and committed together. What was begun is finished.
///
/// # Errors
/// The queue or the lake cannot be used. What was committed stays; messages that were held come again.
pub async fn work(
    config: IngestConfig,
    url: &str,
    mut stop: watch::Receiver<bool>,
    tell: Tell<'_>,
) -> Result<Report, Error> {
    let queue = Queue::open(url).await?;
    // What came first must not be given to others before the window is worked on, which is when it is held anew.
    let age = config.batch_age.min(queue.hidden_for() / 3);
    let session = Session::open(config).await?;
    let mut report = Report::default();
    while !*stop.borrow() {
        let mut held = Held::new(&queue);
        let mut until: Option<Instant> = None;
        while held.len() < MOST && until.is_none_or(|until| Instant::now() < until) && !*stop.borrow() {
            let wait = until.map_or(held::LONGEST_WAIT, |until| until - Instant::now().min(until));
            let came = tokio::select! {
                came = queue.receive(wait) => came?,
                _ = stop.changed() => break,
            };
            if !came.is_empty() {
                until.get_or_insert_with(|| Instant::now() + age);
                held.take(came);
            }
        }
        if held.len() > 0 {
            report += window(&session, &queue, held, tell).await?;
        }
    }
    Ok(report)
}

/// Reads and commits what a window holds; deletes what is done.
async fn window(session: &Session, queue: &Queue, held: Held<'_>, tell: Tell<'_>) -> Result<Report, Error> {
    let read = |message: &held::Received| notice::Message {
        id: Some(message.id.clone()),
        notice: notice::read(&message.body),
    };
    let messages = held.messages().iter().map(read).collect::<Vec<_>>();
    let delivered = held.keep_while(session.deliver(&messages, None)).await?;
    let done = (0..).zip(held.messages()).filter(|(at, _)| !delivered.again.contains(at));
    queue.delete(&done.map(|(_, message)| message).collect::<Vec<_>>()).await?;
    tell(&delivered);
    Ok(delivered.report)
}
