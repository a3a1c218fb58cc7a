//! Temporary credentials → who began: the human or the workload behind a role that was assumed by a role.
//!
//! CloudTrail names the last link only. Each event that gives out credentials says which key it gave, and who asked; so
//! a key leads to its issue, the issue to the key of whoever asked, and so on to somebody who needs no key from anybody.
//! Where an event hides the key, or the key in use is another one (IAM Identity Center), the ARN of the session and the
//! second in which it was created find the issue. An issue that only one of two accounts logged in full is put together
//! by `sharedEventID`. A link that is missing is said to be, never guessed.
//!
//! [`table`] is `actor_chain` in SQL; [`findings`] names the first link in what detection found. Both read the events
//! that give out credentials ([`load`]) and walk in memory.

mod session;
mod names;
mod texts;
mod issue;
mod windows;
mod among;
mod load;
mod table;
pub(crate) mod findings;
#[cfg(test)]
mod tests;

pub use load::Source;
pub use session::{OriginType, Session, Text};
pub(crate) use table::COLUMNS;
pub use table::{ACTOR_CHAIN, ActorChain};

use foldhash::{HashMap, HashSet};
use issue::Issue;
use std::net::IpAddr;
use std::sync::Arc;

/// Links that are followed. AWS has no limit; nobody's chain is as long.
const DEPTH: usize = 64;

/// How far before a call all that was issued matters: credentials live 36 hours, what they assume another 12.
pub const LOOK_BACK: i64 = 48 * 3_600_000_000;

/// Where credentials come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// Who began; if that is not known, the first link that is.
    pub origin: Arc<str>,
    /// What kind of actor that is.
    pub origin_type: OriginType,
    /// The account of the origin.
    pub origin_account: Text,
    /// Where the origin called from.
    pub origin_ip: Text,
    /// From the origin to the credentials: ARNs, or other names.
    pub path: Vec<Arc<str>>,
    /// The role, or what else the credentials are for.
    pub role: Text,
    /// The source identity, which no link can change once it is set.
    pub source_identity: Text,
    /// When the credentials were issued.
    pub issued: Option<i64>,
}

impl Chain {
    /// Issues between origin and credentials.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.path.len() - 1
    }
}

/// The issues of a time, to be asked for chains.
#[derive(Debug, Default)]
pub struct Chains {
    issues: Vec<Issue>,
    by_key: HashMap<Arc<str>, u32>,
    by_session: HashMap<Arc<str>, Vec<u32>>,
}

impl Chains {
    /// Takes an issue, in any order.
    fn add(&mut self, issue: Issue) {
        let Ok(number) = u32::try_from(self.issues.len()) else { return };
        if let Some(key) = &issue.key {
            let known = self.by_key.entry(Arc::clone(key)).or_insert(number);
            if issue.is_better(self.issues.get(*known as usize).unwrap_or(&issue)) {
                *known = number;
            }
        }
        if let Some(arn) =
            issue.session.as_ref().filter(|arn| session::is_session(arn) || arn.ends_with(":root"))
        {
            self.by_session.entry(Arc::clone(arn)).or_default().push(number);
        }
        self.issues.push(issue);
    }

    /// Puts together what two accounts logged of one call, once all issues of a time are known.
    fn finish(&mut self) {
        let callers = self.callers();
        for issue in self.issues.iter_mut().filter(|issue| !issue.caller.is_named()) {
            if let Some((caller, ip)) = issue.shared.as_ref().and_then(|shared| callers.get(shared)) {
                (issue.caller, issue.ip) = (Arc::clone(caller), ip.clone());
            }
        }
        let time = |number: &u32| self.issues[*number as usize].time;
        for numbers in self.by_session.values_mut() {
            numbers.sort_unstable_by_key(time);
        }
    }

    /// Callers that another account's event of the same call does not name, by `sharedEventID`.
    fn callers(&self) -> HashMap<Arc<str>, (Arc<Session>, Text)> {
        let unnamed = self.issues.iter().filter(|issue| !issue.caller.is_named());
        let wanted = unnamed.filter_map(|issue| issue.shared.as_deref()).collect::<HashSet<_>>();
        // Services call from within: both events name them.
        let named = self.issues.iter().filter(|issue| issue.caller.is_named() && !issue.is_by_service());
        let named = named.filter_map(|issue| Some((issue.shared.as_ref()?, issue)));
        let named = named.filter(|(shared, _)| wanted.contains(&***shared));
        named
            .map(|(shared, issue)| (Arc::clone(shared), (Arc::clone(&issue.caller), issue.ip.clone())))
            .collect()
    }

