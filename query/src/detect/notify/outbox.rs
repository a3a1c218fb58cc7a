//! What is due for a destination → sent, batch by batch, each attempt noted.

use super::turn::Turn;
use super::{Delivered, Notify, Refused, Stop, Trouble};
use crate::detect::finding::{Finding, Row, read, store};
use crate::detect::points;
use crate::engine::Engine;
use crate::error::Error;
use crate::rules::params::{Value, Values};
use crate::rules::template::fill_pasteable;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::time::{Duration, Instant};
use trailhound_ingest::lake::{Lake, LakeTable};
use trailhound_ingest::time;

/// Findings older than this are history when a destination is new: nobody wants last year's alerts on the first day.
const OUTBOX: i64 = 7 * DAY;

const DAY: i64 = 86_400_000_000;

/// Deliveries between two commits of `notifications`: at most so many are sent again after a crash.
const BATCH: usize = 25;

/// Seconds between two commits, for a destination that is slow: the turn must not end in the middle of a batch.
const SLOW: Duration = Duration::from_secs(20);

/// Attempts for one finding in one run.
const ATTEMPTS: i64 = 3;

/// Messages that may be refused one after the other, before a destination is left alone until the next run.
const FAILURES: usize = 3;

/// The first pause before another attempt; it doubles each time.
const PAUSE: Duration = Duration::from_millis(500);

/// The longest pause that a destination may ask for; one that wants more is left alone until the next run.
const LONGEST: Duration = Duration::from_secs(10);

/// A row of `notifications`.
#[derive(Clone, Debug, Serialize)]
struct Attempt {
    findingid: String,
    destination: String,
    status: &'static str,
    messageid: Option<String>,
    attempt: i64,
    error: Option<String>,
    time: String,
}

/// A run that sends to one destination.
pub(super) struct Outbox<'a> {
    pub(super) lake: &'a Lake,
    pub(super) to: &'a dyn Notify,
    /// Runbooks by rule.
    pub(super) runbooks: HashMap<&'a str, &'a str>,
    pub(super) stop: &'a Stop,
}

impl Outbox<'_> {
    /// Sends `due`, and ends the turn. `false` if another run took over, since this one stood still.
    pub(super) async fn send(
        &self,
        due: &[Finding],
        turn: &mut Turn<'_>,
        delivered: &mut Delivered,
    ) -> Result<bool, Error> {
        let (mut rows, mut noted, mut failures) = (Vec::new(), Instant::now(), 0);
        for (number, finding) in due.iter().enumerate() {
            points::reach("sending");
            let (attempt, trouble) = self.attempt(finding).await;
            points::reach("sent");
            failures = if trouble.is_some() { failures + 1 } else { 0 };
            delivered.count(attempt.error.as_deref());
            rows.push(attempt);
            // What is wrong with the destination is wrong for the others too.
            let is_over = failures == FAILURES || !matches!(trouble, None | Some(Trouble::Message));
            let is_last = is_over || self.stop.is_asked() || number + 1 == due.len();
            if is_last || rows.len() == BATCH || noted.elapsed() >= SLOW {
                points::reach("batch-sent");
                if !self.note(&std::mem::take(&mut rows), turn, is_last).await? {
                    return Ok(false);
                }
                points::reach("noted");
                noted = Instant::now();
            }
            if is_last {
                break;
            }
        }
        Ok(true)
    }

    /// `false` if another run has taken the turn.
    async fn note(&self, rows: &[Attempt], turn: &mut Turn<'_>, is_last: bool) -> Result<bool, Error> {
        let file = store(self.lake, LakeTable::Notifications, time::day_of(time::now()), rows).await?;
        points::reach("notes-written");
        if turn.note(file.clone(), is_last).await? {
            return Ok(true);
        }
        // What was sent was sent, whoever goes on.
        self.lake.append_plain(LakeTable::Notifications, vec![file]).await?;
        Ok(false)
    }

    /// Tries until it is accepted, refused for good, or [`ATTEMPTS`] have failed; waits longer each time.
    async fn attempt(&self, finding: &Finding) -> (Attempt, Option<Trouble>) {
        let runbook = self.runbooks.get(finding.rule.as_str());
        let runbook = runbook.map(|text| fill_pasteable(text, &finding.entities));
        let mut number = 1;
        let result = loop {
            let result = self.to.send(finding, runbook.as_deref()).await;
            let Some(pause) = result.as_ref().err().and_then(|refused| pause(refused, number)) else {
                break result;
            };
            tracing::info!(finding = finding.id, number, "sending again, after a while");
            if self.stop.within(pause).await {
                break result;
            }
            number += 1;
        };
        let (status, messageid, refused) = match result {
            Ok(id) => ("sent", Some(id), None),
            Err(refused) => ("failed", None, Some(refused)),
        };
        let trouble = refused.as_ref().map(|refused| refused.trouble);
        let attempt = Attempt {
            findingid: finding.id.clone(),
            destination: self.to.destination().to_owned(),
            status,
            messageid,
            attempt: number,
            error: refused.map(|refused| refused.why),
            time: time::format(time::now()),
        };
        (attempt, trouble)
    }

    /// Findings that the destination has not been sent, by detection and event time. Those that it did not take come
    /// last, so that a message which it will never take does not hold up others.
    pub(super) async fn due(&self) -> Result<Vec<Finding>, Error> {
        let engine = Engine::at(self.lake, Vec::new())?;
        let since = time::now() - OUTBOX;
        let attempts = attempts(&engine, self.to.destination(), since - DAY).await?;
        let since = time::format(since);
        let text = format!(
            "SELECT * FROM findings WHERE detecttime >= '{since}' ORDER BY detecttime, firsttime, id"
        );
        let found = read::<Row>(&engine.rows(&text, &Values::new()).await?)?.into_iter().map(Finding::from);
        let tried = |finding: &Finding| attempts.get(&finding.id).copied().unwrap_or_default();
        let is_due = |finding: &Finding| finding.hidden_by().is_none() && !tried(finding).is_sent;
        let mut due = found.filter(is_due).collect::<Vec<_>>();
        due.sort_by_key(|finding| tried(finding).count);
        Ok(due)
    }
}

