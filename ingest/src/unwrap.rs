//! The bytes of an object → the records in it, whatever is wrapped around them.
//!
//! `{"Records":[…]}`, a bare array, one record a line, documents with nothing between, a single record: all are
//! walked here. A wrapper is walked too: an object that is no record is searched for records in its members, and a
//! string that holds one (CloudWatch Logs, lookup-events) is unescaped by simd-json onto the arena and read like a
//! document of its own. One bad record costs one record: the walk goes on behind it.

use crate::parse::{Bad, Scanner, balanced, byte, skip, white};
use crate::record::{Item, KEY, PAD};
use memchr::memmem;

/// How deep wrappers may be nested: an event in a message in a notification in a queue is 4.
const MAX_WRAPPERS: usize = 6;

/// Strings shorter than this hold no record.
const SHORTEST_RECORD: usize = 60;

/// Hears what the walk finds.
pub(crate) trait Hear {
    /// A record: its span in the arena, its first item. `whole` and `aggregated` as the scanner says.
    fn record(
        &mut self,
        arena: &[u8],
        start: usize,
        end: usize,
        first: usize,
        items: &mut Vec<Item>,
        scanner: &Scanner,
    );
    /// A stretch that should have been a record.
    fn reject(&mut self, arena: &[u8], start: usize, end: usize, reason: &str);
}

/// One walk over one object.
pub(crate) struct Walk<'a, H> {
    pub(crate) arena: &'a mut Vec<u8>,
    pub(crate) items: &'a mut Vec<Item>,
    pub(crate) scanner: &'a mut Scanner,
    pub(crate) hear: &'a mut H,
    depth: usize,
}

/// What a value turned out to hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Held {
    /// Records, or an empty list where records belong, or a digest.
    Something,
    /// Nothing that we know.
    Nothing,
}

impl<'a, H: Hear> Walk<'a, H> {
    pub(crate) fn new(
        arena: &'a mut Vec<u8>,
        items: &'a mut Vec<Item>,
        scanner: &'a mut Scanner,
        hear: &'a mut H,
    ) -> Self {
        Self { arena, items, scanner, hear, depth: 0 }
    }

    /// Walks the documents in `arena[start..end]`, which is UTF-8 and followed by [`PAD`] zero bytes. `false`: the
    /// text is not JSON at all.
    pub(crate) fn documents(&mut self, start: usize, end: usize) -> bool {
        // Pretty-printed text holds line feeds; the one-line files of CloudTrail hold no byte below 0x20.
        let control = self.arena[start..end].iter().fold(0, |any, &byte| any | u8::from(byte < 0x20)) != 0;
        if control { self.texts::<true>(start, end) } else { self.texts::<false>(start, end) }
    }

    fn texts<const CONTROL: bool>(&mut self, start: usize, end: usize) -> bool {
        let bom = if self.arena[start..end].starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        let mut at = white(self.arena, start + bom);
        let first = at;
        while at < end {
            let next = match byte(self.arena, at) {
                b'{' | b'[' => self.value::<CONTROL>(at, end),
                _ if at == first && !self.arena[at..end].contains(&b'{') => return false,
                _ => None,
            };
            at = next.unwrap_or_else(|| self.give_up_line(at, end));
            at = white(self.arena, at);
        }
        true
    }

    /// Rejects what is left of a line, or all that is left where the text has no lines.
    fn give_up_line(&mut self, at: usize, end: usize) -> usize {
        let line = memmem::find(&self.arena[at..end], b"\n{").map_or(end, |length| at + length);
        self.hear.reject(self.arena, at, line, "not valid JSON");
        line
    }

    /// Walks the document at `at`; its end, or `None` when it is damaged beyond repair and nothing was reported.
    fn value<const CONTROL: bool>(&mut self, at: usize, end: usize) -> Option<usize> {
        if byte(self.arena, at) == b'[' {
            return Some(self.elements::<CONTROL>(at, end));
        }
        if let Some(list) = self.records_first(at) {
            let behind = self.elements::<CONTROL>(list, end);
            return Some(self.rest_of_members::<CONTROL>(behind, end));
        }
        match self.object::<CONTROL>(at, end) {
            Ok((behind, Held::Something)) => Some(behind),
            Ok((behind, Held::Nothing)) => {
                self.hear.reject(self.arena, at, behind, "not a CloudTrail record");
                Some(behind)
            }
            // Damage inside of a container: the list of records may still be found.
            Err(Bad) => {
                let line = memmem::find(&self.arena[at..end], b"\n{").map_or(end, |length| at + length);
                let list = self.find_records(at, line)?;
                let behind = self.elements::<CONTROL>(list, end);
                Some(self.rest_of_members::<CONTROL>(behind, end))
            }
        }
    }

