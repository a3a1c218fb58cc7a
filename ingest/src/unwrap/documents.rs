//! JSON documents → records: `{"Records":[…]}`, a bare array, one record a line, documents with nothing between, a
//! single record. Damage is stepped over: to the next element of a list, to the next line that begins a document.

use super::{Hear, Held, MAX_WRAPPERS, Walk, lines};
use crate::parse::{Bad, balanced, byte, skip, white};
use memchr::memmem;

impl<H: Hear> Walk<'_, H> {
    /// Walks the documents in `arena[start..end]`, which is UTF-8 and followed by `PAD` zero bytes. `false`: the
    /// text is not JSON at all.
    pub(super) fn documents(&mut self, start: usize, end: usize) -> bool {
        // Pretty-printed text holds line feeds; the one-line files of CloudTrail hold no byte below 0x20.
        let control = self.arena[start..end].iter().fold(0, |any, &byte| any | u8::from(byte < 0x20)) != 0;
        if control { self.texts::<true>(start, end) } else { self.texts::<false>(start, end) }
    }

    fn texts<const CONTROL: bool>(&mut self, start: usize, end: usize) -> bool {
        let bom = if self.arena[start..end].starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        let mut at = white(self.arena, start + bom);
        let first = at;
        while at < end && !self.stopped {
            let next = match byte(self.arena, at) {
                b'{' | b'[' => self.value::<CONTROL>(at, end),
                b'"' => self.quoted::<CONTROL>(at, end),
                _ if at == first && !self.arena[at..end].contains(&b'{') => return false,
                _ => lines::behind_stamp(&self.arena[at..end])
                    .and_then(|stamp| self.value::<CONTROL>(at + stamp, end)),
            };
            at = next.unwrap_or_else(|| self.give_up_line(at, end));
            at = white(self.arena, at);
        }
        true
    }

    /// Rejects what is left of a line, or all that is left where the text has no lines.
    fn give_up_line(&mut self, at: usize, end: usize) -> usize {
        let line = at + lines::before_next_document(&self.arena[at..end]);
        self.reject_bad(at, line);
        line
    }

    /// A record as a string, in a line of its own.
    fn quoted<const CONTROL: bool>(&mut self, at: usize, end: usize) -> Option<usize> {
        let behind = skip::<CONTROL>(self.arena, at, 0).ok().filter(|&behind| behind <= end)?;
        (self.string(at, behind) == Held::Something).then_some(behind)
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
                self.reject(at, behind, "not a CloudTrail record");
                Some(behind)
            }
            // Damage inside of a container: the list of records may still be found.
            Err(Bad) => {
                let line = at + lines::before_next_document(&self.arena[at..end]);
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
    fn rest_of_members<const CONTROL: bool>(&self, mut at: usize, end: usize) -> usize {
        let most = self.scanner.most;
        loop {
            at = white(self.arena, at);
            match byte(self.arena, at) {
                b'}' => return at + 1,
                b',' => {
                    // Key, colon, value.
                    let key = skip::<CONTROL>(self.arena, at + 1, most).map(|key| white(self.arena, key));
                    let Some(colon) = key.ok().filter(|&colon| byte(self.arena, colon) == b':') else {
                        return end;
                    };
                    match skip::<CONTROL>(self.arena, colon + 1, most) {
                        Ok(value) if value <= end => at = value,
                        _ => return end,
                    }
                }
                _ => return at.max(white(self.arena, at)).min(end),
            }
        }
    }

    /// The elements of the array at `at`; gives what is behind its `]`, or `end` when it has none.
    pub(super) fn elements<const CONTROL: bool>(&mut self, at: usize, end: usize) -> usize {
        let mut at = white(self.arena, at + 1);
        if byte(self.arena, at) == b']' {
            return at + 1;
        }
        while at < end && !self.stopped {
            let behind = self.element::<CONTROL>(at, end);
            at = white(self.arena, behind);
            if at < end && !matches!(byte(self.arena, at), b',' | b']') {
                // What stands between two elements and is no comma.
                let behind = self.recover(at, end);
                self.reject_bad(at, behind);
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
        let most = self.scanner.most;
        let first = self.items.len();
        let result = match byte(self.arena, at) {
            // Aggregated activity comes as lists in the list.
            b'[' if self.depth < MAX_WRAPPERS => {
                self.depth += 1;
                let behind = self.elements::<CONTROL>(at, end);
                self.depth -= 1;
                return behind;
            }
            b'{' => self.object::<CONTROL>(at, end),
            b'"' => skip::<CONTROL>(self.arena, at, most).map(|behind| (behind, self.string(at, behind))),
            _ => skip::<CONTROL>(self.arena, at, most).map(|behind| (behind, Held::Nothing)),
        };
        let follows = |arena: &[u8], end: usize| matches!(byte(arena, white(arena, end)), b',' | b']');
        match result {
            Ok((behind, held)) if behind <= end && follows(self.arena, behind) => {
                if held == Held::Nothing {
                    self.reject(at, behind, "not a CloudTrail record");
                }
                behind
            }
            // The object is whole, but the array is cut behind it.
            Ok((behind, Held::Something)) if behind <= end => behind,
            _ => {
                self.items.truncate(first);
                let behind = self.recover(at, end);
                self.reject_bad(at, behind);
                behind
            }
        }
    }

    /// Where the damaged element at `at` probably ends: by its brackets, if there is patience left to follow them,
    /// else where the next record seems to begin.
    fn recover(&mut self, at: usize, end: usize) -> usize {
        let by_brackets = if self.patience > 0 { balanced(self.arena, at).ok() } else { None };
        self.search(by_brackets.map_or(end, |behind| behind.min(end)) - at);
        let arena = &*self.arena;
        by_brackets
            .filter(|&behind| behind <= end && matches!(byte(arena, white(arena, behind)), b',' | b']'))
            .or_else(|| memmem::find(arena.get(at + 1..end)?, b",{\"event").map(|length| at + 1 + length))
            .unwrap_or(end)
    }
}