/// What was tried for a finding.
#[derive(Clone, Copy, Default)]
struct Tried {
    is_sent: bool,
    count: i64,
}

/// By finding, since a time.
async fn attempts(engine: &Engine, destination: &str, since: i64) -> Result<HashMap<String, Tried>, Error> {
    #[derive(Deserialize)]
    struct Row {
        findingid: String,
        sent: i64,
        attempts: i64,
    }
    let values = Values::from([("destination".to_owned(), Value::Text(destination.to_owned()))]);
    let text = format!(
        "SELECT findingid, sum(CASE WHEN status = 'sent' THEN 1 ELSE 0 END) AS sent, count(*) AS attempts
         FROM notifications WHERE destination = $destination AND time >= '{}' GROUP BY findingid",
        time::format(since)
    );
    let rows = read::<Row>(&engine.rows(&text, &values).await?)?;
    let tried = |row: Row| (row.findingid, Tried { is_sent: row.sent > 0, count: row.attempts });
    Ok(rows.into_iter().map(tried).collect())
}

/// How long to wait before another attempt; `None` if there is none in this run.
fn pause(refused: &Refused, number: i64) -> Option<Duration> {
    let Trouble::Passing(asked) = refused.trouble else { return None };
    let pause = asked.unwrap_or(PAUSE * (1 << (number - 1).clamp(0, 8)));
    (number < ATTEMPTS && pause <= LONGEST).then_some(pause)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_as_long_as_asked_for_but_not_for_ever() {
        let pause = |trouble, number| pause(&Refused::new(String::new(), trouble), number);
        let seconds = |seconds| Trouble::Passing(Some(Duration::from_secs(seconds)));
        assert_eq!(pause(Trouble::Passing(None), 1), Some(PAUSE));
        assert_eq!(pause(Trouble::Passing(None), 2), Some(PAUSE * 2));
        assert_eq!(pause(Trouble::Passing(None), ATTEMPTS), None);
        assert_eq!(pause(seconds(3), 1), Some(Duration::from_secs(3)));
        assert_eq!(pause(seconds(60), 1), None);
        assert_eq!((pause(Trouble::Message, 1), pause(Trouble::Destination, 1)), (None, None));
    }
}
