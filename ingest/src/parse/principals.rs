//! Principals that the batch has had before.
//!
//! `userIdentity` is a third of the bytes and of the members of a record, and all calls of a session carry the same
//! text: of a million records made of real ones, 19 in 20 repeat one of the same batch. An object that equals an
//! earlier one byte for byte is not scanned again: the record gets one item for all of it, marked [`SHARED`], and
//! whoever works on its members does so once for a principal.

use super::Bad;
use crate::record::{Item, SHARED};
use crate::schema::NodeId;
use foldhash::fast::FixedState;
use std::hash::BuildHasher;
use std::ops::Range;

/// Bytes from the begin of an object that choose its slot: type, id of the role, begin of the session's name.
const WINDOW: usize = 64;

/// Slots for the principals met last. Principals that begin alike share a slot, and the last one has it.
const SLOTS: usize = 4096;

/// A `userIdentity` as it stands in the arena.
#[derive(Debug)]
struct Principal {
    text: Range<usize>,
    items: Range<usize>,
    /// The nodes in it, a bit for each.
    seen: u128,
}

/// The principals of a batch, by number.
#[derive(Debug)]
pub(crate) struct Principals {
    known: Vec<Principal>,
    items: Vec<Item>,
    /// Numbers, plus one.
    slots: Vec<u32>,
}

impl Principals {
    pub(super) fn new() -> Self {
        Self { known: vec![], items: vec![], slots: vec![0; SLOTS] }
    }

    /// Forgets all, since the arena is emptied.
    pub(super) fn clear(&mut self) {
        self.known.clear();
        self.items.clear();
        self.slots.fill(0);
    }

    /// The principal whose text stands at `at`: its number, its end there, the nodes in it.
    #[inline]
    pub(super) fn find(&self, bytes: &[u8], at: usize) -> Option<(u16, usize, u128)> {
        let number = self.slots[slot(bytes, at)?].checked_sub(1)?;
        let known = &self.known[number as usize];
        let end = at + known.text.len();
        // The text is a whole object, so what equals it ends where it ends.
        (bytes.get(at..end)? == &bytes[known.text.clone()]).then_some((
            u16::try_from(number).ok()?,
            end,
            known.seen,
        ))
    }

    /// Remembers the principal at `text`, and puts one item in the place of those from `first` on. The items of a short
    /// one stay, since its slot would depend on what follows it, and those of one too many.
    pub(super) fn add(
        &mut self,
        bytes: &[u8],
        text: Range<usize>,
        node: NodeId,
        seen: u128,
        first: usize,
        items: &mut Vec<Item>,
    ) -> Result<(), Bad> {
        let Some(slot) = slot(bytes, text.start).filter(|_| text.len() >= WINDOW) else { return Ok(()) };
        let Ok(number) = u16::try_from(self.known.len()) else { return Ok(()) };
        let from = self.items.len();
        self.items.extend(items.drain(first..));
        items.push(shared(text.clone(), node, number)?);
        self.known.push(Principal { text, items: from..self.items.len(), seen });
        self.slots[slot] = u32::from(number) + 1;
        Ok(())
    }

    /// The members of a principal, where it was met first.
    pub(crate) fn items(&self, number: u16) -> &[Item] {
        self.known.get(usize::from(number)).map_or(&[], |known| &self.items[known.items.clone()])
    }

    /// The same items with those of each principal in its place.
    pub(crate) fn expand(&self, items: &[Item]) -> Vec<Item> {
        let mut all = Vec::with_capacity(items.len());
        for item in items {
            if item.flag & SHARED == 0 {
                all.push(*item);
                continue;
            }
            let moved = |inner: &Item, origin: u32| Item {
                start: inner.start - origin + item.start,
                end: inner.end - origin + item.start,
                ..*inner
            };
            let origin = self.known.get(usize::from(item.number)).map_or(0, |known| known.text.start);
            let origin = u32::try_from(origin).unwrap_or(0);
            all.extend(self.items(item.number).iter().map(|inner| moved(inner, origin)));
        }
        all
    }
}

/// The slot of what stands at `at`.
#[inline]
fn slot(bytes: &[u8], at: usize) -> Option<usize> {
    let window: &[u8; WINDOW] = bytes.get(at..at + WINDOW)?.try_into().ok()?;
    let hash = FixedState::default().hash_one(window);
    usize::try_from(hash % SLOTS as u64).ok()
}

/// The item for a whole principal.
#[inline]
pub(super) fn shared(text: Range<usize>, node: NodeId, number: u16) -> Result<Item, Bad> {
    let offset = |at: usize| u32::try_from(at).map_err(|_| Bad);
    Ok(Item { start: offset(text.start)?, end: offset(text.end)?, node, flag: SHARED, number })
}

#[cfg(test)]
mod tests {
    use crate::parse::Scanner;
    use crate::record::{Item, PAD, SHARED};
    use proptest::prelude::*;

    /// The members of the record at `place`, and whether it is kept whole.
    fn scan(scanner: &mut Scanner, bytes: &[u8], place: usize) -> (Vec<Item>, bool) {
        let mut items = Vec::new();
        scanner.object::<false>(bytes, place, &mut items).unwrap();
        (scanner.principals().expand(&items), scanner.whole)
    }

    /// A principal with members that have a column, members that have none, and a key twice now and then.
    fn principal() -> impl Strategy<Value = String> {
        let keys = prop::sample::select(vec!["type", "arn", "odd", "userName", "ar\\u006e"]);
        let members = prop::collection::vec((keys, "[a-z\\\\\"]{0,60}"), 0..5);
        members.prop_map(|members| {
            let text = |(key, value): (&str, String)| format!("\"{key}\":{value:?}");
            format!("{{{}}}", members.into_iter().map(text).collect::<Vec<_>>().join(","))
        })
    }

    proptest! {
        /// A scanner that remembers finds what one that has seen nothing finds.
        #[test]
        fn memory_changes_nothing(
            principals in prop::collection::vec(principal(), 1..4),
            order in prop::collection::vec(any::<prop::sample::Index>(), 1..12),
        ) {
            let (mut bytes, mut places) = (Vec::new(), Vec::new());
            for which in &order {
                places.push(bytes.len());
                let principal = &principals[which.index(principals.len())];
                bytes.extend_from_slice(format!("{{\"eventName\":\"x\",\"userIdentity\":{principal},\"z\":1}}").as_bytes());
            }
            bytes.extend_from_slice(&[0; PAD]);
            let mut scanner = Scanner::new();
            for &place in &places {
                let naive = scan(&mut Scanner::new(), &bytes, place);
                prop_assert_eq!(scan(&mut scanner, &bytes, place), naive);
            }
        }
    }

    #[test]
    fn the_second_of_two_equals_is_one_item() {
        let record = format!(r#"{{"userIdentity":{{"arn":"{}"}}}}"#, "a".repeat(60));
        let bytes = [record.as_bytes(), record.as_bytes(), &[0; PAD]].concat();
        let (mut scanner, mut items) = (Scanner::new(), Vec::new());
        scanner.object::<false>(&bytes, 0, &mut items).unwrap();
        scanner.object::<false>(&bytes, record.len(), &mut items).unwrap();
        assert_eq!(items.iter().map(|item| (item.flag, item.number)).collect::<Vec<_>>(), [(SHARED, 0); 2]);
        assert_eq!(scanner.principals().known.len(), 1);
    }
}
