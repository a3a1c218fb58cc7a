//! The key of a log object → what its layout says.
//!
//! `[prefix/]AWSLogs/[o-ORG/]ACCOUNT/FOLDER/REGION/YYYY/MM/DD/ACCOUNT_FOLDER_REGION_YYYYMMDDTHHmmZ_RANDOM.json.gz`
//! (AWS CloudTrail user guide, "CloudTrail log file names"). The day is that of delivery, not of the events. A key of
//! another shape is not wrong: it just says less.

use crate::time::{day_of_civil, parse_compact};

/// What CloudTrail delivers, by the folder it delivers to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TrailFolder {
    /// `CloudTrail`, `CloudTrail-Insight`, `CloudTrail-NetworkActivity`, `CloudTrail-Aggregated`: records.
    Records,
    /// `CloudTrail-Digest`: hashes of the log files; they are counted and left alone.
    Digest,
    /// Another folder, or no folder that we know.
    Other,
}

/// A key, read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyParts<'a> {
    /// The key from `AWSLogs/` on, which a synced copy shares; the whole key where there is no such folder.
    pub canonical: &'a str,
    /// What kind of object it is.
    pub folder: TrailFolder,
    /// The account whose trail recorded it.
    pub account: Option<&'a str>,
    /// The region that it was delivered from.
    pub region: Option<&'a str>,
    /// Day of delivery, in days since 1970-01-01.
    pub date: Option<i32>,
    /// Time of delivery in µs since 1970, from the file name.
    pub time: Option<i64>,
}

/// Reads a key.
#[must_use]
pub fn parse(key: &str) -> KeyParts<'_> {
    let canonical = canonical(key);
    let parts = canonical.split('/').collect::<Vec<_>>();
    let folder_at = parts.iter().position(|p| p.starts_with("CloudTrail"));
    let folder = match folder_at.map(|at| parts[at]) {
        Some(
            "CloudTrail" | "CloudTrail-Insight" | "CloudTrail-NetworkActivity" | "CloudTrail-Aggregated",
        ) => TrailFolder::Records,
        Some("CloudTrail-Digest") => TrailFolder::Digest,
        _ => TrailFolder::Other,
    };
    let date = folder_at.and_then(|at| day(parts.get(at + 2..at + 5)?));
    // Without a day behind it, a folder is not that of a region.
    let at = folder_at.filter(|_| date.is_some());
    let account = at.and_then(|at| parts.get(at.checked_sub(1)?).copied()).filter(|text| is_account(text));
    let region = at.and_then(|at| parts.get(at + 1).copied());
    let time = parts.last().and_then(|name| name.split('_').find_map(parse_compact));
    KeyParts { canonical, folder, account, region, date: date.or(time.map(crate::time::day_of)), time }
}

/// Whether a key has the layout of a log file that CloudTrail itself delivered: the folders, or at least the name
/// `ACCOUNT_FOLDER_REGION_YYYYMMDDTHHmmZ_RANDOM.json.gz` of a file that was moved elsewhere.
#[must_use]
pub fn is_native(key: &str) -> bool {
    let parts = parse(key);
    let in_place = parts.folder == TrailFolder::Records && parts.canonical.starts_with("AWSLogs/");
    let name = key.rsplit('/').next().unwrap_or(key).split('_').collect::<Vec<_>>();
    let named = matches!(name[..], [account, folder, _, time, _]
        if is_account(account)
            && folder.starts_with("CloudTrail") && parse_compact(time).is_some());
    (in_place && parts.date.is_some()) || named
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|digit| digit.is_ascii_digit())
}

/// The key from its last `AWSLogs/` on.
fn canonical(key: &str) -> &str {
    match key.rfind("AWSLogs/") {
        Some(at) if at == 0 || key.as_bytes()[at - 1] == b'/' => &key[at..],
        _ => key,
    }
}

/// `["2026", "03", "17"]` → days since 1970-01-01.
fn day(parts: &[&str]) -> Option<i32> {
    let [year, month, day] = parts else { return None };
    if (year.len(), month.len(), day.len()) != (4, 2, 2) {
        return None;
    }
    day_of_civil(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?)
}

/// Whether a file found in a folder looks like a log object. A file that is named outright is always read.
#[must_use]
pub fn looks_like_log(name: &str) -> bool {
    const ENDINGS: [&str; 9] =
        [".json", ".gz", ".jsonl", ".ndjson", ".cloudtrail", ".log", ".txt", ".csv", ".zip"];
    let name = name.rsplit('/').next().unwrap_or(name).to_ascii_lowercase();
    !name.starts_with('.') && ENDINGS.iter().any(|ending| name.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRAIL: &str = "logs/AWSLogs/o-abc/111122223333/CloudTrail/eu-west-1/2026/03/17/111122223333_CloudTrail_eu-west-1_20260317T0905Z_AbCdEfGhIjKlMnOp.json.gz";

    #[test]
    fn an_organisation_trail() {
        let parts = parse(TRAIL);
        assert!(parts.canonical.starts_with("AWSLogs/o-abc/"));
        assert_eq!(parts.folder, TrailFolder::Records);
        assert_eq!(parts.date, Some(20_529));
        assert_eq!(parts.time, Some((20_529 * 86_400 + 9 * 3600 + 5 * 60) * 1_000_000));
    }

    #[test]
    fn a_digest_has_seconds_in_its_time() {
        let parts = parse(
            "AWSLogs/1/CloudTrail-Digest/us-east-1/2026/03/17/1_CloudTrail-Digest_us-east-1_t_us-east-1_20260317T090512Z.json.gz",
        );
        assert_eq!(parts.folder, TrailFolder::Digest);
        assert_eq!(parts.time, Some((20_529 * 86_400 + 9 * 3600 + 5 * 60 + 12) * 1_000_000));
    }

    #[test]
    fn other_keys_say_nothing() {
        for key in
            ["events.json", "myAWSLogs/x.json", "AWSLogs/1/vpcflowlogs/eu-west-1/2026/03/17/x.log.gz", ""]
        {
            let parts = parse(key);
            assert_eq!((parts.folder, parts.date, parts.time), (TrailFolder::Other, None, None), "{key}");
        }
        assert_eq!(parse("myAWSLogs/x.json").canonical, "myAWSLogs/x.json");
    }

    #[test]
    fn what_cloudtrail_delivered_is_known_by_its_key() {
        let name = TRAIL.rsplit('/').next().unwrap();
        for native in
            [TRAIL, name, &format!("/tmp/copies/{name}"), &TRAIL.replace("CloudTrail", "CloudTrail-Insight")]
        {
            assert!(is_native(native), "{native}");
        }
        for other in [
            "CloudTrail/export.gz",
            "AWSLogs/1/vpcflowlogs/eu-west-1/2026/03/17/x.log.gz",
            "a_b_c_20260317T0905Z_e",
            "",
        ] {
            assert!(!is_native(other), "{other}");
        }
    }

    #[test]
    fn only_log_names_are_picked_up_from_a_folder() {
        assert!(looks_like_log("a/b/x.json.gz") && looks_like_log("EVENTS.NDJSON"));
        assert!(!looks_like_log("a/.hidden.json") && !looks_like_log("README.md"));
    }
}
