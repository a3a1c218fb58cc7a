//! A source → its regions, and what is checked of each, some days at a time.
//!
//! Memory is bounded by the files of a few regions in some days: the more regions, the fewer days are looked at
//! together. What goes from one stretch of days to the next is the end of each chain. Bytes of log files in flight are
//! bounded as well, and nothing inflated is held.

use super::VerifyConfig;
use super::integrity;
use super::keys::{KeySource, Keys};
use super::place::{DigestName, Region};
use super::region::{self, LATE, Learnt};
use super::store::{Store, key_of};
use super::verdict::{Checked, Kind, Verdict, Verified};
use crate::config::Limits;
use crate::error::Error;
use crate::fetch::known_identity;
use crate::find::{Days, Found, LogObject, Wanted, key};
use crate::lake::{Lake, ObjectId};
use crate::run::Progress;
use futures::{StreamExt, stream};
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use tokio::sync::{Semaphore, SemaphorePermit};

const DAY: i64 = 86_400_000_000;

/// Regions that are checked at the same time.
const REGIONS: usize = 4;

/// Regions times days that are looked at together, about: two thousand days with a hundred log files are 50 MB.
const REGION_DAYS: usize = 2000;

/// Days that are looked at together, at most.
const MOST_DAYS: usize = 31;

/// Bytes of log files, as stored, that may be in memory; counted in units of a kibibyte.
const BUDGET_KIB: u32 = 64 << 10;

/// Problems that are kept.
const MOST_PROBLEMS: usize = 1000;

/// Days that are looked at together, both included.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Window {
    pub(super) first: i32,
    pub(super) last: i32,
}

impl Window {
    pub(super) fn has(self, day: i32) -> bool {
        (self.first..=self.last).contains(&day)
    }

    /// The time in which a key of its digests was valid.
    pub(super) fn keys(self) -> (i64, i64) {
        (i64::from(self.first) * DAY, self.end() + 2 * LATE)
    }

    fn end(self) -> i64 {
        i64::from(self.last + 1) * DAY
    }
}

/// What is known of days before.
#[derive(Default)]
pub(super) struct Earlier {
    /// Where the chains of a region end.
    pub(super) ends: HashMap<Region, BTreeMap<String, i64>>,
    /// When validation began in a region.
    pub(super) began: HashMap<Region, i64>,
}

/// Hears of each file.
pub type Hear = dyn Fn(&Checked) + Send + Sync;

/// A region, and the first and the last time that keys are for.
type KeysOf = (String, (i64, i64));

/// One run.
pub(super) struct Run {
    pub(super) store: Store,
    pub(super) keys: Arc<dyn KeySource>,
    pub(super) limits: Limits,
    pub(super) progress: Arc<dyn Progress>,
    hear: Arc<Hear>,
    /// Keys by region and time.
    cache: tokio::sync::Mutex<HashMap<KeysOf, Arc<Keys>>>,
    /// What ingest knows of the days that are looked at.
    hashes: RwLock<HashMap<ObjectId, [u8; 32]>>,
    budget: Semaphore,
    bytes: AtomicU64,
    report: Mutex<Verified>,
}

/// Runs.
pub(super) async fn run(
    config: VerifyConfig,
    lake: Option<&Lake>,
    keys: Arc<dyn KeySource>,
    hear: Arc<Hear>,
    progress: Arc<dyn Progress>,
) -> Result<Verified, Error> {
    let (store, digests, logs) = Store::open(&config.source, config.signatures)?;
    let run = Arc::new(Run {
        store,
        keys,
        limits: config.limits,
        progress,
        hear,
        cache: tokio::sync::Mutex::default(),
        hashes: RwLock::default(),
        budget: Semaphore::new(BUDGET_KIB as usize),
        bytes: AtomicU64::new(0),
        report: Mutex::default(),
    });
    let first_digests = run.store.first(&digests, Wanted::Digests).await?;
    let first_logs = run.store.first(&logs, Wanted::Records).await?;
    let begins = run.begins(&first_digests, &first_logs);
    if begins.is_empty() {
        let why = "there is no digest and no log file of a trail below it".to_owned();
        return Err(Error::Source { name: config.source, why });
    }
    run.report().regions = begins.len() as u64;
    if let Some(lake) = lake {
        lake.sync_logfiles().await?;
    }
    let last = run.store.last_day(&first_digests, &first_logs);
    drop((first_digests, first_logs));
    let mut earlier = Earlier::default();
    for window in windows(config.days, begins.values().copied(), last) {
        run.window(&digests, &begins, window, &mut earlier, lake).await?;
    }
    Ok(std::mem::take(&mut *run.report()))
}

