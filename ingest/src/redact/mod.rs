//! Privacy: values of named members are dropped, cut or replaced by pseudonyms before anything is written.
//!
//! In: the JSON text of a record. Out: the text without the values that a rule names, from which the columns, `rest`,
//! statistics and bloom filters are made. What must hold: no spelling of a key (escapes, letter case, a key twice)
//! and no type of a value gets a value past a rule; the same value becomes the same pseudonym; what was redacted once
//! is not changed by the same rules again, so that an export of a redacted lake is the lake.

mod path;
mod mask;
mod said;
mod rewrite;

use path::Path;
use serde::Deserialize;

pub use mask::{Key, PSEUDONYM};
pub(crate) use rewrite::Rewriter;

/// Members that say what an event is. No rule names them, and `*` and `**` pass over them: without them records could
/// not be told apart, so an event that is delivered twice would be in the lake twice.
pub const PROTECTED: [&str; 11] = [
    "eventVersion",
    "eventTime",
    "eventSource",
    "eventName",
    "eventType",
    "eventCategory",
    "eventID",
    "eventId",
    "timeWindow.windowStart",
    "timeWindow.windowEnd",
    "timeWindow.windowSize",
];

/// Columns of the console's CSV that are no member of a record may hold anything, so no rule can name what they hold:
/// where there are rules, they are dropped. The name of that in the report.
pub const CONSOLE_COLUMNS: &str = "$partial.columns";

/// One rule, as it is set.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Its name in the report; the action and the fields where there is none.
    pub name: Option<String>,
    /// Paths of members: `userIdentity.userName`, `requestParameters.**`.
    pub fields: Vec<String>,
    /// What becomes of their values.
    pub action: Action,
    /// Of `truncate`: characters that are left.
    pub length: Option<usize>,
    /// Of `truncate`: bits that are left of an IPv4 address.
    pub ipv4: Option<u8>,
    /// Of `truncate`: bits that are left of an IPv6 address.
    pub ipv6: Option<u8>,
    /// Only records of these accounts, by `recipientAccountId`, `userIdentity.accountId` or `accountId`.
    pub accounts: Option<Vec<String>>,
}

/// What becomes of a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// The member is left out.
    Drop,
    /// The first characters of a text, or the network of an address, are left.
    Truncate,
    /// A pseudonym takes its place: HMAC-SHA-256 with a secret key.
    Hmac,
}

/// Rules that cannot be used.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("[privacy] {0}")]
pub struct RedactError(String);

/// Rules, ready for use.
#[derive(Debug)]
pub struct Redaction {
    rules: Vec<Compiled>,
    key: Option<Key>,
}

#[derive(Debug)]
struct Compiled {
    name: String,
    paths: Vec<Path>,
    mask: Mask,
    /// Sorted; `None` for all.
    accounts: Option<Vec<String>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Mask {
    Drop,
    Length(usize),
    Address { ipv4: u8, ipv6: u8 },
    Hmac,
}

impl Redaction {
    /// The rules, of which the first that names a value counts; `None` where there are none.
    ///
    /// # Errors
    /// A rule has no meaning, names a protected member, or needs a key that is not there.
    pub fn new(rules: &[Rule], key: Option<Key>) -> Result<Option<Self>, RedactError> {
        if rules.is_empty() {
            return Ok(None);
        }
        let rules = rules
            .iter()
            .enumerate()
            .map(|(at, rule)| compile(rule).map_err(|what| RedactError(format!("rule {}: {what}", at + 1))));
        let mut rules = rules.collect::<Result<Vec<_>, _>>()?;
        let console = vec![Path::console_columns()];
        rules.push(Compiled {
            name: CONSOLE_COLUMNS.to_owned(),
            paths: console,
            mask: Mask::Drop,
            accounts: None,
        });
        for at in 0..rules.len() {
            if rules[..at].iter().any(|rule| rule.name == rules[at].name) {
                rules[at].name = format!("{} ({})", rules[at].name, at + 1);
            }
        }
        if key.is_none() && rules.iter().any(|rule| rule.mask == Mask::Hmac) {
            let what = "rules with action = \"hmac\" need a key\nhint: set key_env to the name of an environment variable, or key_file to a file";
            return Err(RedactError(what.to_owned()));
        }
        Ok(Some(Self { rules, key }))
    }

