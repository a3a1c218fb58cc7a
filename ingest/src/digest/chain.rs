//! The digests of one chain, newest first → what each of them is, and what lacks between them.
//!
//! Each digest is signed by itself, and names the one before with its hash. So a digest that is missing is known from
//! the next one that is valid; one whose signature cannot be checked is as good as the next one says; and where no valid
//! one tells, the hours do: they follow each other without a break.

use super::document::{Digest, Previous};
use super::place::stem;
use super::signature::Proof;
use super::verdict::Verdict;
use std::collections::{HashMap, HashSet};

const MINUTE: i64 = 60_000_000;
const HOUR: i64 = 60 * MINUTE;

/// A digest of a chain, as it was found.
#[derive(Clone, Debug)]
pub(super) struct Link {
    /// Its key, or its path.
    pub(super) key: String,
    /// When its hour ends, by its name.
    pub(super) end: i64,
    pub(super) state: State,
}

/// What could be read of it.
#[derive(Clone, Debug)]
pub(super) enum State {
    /// Nothing; why.
    Unreadable(String),
    /// It says that it belongs elsewhere.
    Moved(Box<Digest>),
    /// All of it: with its hash, and what its signature came to.
    Read(Box<Digest>, [u8; 32], Proof),
}

impl Link {
    fn digest(&self) -> Option<&Digest> {
        match &self.state {
            State::Read(digest, ..) => Some(digest),
            State::Unreadable(_) | State::Moved(_) => None,
        }
    }
}

/// A verdict, and what speaks for it.
pub(super) type Judgement = (Verdict, Option<String>);

/// What a chain came to.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub(super) struct Judged {
    /// For each link.
    pub(super) verdicts: Vec<Judgement>,
    /// Digests that a valid one names and that are not in the chain, with the end of their hour.
    pub(super) lacking: Vec<(Previous, i64)>,
    /// Spans of time without digests, newest first.
    pub(super) gaps: Vec<(i64, i64)>,
}

/// What the links of a chain are judged by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Judge {
    /// Whether a key that we do not have does not exist.
    pub(super) has_all_keys: bool,
    /// Where an older part of the chain ends, which was judged before.
    pub(super) earlier_end: Option<i64>,
}

impl Judge {
    /// Judges a chain; its links are sorted, newest first.
    pub(super) fn judge(self, links: &[Link]) -> Judged {
        let vouched = vouched(links);
        let verdicts = links.iter().map(|link| self.verdict(link, vouched.get(stem(&link.key)).copied()));
        let mut judged = Judged { verdicts: verdicts.collect(), ..Judged::default() };
        let present = links.iter().map(|link| stem(&link.key)).collect::<HashSet<_>>();
        for (at, link) in links.iter().enumerate() {
            let valid = link.digest().filter(|_| judged.verdicts[at].0 == Verdict::Valid);
            // What a forged one says of its own begin would hide a gap.
            let is_believed = matches!(judged.verdicts[at].0, Verdict::Valid | Verdict::Unproven);
            let begin = link.digest().filter(|_| is_believed).map(|digest| digest.start);
            let start = begin.unwrap_or(link.end - HOUR);
            let lacking = valid.and_then(|digest| digest.previous.as_ref());
            let lacking = lacking.filter(|previous| !present.contains(stem(&previous.object)));
            let mut known_from = start;
            if let Some(previous) = lacking {
                judged.lacking.push((previous.clone(), start));
                known_from -= HOUR;
            }
            let earlier_end = links.get(at + 1).map(|link| link.end).or(self.earlier_end);
            if let Some(end) = earlier_end.filter(|end| known_from - end >= MINUTE) {
                judged.gaps.push((end, known_from));
            }
        }
        judged
    }

    fn verdict(self, link: &Link, vouched: Option<&[u8; 32]>) -> Judgement {
        let (digest, hash, proof) = match &link.state {
            State::Unreadable(why) => return (Verdict::Changed, Some(why.clone())),
            State::Moved(digest) => {
                let why = format!("it belongs at s3://{}/{}", digest.bucket, digest.object);
                return (Verdict::Forged, Some(why));
            }
            State::Read(digest, hash, proof) => (digest, hash, proof),
        };
        let disowned = vouched.is_some_and(|vouched| vouched != hash);
        let fingerprint = &digest.fingerprint;
        match proof {
            Proof::Wrong => (Verdict::Forged, Some("its signature is wrong".to_owned())),
            _ if disowned => {
                (Verdict::Forged, Some("the next digest knows another one in its place".to_owned()))
            }
            Proof::Signed => (Verdict::Valid, None),
            _ if vouched.is_some() => (Verdict::Valid, Some("the next digest has its hash".to_owned())),
            Proof::NoKey if self.has_all_keys => {
                (Verdict::Forged, Some(format!("CloudTrail has no key {fingerprint} in its region")))
            }
            Proof::NoKey => {
                (Verdict::Unproven, Some(format!("there is no public key {fingerprint} in the file")))
            }
            Proof::Unsigned => (Verdict::Unproven, Some("there is no signature to check".to_owned())),
        }
    }
}

/// The hashes that signed digests have of those before them, and so on down the chain from each.
fn vouched(links: &[Link]) -> HashMap<&str, &[u8; 32]> {
    let mut vouched = HashMap::<&str, &[u8; 32]>::new();
    for link in links {
        let State::Read(digest, hash, proof) = &link.state else { continue };
        let is_proven = match proof {
            Proof::Signed => true,
            Proof::Wrong => false,
            Proof::NoKey | Proof::Unsigned => {
                vouched.get(stem(&link.key)).is_some_and(|known| *known == hash)
            }
        };
        let previous = digest.previous.as_ref().filter(|_| is_proven);
        if let Some((object, hash)) = previous.and_then(|p| Some((p.object.as_str(), p.hash.as_ref()?))) {
            vouched.insert(stem(object), hash);
        }
    }
    vouched
}

#[cfg(test)]
mod tests;