    /// The `[` of `{"Records":[`, where the object at `at` begins like that.
    fn records_first(&self, at: usize) -> Option<usize> {
        self.list_behind_key(white(self.arena, at + 1))
    }

    fn list_behind_key(&self, at: usize) -> Option<usize> {
        const KEY: &[u8] = b"\"Records\"";
        let colon = white(self.arena, at + KEY.len());
        let list = white(self.arena, colon + 1);
        let fits = self.arena.get(at..)?.starts_with(KEY) && byte(self.arena, colon) == b':';
        (fits && byte(self.arena, list) == b'[').then_some(list)
    }

    fn find_records(&self, at: usize, end: usize) -> Option<usize> {
        memmem::find_iter(&self.arena[at..end], b"\"Records\"")
            .find_map(|found| self.list_behind_key(at + found))
    }

    /// Behind the `}` of a container whose list of records ended at `at`.
    fn rest_of_members<const CONTROL: bool>(&mut self, mut at: usize, end: usize) -> usize {
        loop {
            at = white(self.arena, at);
            match byte(self.arena, at) {
                b'}' => return at + 1,
                b',' => {
                    // Key, colon, value.
                    let key = skip::<CONTROL>(self.arena, at + 1).map(|key| white(self.arena, key));
                    let Some(colon) = key.ok().filter(|&colon| byte(self.arena, colon) == b':') else {
                        return end;
                    };
                    match skip::<CONTROL>(self.arena, colon + 1) {
                        Ok(value) if value <= end => at = value,
                        _ => return end,
                    }
                }
                _ => return at.max(white(self.arena, at)).min(end),
            }
        }
    }

    /// The elements of the array at `at`; gives what is behind its `]`, or `end` when it has none.
    fn elements<const CONTROL: bool>(&mut self, at: usize, end: usize) -> usize {
        let mut at = white(self.arena, at + 1);
        if byte(self.arena, at) == b']' {
            return at + 1;
        }
        while at < end {
            let behind = self.element::<CONTROL>(at, end);
            at = white(self.arena, behind);
            if at < end && !matches!(byte(self.arena, at), b',' | b']') {
                // What stands between two elements and is no comma.
                let behind = self.recover::<CONTROL>(at, end);
                self.hear.reject(self.arena, at, behind, "not valid JSON");
                at = white(self.arena, behind);
            }
            match byte(self.arena, at) {
                b',' => at = white(self.arena, at + 1),
                b']' => return at + 1,
                _ => break,
            }
        }
        end
    }

    /// One element; gives its end. A damaged one is rejected and the next one looked for.
    fn element<const CONTROL: bool>(&mut self, at: usize, end: usize) -> usize {
        if byte(self.arena, at) == b'[' {
            // Aggregated activity comes as lists in the list.
            return self.elements::<CONTROL>(at, end);
        }
        let follows = |arena: &[u8], end: usize| matches!(byte(arena, white(arena, end)), b',' | b']');
        let first = self.items.len();
        let result = if byte(self.arena, at) == b'{' {
            self.object::<CONTROL>(at, end)
        } else {
            skip::<CONTROL>(self.arena, at).map(|behind| (behind, Held::Nothing))
        };
        match result {
            Ok((behind, held)) if behind <= end && follows(self.arena, behind) => {
                if held == Held::Nothing {
                    self.hear.reject(self.arena, at, behind, "not a CloudTrail record");
                }
                behind
            }
            // The object is whole, but the array is cut behind it.
            Ok((behind, Held::Something)) if behind <= end => behind,
            _ => {
                self.items.truncate(first);
                let behind = self.recover::<CONTROL>(at, end);
                self.hear.reject(self.arena, at, behind, "not valid JSON");
                behind
            }
        }
    }

    /// Where the damaged element at `at` probably ends.
    fn recover<const CONTROL: bool>(&self, at: usize, end: usize) -> usize {
        let arena = &*self.arena;
        let by_brackets = balanced::<CONTROL>(arena, at).ok();
        by_brackets
            .filter(|&behind| behind <= end && matches!(byte(arena, white(arena, behind)), b',' | b']'))
            .or_else(|| memmem::find(arena.get(at + 1..end)?, b",{\"event").map(|length| at + 1 + length))
            .unwrap_or(end)
    }

