//! A record → where its log file belongs.
//!
//! `AWSLogs/[o-ORG/]ACCOUNT/FOLDER/REGION/YYYY/MM/DD/ACCOUNT_FOLDER_REGION_YYYYMMDDTHHmmZ_UNIQUE.json.gz`. Whatever a
//! record says may be written by an attacker, so a part of a name is only what has the shape of one.

use serde::Deserialize;
use std::borrow::Cow;
use trailhound_ingest::time::{format, format_date};

/// The account of records that name none.
const NO_ACCOUNT: &str = "000000000000";

/// The region of records that name none.
const NO_REGION: &str = "unknown";

/// Where records are filed together.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Place {
    organisation: Option<String>,
    account: String,
    folder: &'static str,
    region: String,
    day: i32,
}

/// What a record says about itself, as far as it matters here.
#[derive(Default, Deserialize)]
struct Head<'a> {
    #[serde(borrow, rename = "recipientAccountId")]
    account: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "awsRegion")]
    region: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "eventCategory")]
    category: Option<Cow<'a, str>>,
}

/// What a row said before it was redacted, and where it came from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Origin<'a> {
    /// The key of the log file.
    pub(super) key: &'a str,
    pub(super) has_account: bool,
    pub(super) has_region: bool,
}

impl Place {
    /// The place of `record`, a JSON text that was redacted already: what was taken out of it must not come back in
    /// the name of a file.
    pub(super) fn of(record: &str, origin: Origin<'_>, day: i32) -> Self {
        let head = serde_json::from_str::<Head<'_>>(record);
        let is_odd = head.is_err();
        let head = head.unwrap_or_default();
        let source = Source::of(origin.key);
        let own = |text: Option<Cow<'_, str>>, is: fn(&str) -> bool| {
            text.filter(|text| is(text)).map(Cow::into_owned)
        };
        let inherited =
            |had: bool, text: Option<&str>| (!had && !is_odd).then_some(text).flatten().map(str::to_owned);
        let account = own(head.account, is_account).or_else(|| inherited(origin.has_account, source.account));
        let region = own(head.region, is_region).or_else(|| inherited(origin.has_region, source.region));
        Self {
            organisation: source.organisation.map(str::to_owned),
            account: account.unwrap_or_else(|| NO_ACCOUNT.to_owned()),
            folder: match head.category.as_deref() {
                Some("Insight") => "CloudTrail-Insight",
                Some("NetworkActivity") => "CloudTrail-NetworkActivity",
                _ => "CloudTrail",
            },
            region: region.unwrap_or_else(|| NO_REGION.to_owned()),
            day,
        }
    }

    /// Whether the record said where it belongs.
    pub(super) fn is_known(&self) -> bool {
        self.account != NO_ACCOUNT && self.region != NO_REGION
    }

    /// The name of a file whose first record is of `time`, in µs since 1970.
    pub(super) fn key(&self, time: Option<i64>, unique: &str) -> String {
        let Self { organisation, account, folder, region, day } = self;
        let organisation = organisation.as_ref().map(|id| format!("{id}/")).unwrap_or_default();
        let date = format_date(*day);
        let clock = time.map(format).and_then(|text| text.get(11..16).map(|clock| clock.replace(':', "")));
        let (compact, clock) = (date.replace('-', ""), clock.unwrap_or_else(|| "0000".to_owned()));
        let folders = date.replace('-', "/");
        format!(
            "AWSLogs/{organisation}{account}/{folder}/{region}/{folders}/{account}_{folder}_{region}_{compact}T{clock}Z_{unique}.json.gz"
        )
    }
}

/// The parts of a key in the layout of S3 that have the right shape.
#[derive(Default)]
struct Source<'a> {
    organisation: Option<&'a str>,
    account: Option<&'a str>,
    region: Option<&'a str>,
}

impl<'a> Source<'a> {
    fn of(key: &'a str) -> Self {
        let Some(at) = key.rfind("AWSLogs/").filter(|&at| at == 0 || key[..at].ends_with('/')) else {
            return Self::default();
        };
        let mut parts = key[at..].split('/').skip(1).peekable();
        let organisation = parts.next_if(|part| is_organisation(part));
        let account = parts.next().filter(|part| is_account(part));
        let region = parts.nth(1).filter(|part| is_region(part));
        Self { organisation, account, region }
    }
}

fn is_account(text: &str) -> bool {
    text.len() == NO_ACCOUNT.len() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// `eu-west-1`, `us-gov-east-1`.
fn is_region(text: &str) -> bool {
    let plain = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase());
    let mut parts = text.split('-').collect::<Vec<_>>();
    let number = parts.pop().unwrap_or_default();
    let numbered = (1..=2).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit());
    numbered && (2..=4).contains(&parts.len()) && parts.iter().all(plain) && text.len() <= 32
}

fn is_organisation(text: &str) -> bool {
    let id = text.strip_prefix("o-").unwrap_or_default();
    (1..=32).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i32 = 20_529;

    #[track_caller]
    fn check(record: &str, key: &str, expected: &str) {
        let origin =
            Origin { key, has_account: record.contains("Account"), has_region: record.contains("Region") };
        let place = Place::of(record, origin, DAY);
        assert_eq!(
            place.key(Some(20_529 * 86_400_000_000 + 32_712_000_000), "x"),
            expected,
            "{record} {key}"
        );
    }

    #[test]
    fn a_record_is_filed_as_cloudtrail_does() {
        let record =
            r#"{"recipientAccountId":"111122223333","awsRegion":"us-gov-east-1","eventCategory":"Insight"}"#;
        let file = "2026/03/17/111122223333_CloudTrail-Insight_us-gov-east-1_20260317T0905Z_x.json.gz";
        check(record, "a.json", &format!("AWSLogs/111122223333/CloudTrail-Insight/us-gov-east-1/{file}"));
        let key = "logs/AWSLogs/o-abc123/999999999999/CloudTrail/eu-west-1/2026/03/17/x.json.gz";
        check(record, key, &format!("AWSLogs/o-abc123/111122223333/CloudTrail-Insight/us-gov-east-1/{file}"));
        check(
            "{}",
            key,
            "AWSLogs/o-abc123/999999999999/CloudTrail/eu-west-1/2026/03/17/999999999999_CloudTrail_eu-west-1_20260317T0905Z_x.json.gz",
        );
    }

    #[test]
    fn what_a_record_says_does_not_lead_elsewhere() {
        let nowhere = "AWSLogs/000000000000/CloudTrail/unknown/2026/03/17/000000000000_CloudTrail_unknown_20260317T0905Z_x.json.gz";
        let key = "AWSLogs/111122223333/CloudTrail/eu-west-1/2026/03/17/x.json.gz";
        for (account, region) in [
            ("../../../etc", "../x"),
            ("11112222333", "eu-west-1/.."),
            ("１１１１２２２２３３３３", "EU-WEST-1"),
            ("hmac:00", ""),
            ("111122223333/", "eu--1"),
        ] {
            let record = format!(r#"{{"recipientAccountId":"{account}","awsRegion":"{region}"}}"#);
            check(&record, key, nowhere);
        }
        check(r#"{"recipientAccountId":5,"awsRegion":"eu-west-1"}"#, key, nowhere);
        for key in [
            "AWSLogs/../CloudTrail/..",
            "AWSLogs/o-../111122223333",
            "xAWSLogs/111122223333/CloudTrail/eu-west-1",
            "AWSLogs/",
        ] {
            check("{}", key, nowhere);
        }
    }
}
