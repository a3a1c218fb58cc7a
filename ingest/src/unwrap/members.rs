//! An object: a record, or a wrapper with records in its members (EventBridge, CloudWatch Logs, lookup-events, queues,
//! query results of CloudTrail Lake, documents of a SIEM).

use super::{Hear, Held, MAX_WRAPPERS, Walk};
use crate::parse::{Bad, byte, skip, white};
use crate::record::{Item, KEY};

/// Lists in wrappers whose every element should hold a record: `Events` of lookup-events, `events` of
/// filter-log-events, `logEvents` of a subscription, `records` of Firehose, rows of CloudTrail Lake.
const EVENTS: [&[u8]; 5] = [b"Events", b"events", b"logEvents", b"records", b"QueryResultRows"];

/// What the key of a list says about its elements.
#[derive(Clone, Copy)]
enum ListKey {
    /// They are records.
    Records,
    /// Each holds a record.
    Events,
    /// Some may.
    Other,
}

impl<H: Hear> Walk<'_, H> {
    /// The object at `at`: a record, or something around records.
    pub(super) fn object<const CONTROL: bool>(
        &mut self,
        at: usize,
        end: usize,
    ) -> Result<(usize, Held), Bad> {
        let first = self.items.len();
        let scanned = self.scanner.object::<CONTROL>(self.arena, at, self.items);
        let behind = match scanned {
            Ok(behind) if behind <= end => behind,
            _ => {
                self.items.truncate(first);
                return Err(Bad);
            }
        };
        if self.scanner.is_record() && !self.is_notification(first) {
            self.record(at, behind, first);
            return Ok((behind, Held::Something));
        }
        let members = self.scanner.principals().expand(&self.items[first..]);
        self.items.truncate(first);
        Ok((behind, self.wrapped::<CONTROL>(&members)))
    }

    /// S3 says `"eventSource":"aws:s3"` in its notifications and Kinesis `aws:kinesis`: they look like records and are
    /// none. Only that member decides; in others, a caller may write what he likes.
    fn is_notification(&self, first: usize) -> bool {
        let mut sources = self.items[first..].iter().filter(|item| self.scanner.is_source(item));
        sources.any(|source| self.text_of(source).starts_with(b"\"aws:"))
    }

    fn text_of(&self, item: &Item) -> &[u8] {
        self.arena.get(item.start as usize..item.end as usize).unwrap_or_default()
    }

    /// Searches the members of a wrapper.
    fn wrapped<const CONTROL: bool>(&mut self, members: &[Item]) -> Held {
        if self.is_hash_list(members) || self.is_control(members) {
            return Held::Something;
        }
        if self.depth >= MAX_WRAPPERS {
            return Held::Nothing;
        }
        self.depth += 1;
        let mut held = Held::Nothing;
        for (at, item) in members.iter().enumerate().filter(|(_, item)| item.flag & KEY == 0) {
            let (start, end) = (item.start as usize, item.end as usize);
            let found = match byte(self.arena, start) {
                b'{' => self.object::<CONTROL>(start, end).map_or(Held::Nothing, |(_, held)| held),
                b'[' => self.member_list::<CONTROL>(start, end, self.key(members, at)),
                b'"' => self.string(start, end),
                _ => Held::Nothing,
            };
            if found == Held::Something {
                held = found;
            }
        }
        self.depth -= 1;
        held
    }

    /// The list that is a member of a wrapper.
    fn member_list<const CONTROL: bool>(&mut self, start: usize, end: usize, key: ListKey) -> Held {
        match key {
            ListKey::Records => {
                self.elements::<CONTROL>(start, end);
                Held::Something
            }
            ListKey::Events => {
                self.list::<CONTROL>(start, end, true);
                Held::Something
            }
            ListKey::Other => self.list::<CONTROL>(start, end, false),
        }
    }

    /// What the key of the value at `at` among `members` says of a list.
    fn key(&self, members: &[Item], at: usize) -> ListKey {
        let key = at.checked_sub(1).and_then(|key| members.get(key)).filter(|key| key.flag & KEY != 0);
        match key.map(|key| self.text_of(key)) {
            Some(b"Records") => ListKey::Records,
            Some(key) if EVENTS.contains(&key) => ListKey::Events,
            _ => ListKey::Other,
        }
    }

    /// A list in a wrapper. `each`: what holds no record is rejected.
    fn list<const CONTROL: bool>(&mut self, start: usize, end: usize, each: bool) -> Held {
        let most = self.scanner.most;
        let (mut held, mut at) = (Held::Nothing, white(self.arena, start + 1));
        if byte(self.arena, at) == b']' {
            return held;
        }
        while at < end && !self.stopped {
            let Ok(behind) = skip::<CONTROL>(self.arena, at, most) else { break };
            let found = match byte(self.arena, at) {
                b'{' => self.object::<CONTROL>(at, behind).map_or(Held::Nothing, |(_, held)| held),
                b'[' if self.depth < MAX_WRAPPERS => {
                    self.depth += 1;
                    let held = self.list::<CONTROL>(at, behind, false);
                    self.depth -= 1;
                    held
                }
                b'"' => self.string(at, behind),
                _ => Held::Nothing,
            };
            if found == Held::Something {
                held = found;
            } else if each {
                self.reject(at, behind, "not a CloudTrail record");
            }
            at = white(self.arena, behind);
            if byte(self.arena, at) != b',' {
                break;
            }
            at = white(self.arena, at + 1);
        }
        held
    }

    /// A digest file of CloudTrail, or the signed list of the files with a query result of CloudTrail Lake; recognised by
    /// what only these have.
    fn is_hash_list(&self, members: &[Item]) -> bool {
        let has = |name: &[u8]| members.iter().any(|item| item.flag & KEY != 0 && self.text_of(item) == name);
        (has(b"digestS3Object") && has(b"digestPublicKeyFingerprint"))
            || (has(b"hashSignature") && has(b"publicKeyFingerprint"))
    }

    /// CloudWatch Logs asks with a control message whether a destination is there.
    fn is_control(&self, members: &[Item]) -> bool {
        members.windows(2).any(|pair| {
            pair[0].flag & KEY != 0
                && self.text_of(&pair[0]) == b"messageType"
                && self.text_of(&pair[1]) == b"\"CONTROL_MESSAGE\""
        })
    }
}
