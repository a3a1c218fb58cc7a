//! The end of a JSON value, found 16 bytes at a time, with every byte validated (RFC 8259).
//!
//! On one million records full validation costs no more than counting brackets (0.64 and 0.65 CPU-s): hopping from
//! string to string is what takes the time. So there is no reason to be lenient.

use wide::u8x16;

/// The text is not JSON from here on. What it is instead does not matter: the record is quarantined with its bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Bad;

/// How deep values may be nested at most, whatever the settings say; it keeps the stack of brackets in 128 bytes.
pub(crate) const MAX_DEPTH: usize = 1024;

/// The byte at `at`, or 0 behind the end, which no JSON text holds outside of strings.
#[inline]
pub(crate) fn byte(bytes: &[u8], at: usize) -> u8 {
    bytes.get(at).copied().unwrap_or(0)
}

/// Behind the white space at `at`.
#[inline]
pub(crate) fn white(bytes: &[u8], at: usize) -> usize {
    // Almost always there is none.
    if byte(bytes, at) > b' ' { at } else { behind_white(bytes, at) }
}

#[inline(never)]
fn behind_white(bytes: &[u8], mut at: usize) -> usize {
    while matches!(byte(bytes, at), b' ' | b'\n' | b'\r' | b'\t') {
        at += 1;
    }
    at
}

#[inline]
fn load(bytes: &[u8], at: usize) -> Result<u8x16, Bad> {
    let lane: [u8; 16] = bytes.get(at..at + 16).and_then(|lane| lane.try_into().ok()).ok_or(Bad)?;
    Ok(u8x16::new(lane))
}

/// The closing quote of the string whose content begins at `at`, and whether a backslash was met. Without `CONTROL`
/// the caller vouches that the document holds no control characters.
#[inline]
pub(crate) fn string_end<const CONTROL: bool>(bytes: &[u8], mut at: usize) -> Result<(usize, bool), Bad> {
    let mut escaped = false;
    loop {
        let lane = load(bytes, at)?;
        let mut hits = lane.simd_eq(u8x16::splat(b'"')) | lane.simd_eq(u8x16::splat(b'\\'));
        if CONTROL {
            hits |= lane.min(u8x16::splat(0x1f)).simd_eq(lane);
        }
        let hits = hits.to_bitmask();
        if hits == 0 {
            at += 16;
            continue;
        }
        at += hits.trailing_zeros() as usize;
        match bytes[at] {
            b'"' => return Ok((at, escaped)),
            b'\\' => {
                escaped = true;
                at = escape_end(bytes, at)?;
            }
            _ => return Err(Bad),
        }
    }
}

#[inline(never)]
fn escape_end(bytes: &[u8], at: usize) -> Result<usize, Bad> {
    match byte(bytes, at + 1) {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Ok(at + 2),
        b'u' if (2..6).all(|digit| byte(bytes, at + digit).is_ascii_hexdigit()) => Ok(at + 6),
        _ => Err(Bad),
    }
}

#[inline]
fn literal(bytes: &[u8], at: usize, word: &[u8]) -> Result<usize, Bad> {
    let end = at + word.len();
    if bytes.get(at..end) == Some(word) { Ok(end) } else { Err(Bad) }
}

/// Behind the digits at `at`, of which there must be one.
#[inline]
fn digits(bytes: &[u8], mut at: usize) -> Result<usize, Bad> {
    if !byte(bytes, at).is_ascii_digit() {
        return Err(Bad);
    }
    while byte(bytes, at).is_ascii_digit() {
        at += 1;
    }
    Ok(at)
}

fn number_end(bytes: &[u8], mut at: usize) -> Result<usize, Bad> {
    if byte(bytes, at) == b'-' {
        at += 1;
    }
    at = if byte(bytes, at) == b'0' { at + 1 } else { digits(bytes, at)? };
    if byte(bytes, at) == b'.' {
        at = digits(bytes, at + 1)?;
    }
    if matches!(byte(bytes, at), b'e' | b'E') {
        let sign = usize::from(matches!(byte(bytes, at + 1), b'+' | b'-'));
        at = digits(bytes, at + 1 + sign)?;
    }
    Ok(at)
}

