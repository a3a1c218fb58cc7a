//! What was found out about one file, and the counters of a run.

use crate::time;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// What is known about a file.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It is what CloudTrail delivered: a signed digest says so, or it is one.
    Valid,
    /// Its bytes are not those that CloudTrail delivered.
    Changed,
    /// A digest names it, and it is not there.
    Missing,
    /// A digest that CloudTrail did not sign.
    Forged,
    /// Digests are missing for a span of time, so nothing is known about what was delivered in it.
    Gap,
    /// A log file that no digest names.
    NotCovered,
    /// Nothing speaks against it, but the digest behind it could not be checked: its signature or the key is lacking.
    Unproven,
}

impl Verdict {
    /// As it is printed, and kept in `logfiles.integrity`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Changed => "changed",
            Self::Missing => "missing",
            Self::Forged => "forged",
            Self::Gap => "gap",
            Self::NotCovered => "not covered",
            Self::Unproven => "unproven",
        }
    }
}

/// What a verdict is about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A log file.
    Log,
    /// A digest, or for a gap the newest one behind it.
    Digest,
    /// A backfill digest.
    Backfill,
    /// All log files of an account and region.
    Region,
}

impl Kind {
    /// As it is printed.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::Digest => "digest",
            Self::Backfill => "backfill digest",
            Self::Region => "region",
        }
    }
}

/// One file, looked at.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Checked {
    /// What is known about it.
    pub verdict: Verdict,
    /// Whether that is as it should be. A log file that is not covered may be too new for a digest, or older than
    /// validation: that is no sign of anything.
    pub is_fine: bool,
    /// What it is.
    pub kind: Kind,
    /// `s3://bucket/key`, or a path.
    pub file: String,
    /// The account.
    pub account: String,
    /// The region.
    pub region: String,
    /// When it was delivered, or when the gap begins: µs since 1970.
    pub time: Option<i64>,
    /// When the gap ends.
    pub until: Option<i64>,
    /// What speaks for the verdict, where it does not speak for itself.
    pub reason: Option<String>,
}

/// What a run came to.
#[derive(Clone, Default, PartialEq, Debug, Serialize)]
pub struct Verified {
    /// Accounts and regions.
    pub regions: u64,
    /// Log files, by verdict.
    pub logs: BTreeMap<&'static str, u64>,
    /// Digests, by verdict.
    pub digests: BTreeMap<&'static str, u64>,
    /// Backfill digests, by verdict.
    pub backfill_digests: BTreeMap<&'static str, u64>,
    /// Spans of time without digests.
    pub gaps: u64,
    /// Accounts and regions with log files and without a digest.
    pub regions_without_digests: u64,
    /// What is not as it should be, of all kinds.
    pub bad: u64,
    /// Log files whose hash was known from their ingest, so that they were not read again.
    pub hashes_reused: u64,
    /// Bytes read, as stored.
    pub bytes_in: u64,
    /// Rows of `logfiles` whose integrity was noted.
    pub integrity_noted: u64,
    /// A line for whatever could not be looked at.
    pub problems: Vec<String>,
    /// Wall time.
    pub seconds: f64,
}

impl Verified {
    /// Counts one file.
    pub(super) fn count(&mut self, checked: &Checked) {
        self.bad += u64::from(!checked.is_fine);
        if checked.verdict == Verdict::Gap {
            self.gaps += 1;
            return;
        }
        let by_verdict = match checked.kind {
            Kind::Log => &mut self.logs,
            Kind::Digest => &mut self.digests,
            Kind::Backfill => &mut self.backfill_digests,
            Kind::Region => {
                self.regions_without_digests += 1;
                return;
            }
        };
        *by_verdict.entry(checked.verdict.name()).or_default() += 1;
    }
}

impl fmt::Display for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds = [
            ("log files", &self.logs),
            ("digests", &self.digests),
            ("backfill digests", &self.backfill_digests),
        ];
        for (kind, counts) in
            kinds.into_iter().filter(|(kind, counts)| !counts.is_empty() || *kind == "digests")
        {
            let all = counts.values().sum::<u64>();
            let valid = counts.get(Verdict::Valid.name()).copied().unwrap_or(0);
            write!(f, "{valid} of {all} {kind} valid")?;
            for (verdict, count) in counts.iter().filter(|(verdict, _)| **verdict != Verdict::Valid.name()) {
                write!(f, ", {count} {verdict}")?;
            }
            writeln!(f)?;
        }
        write!(f, "{} regions, {} gaps, ", self.regions, self.gaps)?;
        if self.regions_without_digests > 0 {
            write!(f, "{} regions without a digest, ", self.regions_without_digests)?;
        }
        if self.hashes_reused > 0 {
            write!(f, "{} hashes known from their ingest, ", self.hashes_reused)?;
        }
        if self.integrity_noted > 0 {
            write!(f, "{} verdicts noted in logfiles, ", self.integrity_noted)?;
        }
        #[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
        let megabytes = self.bytes_in as f64 / 1e6;
        write!(f, "{megabytes:.1} MB read, {:.1} s", self.seconds)
    }
}

/// `2026-03-17T09:00:00Z to 2026-03-17T11:00:00Z`
pub(super) fn span(from: i64, until: i64) -> String {
    format!("{} to {}", time::format(from), time::format(until))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_as_it_should_be_is_counted_whatever_it_is() {
        let mut verified = Verified::default();
        for (verdict, is_fine, kind) in [
            (Verdict::Valid, true, Kind::Log),
            (Verdict::NotCovered, true, Kind::Log),
            (Verdict::Changed, false, Kind::Log),
            (Verdict::Gap, false, Kind::Digest),
            (Verdict::NotCovered, false, Kind::Region),
        ] {
            let (file, account, region) = (String::new(), String::new(), String::new());
            let (time, until, reason) = (None, None, None);
            verified.count(&Checked { verdict, is_fine, kind, file, account, region, time, until, reason });
        }
        assert_eq!((verified.bad, verified.gaps, verified.regions_without_digests), (3, 1, 1));
        let text = verified.to_string();
        assert!(
            text.starts_with("1 of 3 log files valid, 1 changed, 1 not covered\n0 of 0 digests valid\n"),
            "{text}"
        );
    }
}