/// The stretches of days that have digests, oldest first.
fn windows(days: Days, begins: impl Iterator<Item = i32>, last: i32) -> impl Iterator<Item = Window> {
    let begins = begins.collect::<Vec<_>>();
    let first = begins.iter().copied().min().unwrap_or(last);
    let first = days.first.map_or(first, |wanted| wanted.max(first));
    let last = days.last.map_or(last, |wanted| wanted.min(last));
    let length = (REGION_DAYS / begins.len().max(1)).clamp(1, MOST_DAYS);
    (first..=last).step_by(length).map(move |first| {
        let length = i32::try_from(length).unwrap_or(1);
        Window { first, last: last.min(first + length - 1) }
    })
}

impl Run {
    /// The day of the first digest of each region. A region with log files and no digest is said to be one, and left.
    fn begins(&self, digests: &Found, logs: &Found) -> BTreeMap<Region, i32> {
        let mut begins = BTreeMap::<Region, i32>::new();
        for object in &digests.objects {
            let key = key_of(object);
            if let (Some((region, _)), Some(day)) = (Region::of(&key), key::parse(&key).date) {
                let first = begins.entry(region).or_insert(day);
                *first = day.min(*first);
            }
        }
        let mut bare = BTreeMap::new();
        for object in &logs.objects {
            let key = key_of(object);
            if let Some((region, folder)) =
                Region::of(&key).filter(|(region, _)| !begins.contains_key(region))
            {
                let file = self.store.name(&region.prefix(folder));
                bare.entry(region).or_insert(file);
            }
        }
        for (region, file) in bare {
            self.say(&Checked {
                verdict: Verdict::NotCovered,
                is_fine: false,
                kind: Kind::Region,
                file,
                account: region.account,
                region: region.region,
                time: None,
                until: None,
                reason: Some("it has log files, and no digest at all".to_owned()),
            });
        }
        for problem in digests.problems.iter().chain(&logs.problems) {
            self.problem(problem.clone());
        }
        begins
    }

    /// Checks all regions in some days, and notes in the lake what it came to.
    async fn window(
        self: &Arc<Self>,
        prefix: &str,
        begins: &BTreeMap<Region, i32>,
        window: Window,
        earlier: &mut Earlier,
        lake: Option<&Lake>,
    ) -> Result<(), Error> {
        if let Some(lake) = lake {
            let hashes = integrity::hashes(lake, window).await?;
            *self.hashes.write().unwrap_or_else(PoisonError::into_inner) = hashes;
        }
        let mut digests = self.digests(prefix, window).await?;
        let regions = begins.iter().filter(|(_, begin)| **begin <= window.last);
        let work = regions.map(|(region, _)| (region.clone(), digests.remove(region).unwrap_or_default()));
        let work = work.collect::<Vec<_>>();
        let learnt = self.regions(work, window, earlier, lake.is_some()).await;
        if let Some(lake) = lake {
            let noted = integrity::keep(lake, window, &learnt).await?;
            self.report().integrity_noted += noted;
        }
        for Learnt { region, spans, ends, .. } in learnt {
            earlier.began.extend(spans.first.map(|first| (region.clone(), first)));
            earlier.ends.entry(region).or_default().extend(ends);
        }
        Ok(())
    }