    /// The object at `at`: a record, or something around records.
    fn object<const CONTROL: bool>(&mut self, at: usize, end: usize) -> Result<(usize, Held), Bad> {
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
            self.hear.record(self.arena, at, behind, first, self.items, self.scanner);
            return Ok((behind, Held::Something));
        }
        let members = self.items.split_off(first);
        Ok((behind, self.wrapped::<CONTROL>(&members)))
    }

    /// S3 says `"eventSource":"aws:s3"` in its notifications, which look like records and are none.
    fn is_notification(&self, first: usize) -> bool {
        let values = self.items[first..].iter().filter(|item| item.flag & KEY == 0);
        let mut texts = values.filter_map(|item| self.arena.get(item.start as usize..item.end as usize));
        texts.any(|text| text.starts_with(b"\"aws:"))
    }

    /// Searches the members of a wrapper.
    fn wrapped<const CONTROL: bool>(&mut self, members: &[Item]) -> Held {
        if self.depth == MAX_WRAPPERS || self.is_digest(members) {
            return if self.depth == MAX_WRAPPERS { Held::Nothing } else { Held::Something };
        }
        self.depth += 1;
        let mut held = Held::Nothing;
        for (at, item) in members.iter().enumerate().filter(|(_, item)| item.flag & KEY == 0) {
            let (start, end) = (item.start as usize, item.end as usize);
            let found = match byte(self.arena, start) {
                b'{' => self.object::<CONTROL>(start, end).map_or(Held::Nothing, |(_, held)| held),
                b'[' => self.list::<CONTROL>(start, end, self.is_records(members, at)),
                b'"' if end - start >= SHORTEST_RECORD => self.string(start, end),
                _ => Held::Nothing,
            };
            if found == Held::Something {
                held = found;
            }
        }
        self.depth -= 1;
        held
    }

    /// Whether the value at `at` among `members` belongs to the key `Records`.
    fn is_records(&self, members: &[Item], at: usize) -> bool {
        let key = at.checked_sub(1).and_then(|key| members.get(key)).filter(|key| key.flag & KEY != 0);
        key.is_some_and(|key| self.arena.get(key.start as usize..key.end as usize) == Some(b"Records"))
    }

    /// A list in a wrapper: its records if it has any. What else is in it is rejected only where records belong.
    fn list<const CONTROL: bool>(&mut self, start: usize, end: usize, records: bool) -> Held {
        if records {
            self.elements::<CONTROL>(start, end);
            return Held::Something;
        }
        let (mut held, mut at) = (Held::Nothing, white(self.arena, start + 1));
        while at < end {
            let Ok(behind) = skip::<CONTROL>(self.arena, at) else { break };
            let found = match byte(self.arena, at) {
                b'{' => self.object::<CONTROL>(at, behind).map_or(Held::Nothing, |(_, held)| held),
                b'"' if behind - at >= SHORTEST_RECORD => self.string(at, behind),
                _ => Held::Nothing,
            };
            if found == Held::Something {
                held = found;
            }
            at = white(self.arena, behind);
            if byte(self.arena, at) != b',' {
                break;
            }
            at = white(self.arena, at + 1);
        }
        held
    }

    /// A string that may hold a record: simd-json decodes it, and it becomes a document behind the others.
    fn string(&mut self, start: usize, end: usize) -> Held {
        let text = &self.arena[start..end];
        let likely = [&b"eventVersion"[..], b"eventSource", b"insightDetails"];
        if !likely.iter().any(|word| memmem::find(text, word).is_some()) {
            return Held::Nothing;
        }
        let Ok(decoded) = decode(&mut text.to_vec()) else { return Held::Nothing };
        if !decoded.trim_start().starts_with(['{', '[']) {
            return Held::Nothing;
        }
        let from = self.arena.len();
        self.arena.extend_from_slice(decoded.as_bytes());
        let to = self.arena.len();
        self.arena.resize(to + PAD, 0);
        if self.documents(from, to) { Held::Something } else { Held::Nothing }
    }

    /// A digest file, recognised by what only a digest has.
    fn is_digest(&self, members: &[Item]) -> bool {
        let keys = members.iter().filter(|item| item.flag & KEY != 0);
        let names = keys.filter_map(|item| self.arena.get(item.start as usize..item.end as usize));
        names.filter(|name| [&b"digestS3Object"[..], b"digestPublicKeyFingerprint"].contains(name)).count()
            == 2
    }
}

/// Decodes a JSON string, quotes included.
fn decode(text: &mut [u8]) -> Result<String, simd_json::Error> {
    let tape = simd_json::to_tape(text)?;
    Ok(match tape.0.first() {
        Some(simd_json::Node::String(decoded)) => (*decoded).to_owned(),
        _ => String::new(),
    })
}
