//! The text of a record → the same text without what the rules name.
//!
//! One walk over the members, which looks only where a path still leads; everything else is copied as it is, digit for
//! digit. Time grows with the length of the text, whatever is nested in it.

use super::mask::{self, Network};
use super::path::Step;
use super::said::{accounts_of, is_key, key_at, text_of};
use super::{Mask, PROTECTED, Redaction};
use crate::parse::{Bad, MAX_DEPTH, byte, skip, white};
use crate::record::unescape;

/// Rewrites record after record.
pub(crate) struct Rewriter<'a> {
    redaction: &'a Redaction,
    /// Values changed, by rule.
    counts: &'a mut [u64],
}

/// Whether a member or element is still there, and where its text ended.
struct Copied {
    end: usize,
    kept: bool,
}

/// Appends the value that begins somewhere.
type Write<'a> = dyn FnMut(usize, &mut Vec<u8>) -> Result<Copied, Bad> + 'a;

/// A path that has come so far: rule, path of the rule, step.
type Way = (usize, usize, usize);

/// The paths that lead to a value, and beyond.
#[derive(Clone, Default)]
struct Ways {
    open: Vec<Way>,
    /// The first rule that wants everything here.
    deep: Option<usize>,
    /// The first rule that wants this value as a whole.
    hit: Option<usize>,
}

/// Where an object is, as far as protected members go.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Record,
    Window,
    Below,
}

impl<'a> Rewriter<'a> {
    pub(crate) fn new(redaction: &'a Redaction, counts: &'a mut [u64]) -> Self {
        Self { redaction, counts }
    }

    /// Appends the record that begins at `open` to `out`; returns where its text ended. Behind the record there must be
    /// 16 bytes of something.
    pub(crate) fn record(&mut self, bytes: &[u8], open: usize, out: &mut Vec<u8>) -> Result<usize, Bad> {
        if byte(bytes, open) != b'{' {
            return Err(Bad);
        }
        let mut ways = Ways::default();
        let mut accounts = None;
        for (number, rule) in self.redaction.rules.iter().enumerate() {
            if let Some(wanted) = &rule.accounts {
                if accounts.is_none() {
                    accounts = Some(accounts_of(bytes, open)?);
                }
                let known = accounts.as_ref().is_some_and(|accounts| !accounts.is_empty());
                let is_of = |account: &String| wanted.binary_search(account).is_ok();
                // Whose it is nobody knows: it may be theirs.
                if known && !accounts.iter().flatten().any(is_of) {
                    continue;
                }
            }
            for path in 0..rule.paths.len() {
                self.advance(&mut ways, (number, path, 0));
            }
        }
        self.object(bytes, open, &ways, Level::Record, out)
    }

    /// Adds the way to `ways`, as far as it leads without another key.
    fn advance(&self, ways: &mut Ways, way: Way) {
        let (rule, path, step) = way;
        let steps = &self.redaction.rules[rule].paths[path].0;
        let first = |known: Option<usize>| Some(known.map_or(rule, |known| known.min(rule)));
        match steps.get(step) {
            None => ways.hit = first(ways.hit),
            Some(Step::Deep) if step + 1 == steps.len() => ways.deep = first(ways.deep),
            Some(is) => {
                if !ways.open.contains(&way) {
                    ways.open.push(way);
                }
                if *is == Step::Deep {
                    self.advance(ways, (rule, path, step + 1));
                }
            }
        }
    }

    /// Where `ways` lead through a key; `None` is one that is no text.
    fn through(&self, ways: &Ways, key: Option<&str>) -> Ways {
        let mut next = Ways { deep: ways.deep, ..Ways::default() };
        for &(rule, path, step) in &ways.open {
            match &self.redaction.rules[rule].paths[path].0[step] {
                Step::Key(wanted) if !key.is_some_and(|key| is_key(key, wanted)) => {}
                Step::Key(_) | Step::One => self.advance(&mut next, (rule, path, step + 1)),
                Step::Deep => self.advance(&mut next, (rule, path, step)),
            }
        }
        next
    }

    fn object(
        &mut self,
        bytes: &[u8],
        open: usize,
        ways: &Ways,
        level: Level,
        out: &mut Vec<u8>,
    ) -> Result<usize, Bad> {
        out.push(b'{');
        let mut at = white(bytes, open + 1);
        let mut decoded = String::new();
        let mut first = true;
        while byte(bytes, at) == b'"' {
            let (span, escaped, value) = key_at(bytes, at)?;
            let raw = std::str::from_utf8(&bytes[span.clone()]).map_err(|_| Bad)?;
            let is_text = !escaped || unescape(raw, &mut decoded);
            let key = is_text.then_some(if escaped { decoded.as_str() } else { raw });
            let before = out.len();
            if !first {
                out.push(b',');
            }
            out.push(b'"');
            out.extend_from_slice(raw.as_bytes());
            out.extend_from_slice(b"\":");
            let copied = if is_protected(level, key, byte(bytes, value)) {
                copy(bytes, value, out)?
            } else {
                let below = if level == Level::Record && key == Some("timeWindow") {
                    Level::Window
                } else {
                    Level::Below
                };
                let mut ways = self.through(ways, key);
                if below == Level::Window && byte(bytes, value) == b'{' {
                    // What has to stay is inside, so it is not taken as a whole.
                    ways.deep = ways.deep.into_iter().chain(ways.hit).min();
                    self.value(bytes, value, &ways, below, out)?
                } else {
                    self.member(bytes, value, &ways, below, out)?
                }
            };
            if copied.kept {
                first = false;
            } else {
                out.truncate(before);
            }
            at = white(bytes, copied.end);
            if byte(bytes, at) != b',' {
                break;
            }
            at = white(bytes, at + 1);
        }
        out.push(b'}');
        if byte(bytes, at) == b'}' { Ok(at + 1) } else { Err(Bad) }
    }