    /// Checks regions, some at a time. One that cannot be checked is a problem, and none of the others.
    async fn regions(
        self: &Arc<Self>,
        work: Vec<(Region, Vec<(DigestName, LogObject)>)>,
        window: Window,
        earlier: &Earlier,
        keeps_hashes: bool,
    ) -> Vec<Learnt> {
        let checks = stream::iter(work).map(async |(region, digests)| {
            let name = format!("{} {}", region.account, region.region);
            let checked = region::check(self, region, digests, window, earlier).await;
            checked.map_err(|error| format!("{name} is not verified: {error}"))
        });
        let mut checks = std::pin::pin!(checks.buffer_unordered(REGIONS));
        let mut learnt = Vec::new();
        while let Some(checked) = checks.next().await {
            match checked {
                Ok(region) => learnt.push(if keeps_hashes { region } else { region.without_hashes() }),
                Err(problem) => self.problem(problem),
            }
        }
        learnt
    }

    /// The digests of the days, and of the hours behind them, by region.
    async fn digests(
        &self,
        prefix: &str,
        window: Window,
    ) -> Result<HashMap<Region, Vec<(DigestName, LogObject)>>, Error> {
        let days = Days { first: Some(window.first), last: Some(window.last + 1) };
        let found = self.store.list(prefix, Wanted::Digests, days).await?;
        found.problems.into_iter().for_each(|problem| self.problem(problem));
        let mut regions = HashMap::<Region, Vec<_>>::new();
        for object in found.objects {
            let key = key_of(&object);
            let Some(((region, _), name)) = Region::of(&key).zip(DigestName::parse(&key)) else {
                self.problem(format!("{} is no digest by its name", self.store.name(&key)));
                continue;
            };
            if (i64::from(window.first) * DAY..window.end() + LATE).contains(&name.end) {
                regions.entry(region).or_default().push((name, object));
            }
        }
        Ok(regions)
    }

    /// The keys of a region that were valid in a span; asked for once.
    pub(super) async fn keys_of(&self, region: &str, span: (i64, i64)) -> Result<Keys, Error> {
        let mut cache = self.cache.lock().await;
        let asked = (region.to_owned(), span);
        if let Some(keys) = cache.get(&asked) {
            return Ok(Keys::clone(keys));
        }
        let keys = Keys::from(self.keys.keys(region, span.0, span.1).await?);
        cache.insert(asked, Arc::new(keys.clone()));
        Ok(keys)
    }

    /// The hash of an object that was ingested as it is now.
    pub(super) fn known_hash(&self, object: &LogObject) -> Option<[u8; 32]> {
        let identity = known_identity(&object.place)?;
        let hash = self.hashes.read().unwrap_or_else(PoisonError::into_inner).get(&identity).copied()?;
        self.report().hashes_reused += 1;
        Some(hash)
    }

    /// Waits until there is room for so many bytes.
    pub(super) async fn room(&self, bytes: u64) -> Option<SemaphorePermit<'_>> {
        let kib = u32::try_from(bytes / 1024 + 1).unwrap_or(u32::MAX).min(BUDGET_KIB);
        self.budget.acquire_many(kib).await.ok()
    }

    /// Says what was found out about a file.
    pub(super) fn say(&self, checked: &Checked) {
        self.report().count(checked);
        (self.hear)(checked);
    }

    pub(super) fn problem(&self, problem: String) {
        let problems = &mut self.report().problems;
        if problems.len() < MOST_PROBLEMS && !problems.contains(&problem) {
            problems.push(problem);
        }
    }

    pub(super) fn add_bytes(&self, bytes: usize) {
        self.report().bytes_in += bytes as u64;
    }

    /// So many bytes more are to be looked at; how many that makes in all.
    pub(super) fn expect_bytes(&self, bytes: u64) -> u64 {
        self.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes
    }

    fn report(&self) -> MutexGuard<'_, Verified> {
        self.report.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_regions_are_looked_at_in_fewer_days() {
        let of = |days: Days, begins: Vec<i32>| {
            windows(days, begins.into_iter(), 100).map(|it| (it.first, it.last)).collect::<Vec<_>>()
        };
        let days = |first, last| Days { first, last };
        assert_eq!(of(Days::default(), vec![40, 50]), [(40, 70), (71, 100)]);
        assert_eq!(of(days(Some(10), Some(45)), vec![40]), [(40, 45)]);
        assert_eq!(of(days(Some(99), None), vec![40; 2000]), [(99, 99), (100, 100)]);
        assert_eq!(of(days(None, Some(30)), vec![40]), []);
    }
}
