//! Findings → the outside, each once.
//!
//! `findings` is the outbox: what has no row `sent` in `notifications` for a destination is sent, also what an earlier
//! run committed and could not deliver. Runs at the same time send one after the other (`turn`). What must hold: no
//! finding is forgotten. One that was delivered, but whose row could not be written, is sent again: its id is in the
//! message, for receivers who mind.

use super::finding::{Finding, Row, read, store};
use super::turn::Turn;
use crate::engine::Engine;
use crate::error::Error;
use crate::rules::Rule;
use crate::rules::params::{Value, Values};
use crate::rules::template::fill_pasteable;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};
use std::time::Duration;
use trailhound_ingest::lake::{Lake, LakeTable};
use trailhound_ingest::time;

/// Findings older than this are history when a destination is new: nobody wants last year's alerts on the first day.
const OUTBOX: i64 = 7 * 86_400_000_000;

/// Deliveries between two commits of `notifications`: at most so many are sent again after a crash.
const BATCH: usize = 25;

/// Attempts for one finding in one run.
const ATTEMPTS: i64 = 3;

/// Findings that may fail one after the other, before a destination is left alone until the next run: one that is down
/// must not hold up a schedule for seconds per finding.
const FAILURES: usize = 3;

/// Somewhere that findings are sent to.
#[async_trait]
pub trait Notify: Send + Sync {
    /// Its name, as in `notifications`.
    fn destination(&self) -> &str;

    /// Delivers one finding; `runbook` is the rule's, filled in. Returns the id that the destination gave it.
    ///
    /// # Errors
    /// In words, why it was not accepted.
    async fn send(&self, finding: &Finding, runbook: Option<&str>) -> Result<String, Refused>;
}

/// Why a delivery failed.
#[derive(Clone, Debug)]
pub struct Refused {
    /// In words.
    pub why: String,
    /// Whether another attempt may succeed.
    pub retry: bool,
}

/// How deliveries went.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Delivered {
    /// Findings that were accepted.
    pub sent: usize,
    /// Findings that were not; the next run tries again.
    pub unsent: usize,
    /// Why not, for the first of them.
    pub problem: Option<String>,
}

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

#[derive(Deserialize)]
struct Sent {
    findingid: String,
}

/// Sends what is due to `to`; when another run is sending, after it.
///
/// # Errors
/// The lake cannot be read or written. A destination that refuses is not an error, but counted.
pub async fn deliver(lake: &Lake, to: &dyn Notify, rules: &[&Rule]) -> Result<Delivered, Error> {
    let runbooks =
        rules.iter().map(|rule| (rule.id.as_str(), rule.runbook.as_str())).collect::<HashMap<_, _>>();
    let mut delivered = Delivered::default();
    loop {
        // In this order: what another run sends in between moves the turn, which is then not ours.
        let mut turn = Turn::wait(lake, to.destination()).await?;
        let due = due(lake, to.destination()).await?;
        (delivered.unsent, delivered.problem) = (due.len(), None);
        if due.is_empty() {
            return Ok(delivered);
        }
        if turn.take().await? && send(lake, to, &runbooks, &due, &mut turn, &mut delivered).await? {
            return Ok(delivered);
        }
    }
}

/// Sends `due`, batch by batch. `false` if another run took over, since this one stood still.
async fn send(
    lake: &Lake,
    to: &dyn Notify,
    runbooks: &HashMap<&str, &str>,
    due: &[Finding],
    turn: &mut Turn<'_>,
    delivered: &mut Delivered,
) -> Result<bool, Error> {
    let mut failures = 0;
    for (number, findings) in due.chunks(BATCH).enumerate() {
        let mut rows = Vec::new();
        for finding in findings {
            if failures == FAILURES {
                break;
            }
            let runbook = runbooks.get(finding.rule.as_str());
            let runbook = runbook.map(|text| fill_pasteable(text, &finding.entities));
            let attempt = attempt(to, finding, runbook.as_deref()).await;
            if let Some(why) = &attempt.error {
                failures += 1;
                delivered.problem.get_or_insert_with(|| why.clone());
            } else {
                failures = 0;
                delivered.sent += 1;
                delivered.unsent -= 1;
            }
            rows.push(attempt);
        }
        let is_last = failures == FAILURES || (number + 1) * BATCH >= due.len();
        let file = store(lake, LakeTable::Notifications, time::day_of(time::now()), &rows).await?;
        if !turn.note(file.clone(), is_last).await? {
            // What was sent was sent, whoever goes on.
            lake.append_plain(LakeTable::Notifications, vec![file]).await?;
            return Ok(false);
        }
        if is_last {
            break;
        }
    }
    Ok(true)
}

/// Findings that `destination` has not been sent, by detection and event time.
async fn due(lake: &Lake, destination: &str) -> Result<Vec<Finding>, Error> {
    let engine = Engine::at(lake, Vec::new()).await?;
    let values = Values::from([("destination".to_owned(), Value::Text(destination.to_owned()))]);
    let since = time::format(time::now() - OUTBOX);
    let sent =
        "SELECT DISTINCT findingid FROM notifications WHERE status = 'sent' AND destination = $destination";
    let sent = engine.rows(sent, &values).await?;
    let sent = read::<Sent>(&sent)?.into_iter().map(|row| row.findingid).collect::<HashSet<_>>();
    let found =
        format!("SELECT * FROM findings WHERE detecttime >= '{since}' ORDER BY detecttime, firsttime, id");
    let found = read::<Row>(&engine.rows(&found, &values).await?)?;
    Ok(found.into_iter().map(Finding::from).filter(|finding| !sent.contains(&finding.id)).collect())
}

/// Tries until it is accepted, refused for good, or [`ATTEMPTS`] have failed; waits longer each time.
async fn attempt(to: &dyn Notify, finding: &Finding, runbook: Option<&str>) -> Attempt {
    let mut number = 1;
    let result = loop {
        match to.send(finding, runbook).await {
            Err(refused) if refused.retry && number < ATTEMPTS => {
                tracing::warn!(finding = finding.id, number, why = refused.why, "sending again");
                tokio::time::sleep(Duration::from_millis(250 << number)).await;
                number += 1;
            }
            result => break result,
        }
    };
    let (status, messageid, error) = match result {
        Ok(id) => ("sent", Some(id), None),
        Err(refused) => ("failed", None, Some(refused.why)),
    };
    let (findingid, destination) = (finding.id.clone(), to.destination().to_owned());
    Attempt {
        findingid,
        destination,
        status,
        messageid,
        attempt: number,
        error,
        time: time::format(time::now()),
    }
}
