//! What is in the text of a record: keys without their escapes, and what a value says.
//!
//! The same thing is said in many spellings (escapes, white space, the order of keys), and an attacker picks the
//! spelling. Here they become one.

use crate::parse::{Bad, MAX_DEPTH, byte, skip, string_end, white};
use crate::record::unescape;
use std::fmt::Write;
use std::ops::Range;

/// The key at `at`: what is between its quotes, whether it holds a backslash, and where its value begins.
pub(super) fn key_at(bytes: &[u8], at: usize) -> Result<(Range<usize>, bool, usize), Bad> {
    if byte(bytes, at) != b'"' {
        return Err(Bad);
    }
    let (end, escaped) = string_end::<true>(bytes, at + 1)?;
    let colon = white(bytes, end + 1);
    if byte(bytes, colon) != b':' {
        return Err(Bad);
    }
    Ok((at + 1..end, escaped, white(bytes, colon + 1)))
}

/// Whether a key is the one in lower case that a path names.
pub(super) fn is_key(key: &str, wanted: &str) -> bool {
    if key.is_ascii() { key.eq_ignore_ascii_case(wanted) } else { key.to_lowercase() == wanted }
}

/// What a value says: a text without its escapes, anything else as JSON in one spelling.
pub(super) fn text_of(bytes: &[u8], at: usize, end: usize) -> Result<String, Bad> {
    if byte(bytes, at) == b'{' {
        let mut text = String::new();
        canonical(bytes, at, &mut text)?;
        return Ok(text);
    }
    let raw = std::str::from_utf8(&bytes[at..end]).map_err(|_| Bad)?;
    let Some(inner) = raw.strip_prefix('"').and_then(|raw| raw.strip_suffix('"')) else {
        return Ok(raw.to_owned());
    };
    let mut text = String::new();
    // Half of a surrogate pair stands for itself.
    Ok(if unescape(inner, &mut text) { text } else { inner.to_owned() })
}

/// Appends the value at `at`, keys sorted and without white space, so that an event that comes twice gets one pseudonym;
/// returns its end.
fn canonical(bytes: &[u8], at: usize, out: &mut String) -> Result<usize, Bad> {
    match byte(bytes, at) {
        b'{' => canonical_object(bytes, at, out),
        b'[' => {
            out.push('[');
            let mut next = white(bytes, at + 1);
            while byte(bytes, next) != b']' {
                next = white(bytes, canonical(bytes, next, out)?);
                out.push(',');
                if byte(bytes, next) == b',' {
                    next = white(bytes, next + 1);
                } else if byte(bytes, next) != b']' {
                    return Err(Bad);
                }
            }
            out.push(']');
            Ok(next + 1)
        }
        first => {
            let end = skip::<true>(bytes, at, MAX_DEPTH)?;
            let text = text_of(bytes, at, end)?;
            if first == b'"' {
                let _ = write!(out, "{text:?}");
            } else {
                out.push_str(&text);
            }
            Ok(end)
        }
    }
}

fn canonical_object(bytes: &[u8], open: usize, out: &mut String) -> Result<usize, Bad> {
    let mut members = Vec::new();
    let mut at = white(bytes, open + 1);
    while byte(bytes, at) == b'"' {
        let (key, _, value) = key_at(bytes, at)?;
        let mut text = String::new();
        at = white(bytes, canonical(bytes, value, &mut text)?);
        members.push((text_of(bytes, key.start - 1, key.end + 1)?, text));
        if byte(bytes, at) != b',' {
            break;
        }
        at = white(bytes, at + 1);
    }
    members.sort_unstable();
    out.push('{');
    for (key, value) in members {
        let _ = write!(out, "{key:?}:{value},");
    }
    out.push('}');
    if byte(bytes, at) == b'}' { Ok(at + 1) } else { Err(Bad) }
}

/// Every account that a record may be of, whatever the spelling of the keys.
pub(super) fn accounts_of(bytes: &[u8], open: usize) -> Result<Vec<String>, Bad> {
    let mut found = Vec::new();
    each_member(bytes, open, &mut |key, value| {
        if is_key(key, "recipientaccountid") || is_key(key, "accountid") {
            found.extend(account_at(bytes, value)?);
        } else if is_key(key, "useridentity") && byte(bytes, value) == b'{' {
            each_member(bytes, value, &mut |key, value| {
                if is_key(key, "accountid") {
                    found.extend(account_at(bytes, value)?);
                }
                Ok(())
            })?;
        }
        Ok(())
    })?;
    Ok(found)
}

/// The account id at `at`, as a text or as a number.
fn account_at(bytes: &[u8], at: usize) -> Result<Option<String>, Bad> {
    let text = text_of(bytes, at, skip::<true>(bytes, at, MAX_DEPTH)?)?;
    let is_account = text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
    Ok(is_account.then_some(text))
}

/// Tells `hear` the key of each member of an object, without escapes, and where its value begins.
fn each_member(
    bytes: &[u8],
    open: usize,
    hear: &mut dyn FnMut(&str, usize) -> Result<(), Bad>,
) -> Result<(), Bad> {
    let mut at = white(bytes, open + 1);
    while byte(bytes, at) == b'"' {
        let (key, _, value) = key_at(bytes, at)?;
        hear(&text_of(bytes, key.start - 1, key.end + 1)?, value)?;
        at = white(bytes, skip::<true>(bytes, value, MAX_DEPTH)?);
        if byte(bytes, at) != b',' {
            break;
        }
        at = white(bytes, at + 1);
    }
    Ok(())
}
