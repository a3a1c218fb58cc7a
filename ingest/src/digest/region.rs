//! One account and region in some days: digests → chains → what they name → verdicts.
//!
//! In: the digests of the region, and of the two hours behind the days, since what was delivered shortly before
//! midnight is named shortly after it. Out: a verdict for each digest and each log file of the days, whether it was
//! found or only named. A file is of the day of its delivery, which is never before the hour of the digest that names
//! it, so that days that are looked at one after the other see each file once.

use super::chain::{Judge, Judged, Link, State};
use super::document::{Digest, Log};
use super::keys::Keys;
use super::log::{Expected, check_log};
use super::place::{DIGESTS, DigestName, LOGS, Region, stem};
use super::run::{Earlier, Run, Window};
use super::signature::{self, Proof};
use super::spans::Spans;
use super::store::key_of;
use super::verdict::{Checked, Kind, Verdict, span};
use crate::error::Error;
use crate::find::{Days, LogObject, Wanted, key};
use crate::gunzip::gunzip_one;
use crate::time;
use futures::{StreamExt, TryStreamExt, stream};
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// Digests that are fetched at the same time.
const DIGEST_READS: usize = 8;

/// Log files that are looked at, or wait for their turn, at the same time.
const LOG_CHECKS: usize = 64;

/// Bytes that a digest may have, packed or not: the names and hashes of a hundred thousand log files.
const DIGEST_BYTES: usize = 32 << 20;

const HOUR: i64 = 3_600_000_000;

/// How long after the end of its hour a digest may name what was delivered in it.
pub(super) const LATE: i64 = 2 * HOUR;

/// What was learnt of a region, for those who come after.
pub(super) struct Learnt {
    pub(super) region: Region,
    /// The hashes that valid digests have of log files, by the stems of their keys.
    pub(super) hashes: Vec<(String, Option<[u8; 32]>, bool)>,
    pub(super) spans: Spans,
    /// The end of each chain.
    pub(super) ends: Vec<(String, i64)>,
}

impl Learnt {
    /// What the next days have to know.
    pub(super) fn without_hashes(self) -> Self {
        Self { hashes: vec![], ..self }
    }
}

/// Checks what a region has in a window.
pub(super) async fn check(
    run: &Arc<Run>,
    region: Region,
    digests: Vec<(DigestName, LogObject)>,
    window: Window,
    earlier: &Earlier,
) -> Result<Learnt, Error> {
    let mut chains = BTreeMap::<String, Vec<(DigestName, LogObject)>>::new();
    for (name, object) in digests {
        chains.entry(name.chain.clone()).or_default().push((name, object));
    }
    let work = Work { run, region: &region, window };
    let (mut hours, mut holes, mut ends, mut expected) = (vec![], vec![], vec![], BTreeMap::new());
    let (mut first, mut gaps) = (earlier.began.get(&region).copied(), Vec::new());
    // What was delivered since the last digest of the days before waits for the next one.
    let ended = earlier.ends.get(&region);
    hours.extend(ended.into_iter().flat_map(BTreeMap::values).map(|&end| (end, end)));
    for (chain, mut found) in chains {
        found.sort_by_key(|(name, _)| std::cmp::Reverse(name.end));
        let is_backfill = found.first().is_some_and(|(name, _)| name.is_backfill);
        let links = work.read_chain(found, is_backfill).await?;
        let earlier_end = ended.and_then(|ended| ended.get(&chain)).copied();
        let judged = Judge { has_all_keys: run.keys.is_complete(), earlier_end }.judge(&links);
        let kind = if is_backfill { Kind::Backfill } else { Kind::Digest };
        for (link, (verdict, reason)) in links.iter().zip(&judged.verdicts) {
            work.say_digest(link, kind, *verdict, reason.as_deref());
            if *verdict != Verdict::Valid {
                holes.push((link.end - HOUR, link.end));
            }
            let State::Read(digest, ..) = &link.state else { continue };
            if matches!(verdict, Verdict::Valid | Verdict::Unproven) {
                hours.push((digest.start, digest.end));
                work.expect(digest, *verdict == Verdict::Valid, &mut expected);
            }
            if *verdict == Verdict::Valid && digest.previous.is_none() {
                first = Some(first.map_or(digest.start, |first| first.min(digest.start)));
            }
        }
        holes.extend(judged.lacking.iter().map(|(_, end)| (end - HOUR, *end)));
        work.say_lacking(&judged, kind).await?;
        // Backfills are written where there is something to fill: between them there is nothing to miss.
        gaps.extend(judged.gaps.into_iter().filter(|_| !is_backfill));
        ends.extend(links.first().map(|link| (chain, link.end)));
    }
    let spans = Spans::new(hours, holes, first);
    work.say_gaps(gaps, &spans);
    work.check_logs(&expected, &spans).await?;
    let known = |(_, expected): (String, Expected)| {
        (stem(&expected.log.object).to_owned(), expected.log.hash, expected.is_proven)
    };
    Ok(Learnt { hashes: expected.into_iter().map(known).collect(), region, spans, ends })
}

