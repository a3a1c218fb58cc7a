//! A prefix in a bucket → how to list what is below it.
//!
//! An organisation's bucket holds the folders of other services beside CloudTrail's, digests, and years of days that a
//! run does not want. Folders are found through delimiters as far down as the region; from there keys are in the order
//! of their days, so that one listing can begin at the first day and end behind the last.

use super::key::{self, TrailFolder};
use super::{Days, Wanted};
use crate::time::format_date;

/// How to list below a prefix.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Way {
    /// Folder by folder.
    Folders,
    /// All keys, from behind this one on.
    Keys { start_after: Option<String> },
    /// Not at all.
    Nothing,
}

/// Folders below the prefix that a person named, at most, that are looked through for an `AWSLogs/`.
const DEPTH: usize = 3;

/// The way to what is `wanted` for `prefix`, found below `root`, which a person named.
pub(super) fn way(root: &str, prefix: &str, days: Days, wanted: Wanted) -> Way {
    let folders = prefix.split_inclusive('/').filter(|part| part.ends_with('/'));
    let folders = folders.map(|part| &part[..part.len() - 1]).collect::<Vec<_>>();
    let Some(logs) = folders.iter().rposition(|&name| name == "AWSLogs") else {
        let deep = prefix.get(root.len()..).unwrap_or_default().matches('/').count();
        return if deep < DEPTH { Way::Folders } else { Way::Keys { start_after: None } };
    };
    // Behind `AWSLogs/` come an organisation, where there is one, the account, and the folder of a service.
    let mut below = folders[logs + 1..].iter().copied().peekable();
    below.next_if(|name| name.starts_with("o-"));
    let (account, service, region) = (below.next(), below.next(), below.next());
    let known =
        service.map(|service| key::parse(&format!("AWSLogs/{}/{service}/", account.unwrap_or(""))).folder);
    let known = known.map(|folder| folder == wanted.folder());
    match (known, region) {
        (None, _) | (Some(true), None) => Way::Folders,
        (Some(true), Some(_)) => Way::Keys { start_after: first_key(&folders, logs, days) },
        // A person who names another folder gets it.
        _ if prefix == root => Way::Keys { start_after: None },
        _ => Way::Nothing,
    }
}

/// What sorts right before the keys of the first day: `…/REGION/YYYY/MM/DD`.
fn first_key(folders: &[&str], logs: usize, days: Days) -> Option<String> {
    let first = days.first?;
    let organisation = usize::from(folders.get(logs + 1).is_some_and(|name| name.starts_with("o-")));
    let region = folders.get(..logs + organisation + 4)?.join("/");
    Some(format!("{region}/{}", format_date(first).replace('-', "/")))
}

/// Whether `key` is one of a trail and lies behind the last day, and with it all keys that follow below its region.
pub(super) fn is_behind(key: &str, days: Days) -> bool {
    let parts = key::parse(key);
    parts.folder != TrailFolder::Other
        && matches!((parts.date, days.last), (Some(date), Some(last)) if date > last)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAYS: Days = Days { first: Some(20_529), last: Some(20_530) };

    #[track_caller]
    fn check(root: &str, prefix: &str, expected: &Way) {
        assert_eq!(&way(root, prefix, DAYS, Wanted::Records), expected, "{prefix}");
    }

    #[test]
    fn trails_are_listed_by_region() {
        let from = |region: &str| Way::Keys { start_after: Some(format!("{region}/2026/03/17")) };
        for prefix in ["", "logs/", "AWSLogs/", "AWSLogs/o-abc/", "logs/AWSLogs/o-abc/111122223333/"] {
            check("", prefix, &Way::Folders);
        }
        check("", "AWSLogs/o-abc/111122223333/CloudTrail/", &Way::Folders);
        check("", "AWSLogs/1/CloudTrail-Insight/eu-west-1/", &from("AWSLogs/1/CloudTrail-Insight/eu-west-1"));
        check(
            "",
            "x/AWSLogs/o-abc/1/CloudTrail/eu-west-1/2026/",
            &from("x/AWSLogs/o-abc/1/CloudTrail/eu-west-1"),
        );
    }

    #[test]
    fn other_services_are_not_listed_unless_they_are_named() {
        for service in ["CloudTrail-Digest", "vpcflowlogs", "Config", "CloudTrail-Lake"] {
            let prefix = format!("AWSLogs/1/{service}/");
            check("AWSLogs/", &prefix, &Way::Nothing);
            check(&prefix, &prefix, &Way::Keys { start_after: None });
        }
    }

    #[test]
    fn digests_are_listed_when_they_are_wanted() {
        let way = |prefix| way("AWSLogs/", prefix, DAYS, Wanted::Digests);
        let start_after = Some("AWSLogs/1/CloudTrail-Digest/eu-west-1/2026/03/17".to_owned());
        assert_eq!(way("AWSLogs/1/CloudTrail-Digest/"), Way::Folders);
        assert_eq!(way("AWSLogs/1/CloudTrail-Digest/eu-west-1/"), Way::Keys { start_after });
        assert_eq!(way("AWSLogs/1/CloudTrail/"), Way::Nothing);
    }

    #[test]
    fn other_layouts_are_listed_whole() {
        check("dump/", "dump/a/b/", &Way::Folders);
        check("dump/", "dump/a/b/c/", &Way::Keys { start_after: None });
    }

    #[test]
    fn a_listing_ends_behind_the_last_day() {
        let key = |day: u32| format!("AWSLogs/1/CloudTrail/eu-west-1/2026/03/{day:02}/x.json.gz");
        assert_eq!([17, 18, 19].map(|day| is_behind(&key(day), DAYS)), [false, false, true]);
        assert!(!is_behind("2026/03/19/x.json.gz", DAYS));
    }
}