    /// The chain of credentials that were in use at `time`, from `ip`.
    #[must_use]
    pub fn of(&self, session: &Session, time: i64, ip: Option<&Arc<str>>) -> Chain {
        let mut links: Vec<&Issue> = Vec::new();
        let (mut at, mut when, mut is_cut) = (session, time, false);
        while let Some(issue) = self.find(at, when) {
            // A loop, as logs whose keys were made anonymous have.
            is_cut = links.len() == DEPTH || links.iter().any(|link| std::ptr::eq(*link, issue));
            if is_cut {
                break;
            }
            links.push(issue);
            (at, when) = (&issue.caller, issue.time);
        }
        let (origin_type, origin) = origin(session, &links, is_cut);
        let mut path = vec![session.label()];
        path.extend(links.iter().map(|link| link.caller.label()));
        path.reverse();
        let last = links.last();
        let first = links.first();
        Chain {
            origin,
            origin_type,
            origin_account: at.account().or_else(|| last.and_then(|link| link.account.clone())),
            origin_ip: origin_ip(origin_type, &links, ip),
            path,
            role: first.and_then(|link| link.role.clone()).or_else(|| session.issuer.clone()),
            source_identity: source_identity(session, &links),
            issued: first.map(|link| link.time).or(session.created),
        }
    }

    /// The issue of the credentials that `session` used at `time`.
    fn find(&self, session: &Session, time: i64) -> Option<&Issue> {
        let (from, until) = session.issued_within(time);
        let by_key = session.key.as_ref().and_then(|key| self.by_key.get(key));
        let by_key = by_key.map(|number| &self.issues[*number as usize]);
        let by_key = by_key.filter(|issue| (from..=until).contains(&issue.time));
        by_key.or_else(|| self.find_by_session(session, time))
    }

    /// The issue of a session with this ARN: the one in the second it was created. If that is not told, the only one
    /// that can be meant.
    fn find_by_session(&self, session: &Session, time: i64) -> Option<&Issue> {
        let numbers = self.by_session.get(session.session_arn()?)?;
        let (from, until) = session.issued_within(time);
        let begin = numbers.partition_point(|number| self.issues[*number as usize].time < from);
        let end = numbers.partition_point(|number| self.issues[*number as usize].time <= until);
        let issues = numbers[begin..end].iter().map(|number| &self.issues[*number as usize]);
        match session.created {
            Some(created) => issues.min_by_key(|issue| {
                (
                    !issue.caller.is_named(),
                    (issue.time - created).abs(),
                    issue.time,
                    &issue.caller,
                    &issue.key,
                )
            }),
            None if end - begin == 1 => issues.into_iter().next(),
            None => None,
        }
    }
}

/// Who is at the beginning of `links`, which lead from `session` back.
fn origin(session: &Session, links: &[&Issue], is_cut: bool) -> (OriginType, Arc<str>) {
    let first = links.last().map_or(session, |link| link.caller.as_ref());
    if is_cut {
        return (OriginType::Unknown, first.label());
    }
    let role = links.last().and_then(|link| link.role.as_deref());
    let (origin_type, origin) = first.origin(role);
    // A service that gave credentials to a machine or a function began nothing itself.
    let held = match links {
        [] | [_] => session,
        [.., next, _] => next.caller.as_ref(),
    };
    if origin_type == OriginType::Service
        && !links.is_empty()
        && let Some(found @ (OriginType::Service | OriginType::Instance, _)) = held.of_session()
    {
        return found;
    }
    if !matches!(origin_type, OriginType::Service | OriginType::Unknown) {
        return (origin_type, origin);
    }
    let mut all = links.iter().map(|link| link.caller.as_ref()).chain([session]);
    if let Some(user) = all.find_map(|link| link.on_behalf_of.clone()) {
        return (OriginType::IdentityCenter, user);
    }
    match source_identity(session, links) {
        Some(name) if origin_type == OriginType::Unknown => (OriginType::SourceIdentity, name),
        _ => (origin_type, origin),
    }
}

fn source_identity(session: &Session, links: &[&Issue]) -> Text {
    let told = links
        .iter()
        .find_map(|link| link.source_identity.clone().or_else(|| link.caller.source_identity.clone()));
    session.source_identity.clone().or(told)
}

/// Where the first link called from. Who got credentials from a service is where they are used, not where it is.
fn origin_ip(origin_type: OriginType, links: &[&Issue], ip: Option<&Arc<str>>) -> Text {
    let is_given =
        matches!(origin_type, OriginType::Service | OriginType::Instance | OriginType::IdentityCenter);
    let ip = match links {
        [.., link] if !is_given => link.ip.as_ref(),
        [.., next, _] => next.ip.as_ref(),
        _ => ip,
    };
    ip.filter(|ip| ip.parse::<IpAddr>().is_ok()).cloned()
}
