//! Keys and paths → the account and region that they are of, and where its other files are.
//!
//! `[root]AWSLogs/[o-ORG/]ACCOUNT/FOLDER/REGION/YYYY/MM/DD/NAME`: digests and log files of one account and region are
//! in folders side by side. A digest is `ACCOUNT_CloudTrail-Digest_REGION_TRAIL_HOMEREGION_TIME[_backfill].json.gz`; the
//! digests of one trail are a chain, and those that were written later, to fill holes, are another.

use crate::time::parse_compact;

/// The folder of digests.
pub(super) const DIGESTS: &str = "CloudTrail-Digest";

/// The folder of log files that every trail has.
pub(super) const LOGS: &str = "CloudTrail";

/// An account and region below a root.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct Region {
    /// What is before `AWSLogs/` in a key or path.
    root: String,
    organisation: Option<String>,
    pub(super) account: String,
    pub(super) region: String,
}

impl Region {
    /// The account and region of a file, and the folder it is in.
    pub(super) fn of(key: &str) -> Option<(Self, &str)> {
        let (root, below) = split(key)?;
        let mut parts = below.split('/').peekable();
        let organisation = parts.next_if(|part| part.starts_with("o-")).map(str::to_owned);
        let (account, folder, region) = (parts.next()?, parts.next()?, parts.next()?);
        // A file is deeper down.
        parts.next().filter(|_| folder.starts_with(LOGS) && !account.is_empty() && !region.is_empty())?;
        let (account, region) = (account.to_owned(), region.to_owned());
        Some((Self { root: root.to_owned(), organisation, account, region }, folder))
    }

    /// The prefix of its files in a folder.
    pub(super) fn prefix(&self, folder: &str) -> String {
        let Self { root, organisation, account, region } = self;
        let organisation = organisation.as_ref().map(|name| format!("{name}/")).unwrap_or_default();
        format!("{root}AWSLogs/{organisation}{account}/{folder}/{region}/")
    }

    /// Where a copy of an object is, which digests name by its key.
    pub(super) fn copy_of(&self, key: &str) -> Option<String> {
        split(key).map(|(_, below)| format!("{}AWSLogs/{below}", self.root))
    }
}

/// Before and behind the last `AWSLogs/`.
fn split(key: &str) -> Option<(&str, &str)> {
    let at = key.rfind("AWSLogs/").filter(|&at| at == 0 || key.as_bytes()[at - 1] == b'/')?;
    Some((&key[..at], &key[at + "AWSLogs/".len()..]))
}

/// The name of an object wherever it was copied to, packed or not: two that share it are the same.
pub(super) fn stem(key: &str) -> &str {
    let canonical = crate::find::key::parse(key).canonical;
    canonical.strip_suffix(".gz").unwrap_or(canonical)
}

/// What the name of a digest says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct DigestName {
    /// The chain it belongs to: those of its trail, or the backfills of its trail.
    pub(super) chain: String,
    pub(super) is_backfill: bool,
    /// The end of its hour, in µs since 1970.
    pub(super) end: i64,
}

impl DigestName {
    /// Reads a key.
    pub(super) fn parse(key: &str) -> Option<Self> {
        let name = stem(key).rsplit('/').next()?.strip_suffix(".json")?;
        let (name, is_backfill) = name.strip_suffix("_backfill").map_or((name, false), |name| (name, true));
        let (trail, time) = name.rsplit_once('_')?;
        let chain = format!("{trail}{}", if is_backfill { " backfill" } else { "" });
        Some(Self { chain, is_backfill, end: parse_compact(time)? })
    }
}

/// Where digests and where log files are looked for, when a person names `source`, a prefix or path: the folder of
/// either may be named for both.
///
/// # Errors
/// It is a day or a file, and half of its chain is elsewhere; the text says so.
pub(super) fn aim(source: &str) -> Result<(String, String), String> {
    let with_slash = format!("{}/", source.trim_end_matches('/'));
    let Some((root, below)) = split(&with_slash) else { return Ok((source.to_owned(), source.to_owned())) };
    let mut parts = below.split_terminator('/').collect::<Vec<_>>();
    let organisation = usize::from(parts.first().is_some_and(|part| part.starts_with("o-")));
    if parts.len() > organisation + 3 {
        let why = "it is one day of a region, and digests name what is in others\nhint: give the region, or what is above it, and the days by --since and --until";
        return Err(why.to_owned());
    }
    let mut in_folder = |folder: &'static str| {
        let Some(named) = parts.get_mut(organisation + 1) else { return source.to_owned() };
        *named = folder;
        format!("{root}AWSLogs/{}/", parts.join("/"))
    };
    Ok((in_folder(DIGESTS), in_folder(LOGS)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "p/AWSLogs/o-abc/111122223333/CloudTrail-Digest/eu-west-1/2026/03/17/111122223333_CloudTrail-Digest_eu-west-1_my_trail_us-east-1_20260317T093012Z.json.gz";

    #[test]
    fn a_digest_leads_to_the_log_files_beside_it() {
        let (region, folder) = Region::of(DIGEST).unwrap();
        assert_eq!(
            (folder, region.account.as_str(), region.region.as_str()),
            (DIGESTS, "111122223333", "eu-west-1")
        );
        assert_eq!(region.prefix(LOGS), "p/AWSLogs/o-abc/111122223333/CloudTrail/eu-west-1/");
        assert_eq!(region.copy_of("AWSLogs/1/x.gz").unwrap(), "p/AWSLogs/1/x.gz");
        for other in [
            "AWSLogs/1/vpcflowlogs/r/2026/x.gz",
            "AWSLogs/1/CloudTrail/x.gz",
            "x/y.json",
            "myAWSLogs/1/CloudTrail/r/x",
        ] {
            assert_eq!(Region::of(other), None, "{other}");
        }
    }

    #[test]
    fn backfills_are_a_chain_of_their_own() {
        let name = DigestName::parse(DIGEST).unwrap();
        assert_eq!(name.chain, "111122223333_CloudTrail-Digest_eu-west-1_my_trail_us-east-1");
        let backfill = DigestName::parse(&DIGEST.replace("Z.json.gz", "Z_backfill.json.gz")).unwrap();
        assert!(backfill.is_backfill && !name.is_backfill && backfill.end == name.end);
        assert_ne!(backfill.chain, name.chain);
        assert_eq!(
            DigestName::parse(DIGEST.strip_suffix(".gz").unwrap()),
            Some(name),
            "unpacked by somebody"
        );
        assert_eq!(DigestName::parse("AWSLogs/1/CloudTrail-Digest/r/2026/03/17/x.json.gz"), None);
    }

    #[track_caller]
    fn check(source: &str, digests: &str, logs: &str) {
        assert_eq!(aim(source), Ok((digests.to_owned(), logs.to_owned())));
    }

    #[test]
    fn either_folder_may_be_named_for_both() {
        for above in ["", "x/", "x/AWSLogs/", "AWSLogs/o-abc/", "AWSLogs/o-abc/1/", "AWSLogs/1"] {
            check(above, above, above);
        }
        check("AWSLogs/1/CloudTrail", "AWSLogs/1/CloudTrail-Digest/", "AWSLogs/1/CloudTrail/");
        let (digests, logs) = ("x/AWSLogs/o-a/1/CloudTrail-Digest/r/", "x/AWSLogs/o-a/1/CloudTrail/r/");
        check(digests, digests, logs);
        check(logs, digests, logs);
        assert!(aim(&format!("{logs}2026")).unwrap_err().contains("--since"));
    }
}