    /// The value of a member, to which `ways` lead.
    fn member(
        &mut self,
        bytes: &[u8],
        at: usize,
        ways: &Ways,
        level: Level,
        out: &mut Vec<u8>,
    ) -> Result<Copied, Bad> {
        let dropped = |rule: usize| self.redaction.rules[rule].mask == Mask::Drop;
        match (ways.hit, ways.deep) {
            (Some(hit), deep) if deep.is_none_or(|deep| hit <= deep) => self.whole(bytes, at, hit, out),
            // Unless an earlier rule wants something inside, it goes as a whole.
            (_, Some(deep)) if dropped(deep) && !ways.open.iter().any(|way| way.0 < deep) => {
                self.whole(bytes, at, deep, out)
            }
            _ => self.value(bytes, at, ways, level, out),
        }
    }

    /// A value in which there may be something to redact. A path goes through arrays without a step.
    fn value(
        &mut self,
        bytes: &[u8],
        at: usize,
        ways: &Ways,
        level: Level,
        out: &mut Vec<u8>,
    ) -> Result<Copied, Bad> {
        match (byte(bytes, at), ways.deep) {
            (_, None) if ways.open.is_empty() => copy(bytes, at, out),
            (b'{', _) => Ok(Copied { end: self.object(bytes, at, ways, level, out)?, kept: true }),
            (b'[', _) => elements(bytes, at, out, &mut |element, out| {
                self.value(bytes, element, ways, Level::Below, out)
            }),
            (_, Some(rule)) => self.whole(bytes, at, rule, out),
            (_, None) => copy(bytes, at, out),
        }
    }

    /// A value that a rule names: what is in an array one by one, anything else as a whole.
    fn whole(&mut self, bytes: &[u8], at: usize, rule: usize, out: &mut Vec<u8>) -> Result<Copied, Bad> {
        let mask = self.redaction.rules[rule].mask;
        if byte(bytes, at) == b'[' && mask != Mask::Drop {
            return elements(bytes, at, out, &mut |element, out| self.whole(bytes, element, rule, out));
        }
        let end = skip::<true>(bytes, at, MAX_DEPTH)?;
        let raw = &bytes[at..end];
        let text = || text_of(bytes, at, end);
        let masked = match mask {
            Mask::Drop => Masked::Gone,
            _ if raw == b"null" => Masked::Same,
            Mask::Length(length) => {
                let text = text()?;
                mask::cut(&text, length).map_or(Masked::Same, |cut| Masked::Text(cut.to_owned()))
            }
            Mask::Address { ipv4, ipv6 } => match mask::network(&text()?, ipv4, ipv6) {
                Network::Same if raw[0] == b'"' => Masked::Same,
                Network::Cut(network) => Masked::Text(network),
                _ => Masked::Gone,
            },
            Mask::Hmac => {
                let key = self.redaction.key.as_ref().ok_or(Bad)?;
                key.pseudonym(&text()?).map_or(Masked::Same, Masked::Text)
            }
        };
        self.counts[rule] += u64::from(masked != Masked::Same);
        match masked {
            Masked::Gone => Ok(Copied { end, kept: false }),
            Masked::Same => copy(bytes, at, out),
            Masked::Text(text) => {
                serde_json::to_writer(out, &text).map_err(|_| Bad)?;
                Ok(Copied { end, kept: true })
            }
        }
    }
}

/// What became of a value.
#[derive(PartialEq, Eq)]
enum Masked {
    Same,
    Text(String),
    Gone,
}

fn copy(bytes: &[u8], at: usize, out: &mut Vec<u8>) -> Result<Copied, Bad> {
    let end = skip::<true>(bytes, at, MAX_DEPTH)?;
    out.extend_from_slice(&bytes[at..end]);
    Ok(Copied { end, kept: true })
}

/// The array at `open`, each element written by `write`.
fn elements(bytes: &[u8], open: usize, out: &mut Vec<u8>, write: &mut Write<'_>) -> Result<Copied, Bad> {
    out.push(b'[');
    let mut at = white(bytes, open + 1);
    let mut first = true;
    while byte(bytes, at) != b']' {
        let before = out.len();
        if !first {
            out.push(b',');
        }
        let Copied { end, kept } = write(at, out)?;
        if kept {
            first = false;
        } else {
            out.truncate(before);
        }
        at = white(bytes, end);
        if byte(bytes, at) == b',' {
            at = white(bytes, at + 1);
        } else if byte(bytes, at) != b']' {
            return Err(Bad);
        }
    }
    out.push(b']');
    Ok(Copied { end: at + 1, kept: true })
}

/// Whether a member has to stay. Only what has the documented name and is a text counts as one of those.
fn is_protected(level: Level, key: Option<&str>, begin: u8) -> bool {
    let Some(key) = key.filter(|_| begin == b'"') else { return false };
    match level {
        Level::Record => PROTECTED.contains(&key),
        Level::Window => {
            PROTECTED.iter().any(|path| path.strip_prefix("timeWindow.").is_some_and(|name| name == key))
        }
        Level::Below => false,
    }
}