    /// The names of the rules, in the order of the counts that [`Rewriter`] gives; [`CONSOLE_COLUMNS`] is the last.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.rules.iter().map(|rule| rule.name.as_str())
    }

    /// A record outside of a batch, its JSON text known to be valid; `counts` as for [`Redaction::counts`].
    ///
    /// # Errors
    /// The text is not a JSON object.
    pub fn record(&self, text: &str, counts: &mut [u64]) -> Result<String, RedactError> {
        let mut bytes = text.as_bytes().to_vec();
        bytes.resize(text.len() + crate::record::PAD, 0);
        let mut out = Vec::with_capacity(text.len());
        let redacted = Rewriter::new(self, counts).record(&bytes, 0, &mut out);
        let not_json = |_| RedactError("a record is not valid JSON".to_owned());
        redacted.map_err(not_json)?;
        String::from_utf8(out).map_err(|_| RedactError("a record is not UTF-8".to_owned()))
    }

    /// Room to count the values that each rule changed.
    #[must_use]
    pub fn counts(&self) -> Vec<u64> {
        vec![0; self.rules.len()]
    }

    /// Counts by the name of the rule. Rules that changed nothing are there too: a rule that never does is a mistake.
    #[must_use]
    pub fn named(&self, counts: &[u64]) -> std::collections::BTreeMap<String, u64> {
        let named = self.names().zip(counts).filter(|(name, count)| *name != CONSOLE_COLUMNS || **count > 0);
        named.map(|(name, count)| (name.to_owned(), *count)).collect()
    }
}

fn compile(rule: &Rule) -> Result<Compiled, String> {
    if rule.fields.is_empty() {
        return Err("fields is empty".to_owned());
    }
    let paths = rule.fields.iter().map(|field| Path::parse(field)).collect::<Result<Vec<_>, _>>()?;
    let accounts = rule.accounts.clone().map(|mut accounts| {
        accounts.sort_unstable();
        accounts
    });
    let is_account = |text: &String| text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
    if let Some(bad) = accounts.iter().flatten().find(|text| !is_account(text)) {
        return Err(format!("{bad:?} is no account\nhint: an account has 12 digits"));
    }
    if accounts.as_ref().is_some_and(Vec::is_empty) {
        return Err("accounts is empty, so the rule would do nothing".to_owned());
    }
    let action = format!("{:?}", rule.action).to_lowercase();
    let name = rule.name.clone().unwrap_or_else(|| format!("{action} {}", rule.fields.join(", ")));
    Ok(Compiled { name, paths, mask: mask(rule)?, accounts })
}

fn mask(rule: &Rule) -> Result<Mask, String> {
    let bits = |bits: Option<u8>, most: u8, name: &str| match bits {
        Some(bits) if bits > most => Err(format!("{name} is {bits}, but an address has {most} bits")),
        bits => Ok(bits.unwrap_or(0)),
    };
    match (rule.action, rule.length, rule.ipv4.or(rule.ipv6).is_some()) {
        (Action::Drop, None, false) => Ok(Mask::Drop),
        (Action::Hmac, None, false) => Ok(Mask::Hmac),
        (Action::Truncate, Some(length), false) => Ok(Mask::Length(length)),
        (Action::Truncate, None, true) => {
            Ok(Mask::Address { ipv4: bits(rule.ipv4, 32, "ipv4")?, ipv6: bits(rule.ipv6, 128, "ipv6")? })
        }
        (Action::Truncate, ..) => {
            Err("truncate needs either length, or ipv4 and ipv6\nhint: length = 8, or ipv4 = 24".to_owned())
        }
        _ => Err("length, ipv4 and ipv6 belong to action = \"truncate\"".to_owned()),
    }
}

#[cfg(test)]
mod tests;
