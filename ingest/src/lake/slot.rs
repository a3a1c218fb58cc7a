//! One version, written once.
//!
//! In: a draft and a position in the log. Out: whether the draft is the next version, or what took its place. One
//! conditional PUT writes exactly one version; nothing is rebased behind our back.
//!
//! Any error of that PUT is ambiguous: a lost response, a retry below us that met its own first try, a 409 that the
//! library reports like a taken slot although the slot is free. So after an error the slots are read: our token means
//! it was us; a free slot, that the same slot may be tried again; anything else, a conflict. A slot that was not read
//! is never passed, so a late PUT of ours can only land where we look.

use super::{
    clock::Moment,
    commit::{Commit, Draft},
    error::LakeError,
    settings::CommitSettings,
    tail::Tail,
};
use bytes::Bytes;
use deltalake::{kernel::transaction::TransactionError, logstore::CommitOrBytes};
use std::time::Instant;
use uuid::Uuid;

/// How a draft fared.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Turn {
    /// It is this version.
    Won(u64),
    /// Somebody else was faster.
    Lost,
}

/// Tries to make `draft` the next version. `seen` gets every commit up to the end of the log that was reached,
/// our own among them.
pub(super) async fn take(
    tail: &mut Tail,
    draft: &Draft<'_>,
    settings: &CommitSettings,
    seen: &mut Vec<Commit>,
) -> Result<Turn, LakeError> {
    let target = tail.upto() + 1;
    let bytes = draft.bytes(tail.table, tail.upto())?;
    let (mut tried, began) = (0, Instant::now());
    loop {
        let before = Moment::now();
        let Err(error) = put(tail, settings, target, bytes.clone()).await else {
            #[cfg(test)]
            settings.faults.reach(tail.table, super::faults::Point::AfterPut).await?;
            tail.check_age()?;
            tail.move_behind(target, before);
            seen.push(Commit::parse(tail.table, target, &bytes)?);
            return Ok(Turn::Won(target));
        };
        if let Some(turn) = read_slots(tail, draft.token, settings, seen, began).await? {
            return Ok(turn);
        }
        tried += 1;
        if !settings.allow(tried, began) {
            return Err(tail.lake.failed(tail.table, "commit to", error).given_up(began.elapsed()));
        }
        tracing::debug!(table = tail.table.name(), version = target, %error, "slot is still free, trying it again");
        settings.back_off(tried).await;
    }
}

/// Reads from the slot that was tried to the end of the log, or to our own commit; `None` when the slot is free.
async fn read_slots(
    tail: &mut Tail,
    token: &str,
    settings: &CommitSettings,
    seen: &mut Vec<Commit>,
    began: Instant,
) -> Result<Option<Turn>, LakeError> {
    let mut turn = None;
    while let Some(commit) = next_patiently(tail, settings, began).await? {
        let (is_ours, version) = (commit.token.as_deref() == Some(token), commit.version);
        seen.push(commit);
        if is_ours {
            return Ok(Some(Turn::Won(version)));
        }
        turn = Some(Turn::Lost);
    }
    Ok(turn)
}

/// A slot that cannot be read must not be passed, so a failing storage gets some time.
async fn next_patiently(
    tail: &mut Tail,
    settings: &CommitSettings,
    began: Instant,
) -> Result<Option<Commit>, LakeError> {
    let mut tried = 0;
    loop {
        let error = match tail.next().await {
            Err(error) if error.is_transient() && !error.wants_reload() => error,
            result => return result,
        };
        tried += 1;
        if !settings.allow(tried, began) {
            return Err(error.given_up(began.elapsed()));
        }
        settings.back_off(tried).await;
    }
}

/// The PUT.
async fn put(
    tail: &Tail,
    settings: &CommitSettings,
    version: u64,
    bytes: Bytes,
) -> Result<(), TransactionError> {
    let write =
        || tail.log.write_commit_entry(version, CommitOrBytes::LogBytes(bytes.clone()), Uuid::new_v4());
    #[cfg(test)]
    match settings.faults.take(tail.table, super::faults::Point::Put) {
        Some(super::faults::Fault::Stall(time)) => tokio::time::sleep(time).await,
        Some(fault) => {
            if fault.applies_the_put() {
                write().await?;
            }
            return Err(fault.error(version));
        }
        None => {}
    }
    let _ = settings;
    write().await
}
