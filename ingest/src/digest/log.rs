//! A log file that a digest names → its verdict.

use super::content;
use super::document::Log;
use super::place::Region;
use super::run::Run;
use super::verdict::{Checked, Kind, Verdict};
use crate::error::Error;
use crate::find::{LogObject, key};

/// What a digest says about a log file, and how far that can be believed.
#[derive(Clone, Debug)]
pub(super) struct Expected {
    pub(super) log: Log,
    /// A digest that is valid says so; else one that is unproven does.
    pub(super) is_proven: bool,
}

/// Looks at one log file that a digest names.
pub(super) async fn check_log(run: &Run, region: &Region, expected: Expected, listed: Option<LogObject>) {
    let Expected { log, is_proven } = expected;
    let judged = judge_log(run, region, &log, listed).await;
    let (verdict, reason) = match judged {
        Ok(judgement) => judgement,
        Err(error) => return run.problem(error.to_string()),
    };
    let (verdict, reason) = match verdict {
        Verdict::Valid if !is_proven => {
            (Verdict::Unproven, Some("it is as an unproven digest says".to_owned()))
        }
        verdict => (verdict, reason),
    };
    run.say(&Checked {
        verdict,
        is_fine: verdict == Verdict::Valid,
        kind: Kind::Log,
        file: run.store.name_of(region, &log.bucket, &log.object),
        account: region.account.clone(),
        region: region.region.clone(),
        time: key::parse(&log.object).time,
        until: None,
        reason,
    });
}

async fn judge_log(
    run: &Run,
    region: &Region,
    log: &Log,
    listed: Option<LogObject>,
) -> Result<(Verdict, Option<String>), Error> {
    let changed = |why: &str| Ok((Verdict::Changed, Some(why.to_owned())));
    let object = match listed {
        Some(object) => Some(object),
        None => run.store.find(region, &log.bucket, &log.object).await?,
    };
    let Some(object) = object else { return Ok((Verdict::Missing, None)) };
    let Some(hash) = log.hash else {
        return Ok((Verdict::Unproven, Some("its digest has no SHA-256 of it".to_owned())));
    };
    if let Some(known) = run.known_hash(&object) {
        run.progress.done(0, object.size);
        return if known == hash { Ok((Verdict::Valid, None)) } else { changed("its hash is another one") };
    }
    if object.size > run.limits.max_inflated as u64 {
        return changed(&format!("it has {} bytes, more than any log file", object.size));
    }
    let _room = run.room(object.size).await;
    let body = run.store.log(&object, &run.limits).await?;
    run.add_bytes(body.len());
    let (may_be_plain, limits) = (run.store.may_be_plain(), run.limits.clone());
    let content = tokio::task::spawn_blocking(move || content::hash(&body, may_be_plain, &limits));
    let content = content.await.map_err(|error| Error::Worker(error.to_string()))?;
    run.progress.done(0, object.size);
    match content {
        Err(why) => changed(&why),
        Ok(content) if content.trailing > 0 => {
            changed(&format!("{} bytes follow its gzip stream", content.trailing))
        }
        Ok(content) if content.sha256 != hash => changed("its hash is another one"),
        Ok(_) => Ok((Verdict::Valid, None)),
    }
}