/// What is being checked.
struct Work<'a> {
    run: &'a Arc<Run>,
    region: &'a Region,
    window: Window,
}

impl Work<'_> {
    /// Reads the digests of a chain, newest first.
    async fn read_chain(
        &self,
        found: Vec<(DigestName, LogObject)>,
        is_backfill: bool,
    ) -> Result<Vec<Link>, Error> {
        let mut keys = self.run.keys_of(&self.region.region, self.window.keys()).await?;
        if keys.is_empty() && self.run.keys.is_complete() {
            let name = format!("the public keys of CloudTrail in {}", self.region.region);
            return Err(Error::Source { name, why: "there are none for these days".to_owned() });
        }
        let reads = stream::iter(found).map(|(name, object)| self.read_digest(name, object));
        let mut reads = std::pin::pin!(reads.buffered(DIGEST_READS));
        let mut links = Vec::<Link>::new();
        while let Some((name, key, read)) = reads.try_next().await? {
            let state = match read {
                Err(why) => State::Unreadable(why),
                Ok((digest, ..)) if !self.is_at_home(&digest, &key) => State::Moved(Box::new(digest)),
                Ok((mut digest, sha256, notes)) => {
                    let signature = notes.signature.or_else(|| signature_in(links.last(), &key));
                    if is_backfill && keys.of(&digest.fingerprint).is_none() {
                        self.add_backfill_keys(&mut keys, notes.backfilled.as_deref()).await?;
                    }
                    let proof = signature::check(&digest, &sha256, signature.as_deref(), &keys);
                    if proof == Proof::Wrong {
                        // Nobody will ask what it names, and that may be much.
                        digest.logs = vec![];
                    }
                    State::Read(Box::new(digest), sha256, proof)
                }
            };
            links.push(Link { key, end: name.end, state });
        }
        Ok(links)
    }

    /// A digest and its hash, or why it cannot be read.
    async fn read_digest(
        &self,
        name: DigestName,
        object: LogObject,
    ) -> Result<(DigestName, String, ReadDigest), Error> {
        let (store, limits) = (&self.run.store, &self.run.limits);
        if object.size > DIGEST_BYTES as u64 {
            return Ok((
                name,
                key_of(&object),
                Err(format!("it has {} bytes, more than any digest", object.size)),
            ));
        }
        let (body, notes) = store.digest(&object, limits).await?;
        self.run.add_bytes(body.len());
        let mut json = Vec::new();
        let inflated = gunzip_one(&body, limits.room(body.len(), DIGEST_BYTES), &mut json);
        let json = match inflated {
            Err(_) if store.may_be_plain() && body.starts_with(b"{") => Ok(&body[..]),
            Err(error) => Err(error.to_string()),
            Ok(_) => Ok(&json[..]),
        };
        let read = json.and_then(|json| Ok((Digest::parse(json)?, Sha256::digest(json).into(), notes)));
        Ok((name, key_of(&object), read))
    }

    /// Whether a digest is where it says it was delivered.
    fn is_at_home(&self, digest: &Digest, key: &str) -> bool {
        let is_same = if self.run.store.may_be_plain() {
            stem(&digest.object) == stem(key)
        } else {
            digest.object == key
        };
        is_same && self.run.store.is_own(&digest.bucket)
    }

    /// CloudTrail signs a backfill with a key of the hour in which it writes it.
    async fn add_backfill_keys(&self, keys: &mut Keys, backfilled: Option<&str>) -> Result<(), Error> {
        let moment = backfilled.and_then(|text| time::parse(&format!("\"{text}\"")));
        let Some((moment, _)) = moment else { return Ok(()) };
        let around = (moment - LATE / 2, moment + LATE / 2);
        keys.merge(&self.run.keys_of(&self.region.region, around).await?);
        Ok(())
    }

    /// Adds what a digest says of the log files of the window.
    fn expect(&self, digest: &Digest, is_proven: bool, expected: &mut BTreeMap<String, Expected>) {
        for log in &digest.logs {
            // A digest that may be forged must not send us into other buckets.
            let is_ours = is_proven || self.run.store.is_own(&log.bucket);
            if !is_ours || !self.window.has(day_named(log, digest)) {
                continue;
            }
            let expected = expected.entry(format!("{}/{}", log.bucket, log.object));
            let entry = expected.or_insert_with(|| Expected { log: log.clone(), is_proven });
            if is_proven && !entry.is_proven {
                *entry = Expected { log: log.clone(), is_proven };
            }
        }
    }

    /// Looks at each log file that a digest names, and at those that none does.
    async fn check_logs(&self, expected: &BTreeMap<String, Expected>, spans: &Spans) -> Result<(), Error> {
        let mut folders = BTreeSet::from([LOGS.to_owned()]);
        let named = expected.values().filter_map(|expected| Region::of(&expected.log.object));
        folders.extend(named.map(|(_, folder)| folder.to_owned()).filter(|folder| folder != DIGESTS));
        let (store, mut listed) = (&self.run.store, HashMap::new());
        for folder in folders {
            let found = self.list(&self.region.prefix(&folder), Wanted::Records).await?;
            listed.extend(found.into_iter().map(|object| (store.id(&key_of(&object)).to_owned(), object)));
        }
        let bytes = listed.values().map(|object| object.size).sum();
        self.run.progress.found(expected.len() as u64, self.run.expect_bytes(bytes));
        let mut checks = Vec::new();
        for expected in expected.values() {
            let is_own = store.is_own(&expected.log.bucket);
            let object = store.ids(&expected.log.object).find_map(|id| listed.remove(id).filter(|_| is_own));
            checks.push((expected.clone(), object));
        }
        let checks = stream::iter(checks).map(|(expected, object)| {
            let (run, region) = (Arc::clone(self.run), self.region.clone());
            let check = async move { check_log(&run, &region, expected, object).await };
            async { tokio::spawn(check).await.map_err(|error| Error::Worker(error.to_string())) }
        });
        checks.buffer_unordered(LOG_CHECKS).try_for_each(async |()| Ok(())).await?;
        self.say_uncovered(listed.into_values(), spans);
        Ok(())
    }

    /// What is below a prefix, in the days of the window and the one before: a digest may name what is a day older.
    async fn list(&self, prefix: &str, wanted: Wanted) -> Result<Vec<LogObject>, Error> {
        let Window { first, last } = self.window;
        let found = self
            .run
            .store
            .list(prefix, wanted, Days { first: Some(first - 1), last: Some(last + 1) })
            .await?;
        found.problems.into_iter().for_each(|problem| self.run.problem(problem));
        Ok(found.objects)
    }

    fn say_digest(&self, link: &Link, kind: Kind, verdict: Verdict, reason: Option<&str>) {
        if self.window.has(time::day_of(link.end)) {
            let file = self.run.store.name(&link.key);
            let is_fine = verdict == Verdict::Valid;
            self.say(verdict, is_fine, kind, file, Some(link.end), None, reason);
        }
    }

    /// Digests that others name: those that are really gone.
    async fn say_lacking(&self, judged: &Judged, kind: Kind) -> Result<(), Error> {
        for (previous, end) in &judged.lacking {
            if !self.window.has(time::day_of(*end)) {
                continue;
            }
            if self.run.store.find(self.region, &previous.bucket, &previous.object).await?.is_none() {
                let file = self.run.store.name_of(self.region, &previous.bucket, &previous.object);
                self.say(
                    Verdict::Missing,
                    false,
                    kind,
                    file,
                    Some(*end),
                    None,
                    Some("the next digest names it"),
                );
            }
        }
        Ok(())
    }

    fn say_gaps(&self, gaps: Vec<(i64, i64)>, spans: &Spans) {
        for (from, until) in gaps {
            if spans.leave_open(from, until) && self.window.has(time::day_of(until)) {
                let why = format!("no digests for {}", span(from, until));
                let file = self.run.store.name(&self.region.prefix(DIGESTS));
                self.say(Verdict::Gap, false, Kind::Digest, file, Some(from), Some(until), Some(&why));
            }
        }
    }

    fn say_uncovered(&self, objects: impl Iterator<Item = LogObject>, spans: &Spans) {
        let mut uncovered = objects.map(|object| key_of(&object)).collect::<Vec<_>>();
        uncovered.sort_unstable();
        for key in uncovered {
            let parts = key::parse(&key);
            let Some(at) = parts.time.filter(|_| parts.date.is_some_and(|day| self.window.has(day))) else {
                continue;
            };
            let why = spans.uncovered(at);
            let file = self.run.store.name(&key);
            self.say(Verdict::NotCovered, why.is_fine(), Kind::Log, file, Some(at), None, Some(why.reason()));
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the columns of a row, all of which are said in one place")]
    fn say(
        &self,
        verdict: Verdict,
        is_fine: bool,
        kind: Kind,
        file: String,
        time: Option<i64>,
        until: Option<i64>,
        reason: Option<&str>,
    ) {
        let (account, region) = (self.region.account.clone(), self.region.region.clone());
        let reason = reason.map(str::to_owned);
        self.run.say(&Checked { verdict, is_fine, kind, file, account, region, time, until, reason });
    }
}

/// A digest, its hash and what is noted beside it; or why it cannot be read.
type ReadDigest = Result<(Digest, [u8; 32], super::store::Notes), String>;

/// The signature of the digest `key` in the next one of its chain, which names it.
fn signature_in(next: Option<&Link>, key: &str) -> Option<String> {
    let State::Read(digest, ..) = &next?.state else { return None };
    let is_named = digest.previous.as_ref().is_some_and(|previous| stem(&previous.object) == stem(key));
    digest.previous_signature.clone().filter(|_| is_named)
}

/// The day of a log file: that of its key, within the hour of the digest that names it.
fn day_named(log: &Log, digest: &Digest) -> i32 {
    let (first, last) = (time::day_of(digest.end - LATE), time::day_of(digest.end));
    key::parse(&log.object).date.map_or(last, |day| day.clamp(first, last))
}
