//! A text → what it names: an access key, an address, somebody, an account, a thing, an event, a finding.
//!
//! Most of AWS's identifiers have a form of their own. A name has none, and a UUID may be an event or a key of KMS: of
//! these there are candidates, and the first that the lake knows is it.

use clap::ValueEnum;
use std::net::IpAddr;

/// What an entity can be.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Kind {
    /// An access key: `AKIA…`, `ASIA…`.
    Key,
    /// An IP address, or the service that stands in its place.
    Ip,
    /// A user, a role, a session or root, by its ARN.
    Principal,
    /// Somebody by name: an IAM user, a role, the name of a session, a principal id.
    User,
    /// An account, by its twelve digits.
    Account,
    /// A bucket or another resource, by name or ARN.
    Resource,
    /// An event, by its `eventID`, and what was done around it.
    Event,
    /// A finding, by its id, and what its actor did around it.
    Finding,
}

impl Kind {
    /// Its name for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Key => "access key",
            Self::Ip => "address",
            Self::Principal => "principal",
            Self::User => "user",
            Self::Account => "account",
            Self::Resource => "resource",
            Self::Event => "event",
            Self::Finding => "finding",
        }
    }
}

/// What `text` may be by its form, the likeliest first.
#[must_use]
pub fn candidates(text: &str) -> &'static [Kind] {
    if text.starts_with("arn:") {
        return if is_principal(text) { &[Kind::Principal] } else { &[Kind::Resource] };
    }
    if text.parse::<IpAddr>().is_ok() {
        return &[Kind::Ip];
    }
    if text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return &[Kind::Account];
    }
    if is_key(text) {
        return &[Kind::Key];
    }
    if is_uuid(text) {
        return &[Kind::Event, Kind::Resource];
    }
    if text.len() == 32 && text.bytes().all(is_lower_hex) {
        return &[Kind::Finding, Kind::Resource];
    }
    &[Kind::User, Kind::Resource, Kind::Ip]
}

/// `arn:aws:iam::…:user/…`, `role/…`, `root`, and the sessions of STS.
fn is_principal(arn: &str) -> bool {
    let mut parts = arn.splitn(6, ':').skip(2);
    let (service, resource) = (parts.next(), parts.nth(2).unwrap_or_default());
    let kinds: &[&str] = match service {
        Some("iam") => &["user/", "role/", "root"],
        Some("sts") => &["assumed-role/", "federated-user/"],
        _ => &[],
    };
    kinds.iter().any(|kind| resource.starts_with(kind))
}

/// The prefixes of IAM's unique identifiers that are keys (IAM user guide, "Unique identifiers").
const KEYS: [&str; 4] = ["AKIA", "ASIA", "ABIA", "ACCA"];

fn is_key(text: &str) -> bool {
    (16..=128).contains(&text.len())
        && KEYS.iter().any(|prefix| text.starts_with(prefix))
        && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

fn is_uuid(text: &str) -> bool {
    let lengths = text.split('-').map(str::len);
    lengths.eq([8, 4, 4, 4, 12]) && text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}

fn is_lower_hex(byte: u8) -> bool {
    byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entities_are_known_by_their_form() {
        for (text, kind) in [
            ("AKIAIOSFODNN7EXAMPLE", Kind::Key),
            ("ASIAQVVVSIIMNEXAMPLE", Kind::Key),
            ("203.0.113.7", Kind::Ip),
            ("2001:db8::1", Kind::Ip),
            ("111122223333", Kind::Account),
            ("arn:aws:iam::111122223333:user/path/ada", Kind::Principal),
            ("arn:aws-cn:iam::111122223333:root", Kind::Principal),
            ("arn:aws:sts::111122223333:assumed-role/role/session", Kind::Principal),
            ("arn:aws:iam::111122223333:policy/mine", Kind::Resource),
            ("arn:aws:s3:::bucket/key", Kind::Resource),
            ("arn:", Kind::Resource),
            ("ed1ea1f2-98d3-4c9c-a3b7-1122e7142024", Kind::Event),
            ("131ced0b36dc94657803ab153f1d845f", Kind::Finding),
            ("mara.holt@example.com", Kind::User),
            ("AKIA", Kind::User),
            ("akiaiosfodnn7example", Kind::User),
            ("", Kind::User),
        ] {
            assert_eq!(candidates(text).first(), Some(&kind), "{text}");
        }
    }
}