/// Behind the colon of the key whose opening quote is at `at`.
#[inline]
fn key_end<const CONTROL: bool>(bytes: &[u8], at: usize) -> Result<usize, Bad> {
    if byte(bytes, at) != b'"' {
        return Err(Bad);
    }
    let (end, _) = string_end::<CONTROL>(bytes, at + 1)?;
    let colon = white(bytes, end + 1);
    if byte(bytes, colon) == b':' { Ok(colon + 1) } else { Err(Bad) }
}

/// The brackets that are open: a bit for each, set for an object.
struct Open {
    bits: [u64; MAX_DEPTH / 64],
    depth: usize,
    /// How many there may be.
    most: usize,
}

impl Open {
    #[inline]
    fn push(&mut self, object: bool) -> Result<(), Bad> {
        if self.depth >= self.most {
            return Err(Bad);
        }
        let word = self.bits.get_mut(self.depth / 64).ok_or(Bad)?;
        let bit = 1 << (self.depth % 64);
        *word = if object { *word | bit } else { *word & !bit };
        self.depth += 1;
        Ok(())
    }

    #[inline]
    fn in_object(&self) -> bool {
        let top = self.depth - 1;
        self.bits[top / 64] >> (top % 64) & 1 == 1
    }
}

/// The end of the value that begins at `at`, validated; it is nested at most `most` levels deep.
pub(crate) fn skip<const CONTROL: bool>(bytes: &[u8], mut at: usize, most: usize) -> Result<usize, Bad> {
    let mut open = Open { bits: [0; MAX_DEPTH / 64], depth: 0, most };
    loop {
        at = white(bytes, at);
        match byte(bytes, at) {
            b'"' => at = string_end::<CONTROL>(bytes, at + 1)?.0 + 1,
            b'{' => {
                at = white(bytes, at + 1);
                if byte(bytes, at) != b'}' {
                    open.push(true)?;
                    at = key_end::<CONTROL>(bytes, at)?;
                    continue;
                }
                at += 1;
            }
            b'[' => {
                at = white(bytes, at + 1);
                if byte(bytes, at) != b']' {
                    open.push(false)?;
                    continue;
                }
                at += 1;
            }
            b'n' => at = literal(bytes, at, b"null")?,
            b't' => at = literal(bytes, at, b"true")?,
            b'f' => at = literal(bytes, at, b"false")?,
            b'-' | b'0'..=b'9' => at = number_end(bytes, at)?,
            _ => return Err(Bad),
        }
        match close::<CONTROL>(bytes, at, &mut open)? {
            Next::End(end) => return Ok(end),
            Next::Value(next) => at = next,
        }
    }
}

/// What follows a value.
enum Next {
    /// The outermost value ends here.
    End(usize),
    /// Another value begins here.
    Value(usize),
}

#[inline]
fn close<const CONTROL: bool>(bytes: &[u8], mut at: usize, open: &mut Open) -> Result<Next, Bad> {
    while open.depth > 0 {
        let object = open.in_object();
        at = white(bytes, at);
        match byte(bytes, at) {
            b',' if object => return Ok(Next::Value(key_end::<CONTROL>(bytes, white(bytes, at + 1))?)),
            b',' => return Ok(Next::Value(at + 1)),
            b'}' if object => open.depth -= 1,
            b']' if !object => open.depth -= 1,
            _ => return Err(Bad),
        }
        at += 1;
    }
    Ok(Next::End(at))
}

/// The end of the value at `at` by its brackets and strings alone: where a damaged record probably ends.
///
/// A control character in a string is damage, and no reason to lose the records behind it.
pub(crate) fn balanced(bytes: &[u8], mut at: usize) -> Result<usize, Bad> {
    let mut depth = 0_usize;
    loop {
        match byte(bytes, at) {
            b'"' => at = string_end::<false>(bytes, at + 1)?.0,
            b'{' | b'[' => depth += 1,
            b'}' | b']' => match depth {
                0 => return Err(Bad),
                1 => return Ok(at + 1),
                _ => depth -= 1,
            },
            0 => return Err(Bad),
            b',' if depth == 0 => return Ok(at),
            _ => {}
        }
        at += 1;
    }
}

/// Whether the brackets outside of strings are nested more than `most` levels deep: the reason that a person is given
/// for what [`skip`] refused.
pub(crate) fn deeper_than(bytes: &[u8], most: usize) -> bool {
    let (mut depth, mut at) = (0_usize, 0);
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => match string_end::<true>(bytes, at + 1) {
                Ok((end, _)) => at = end,
                Err(Bad) => return false,
            },
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > most {
            return true;
        }
        at += 1;
    }
    false
}
