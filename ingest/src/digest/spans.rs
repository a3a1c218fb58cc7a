//! The hours that digests cover → whether a log file that none of them names should be named.
//!
//! The name of a log file has the minute in which it was made; it is delivered, and comes into a digest, within a few
//! minutes. So a file whose minute lies well inside a row of hours had to be in one of them.

const MINUTE: i64 = 60_000_000;

/// How far inside the row a file has to be.
const SLACK: i64 = 60 * MINUTE;

/// How long after the last digest the next one may come: an hour, and the time to write it.
const NEXT: i64 = 120 * MINUTE;

/// What it means that no digest names a log file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Uncovered {
    /// Digests cover its time, so it is not CloudTrail's.
    Planted,
    /// The next digest will name it.
    TooNew,
    /// It was delivered before the first digest.
    BeforeAll,
    /// It was delivered while there were no digests.
    InHole,
    /// Digests have ended.
    BehindAll,
}

impl Uncovered {
    /// Whether that is as it should be.
    pub(super) const fn is_fine(self) -> bool {
        matches!(self, Self::TooNew | Self::BeforeAll)
    }

    /// For people.
    pub(super) const fn reason(self) -> &'static str {
        match self {
            Self::Planted => {
                "digests cover its time, and none names it: CloudTrail did not deliver it, or another trail did"
            }
            Self::TooNew => "its digest was not there yet",
            Self::BeforeAll => "it is older than the first digest",
            Self::InHole => "no digest that is valid covers its time",
            Self::BehindAll => "the digests end before it",
        }
    }
}

/// Spans of time with digests, sorted and apart from each other.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub(super) struct Spans {
    spans: Vec<(i64, i64)>,
    /// The hours of digests that are gone, or not valid.
    holes: Vec<(i64, i64)>,
    /// When validation began, if it did in what was seen.
    pub(super) first: Option<i64>,
}

impl Spans {
    /// Joins the hours of digests; `holes` are the hours of those that cannot be relied on.
    pub(super) fn new(mut hours: Vec<(i64, i64)>, holes: Vec<(i64, i64)>, first: Option<i64>) -> Self {
        hours.retain(|(start, end)| start <= end);
        hours.sort_unstable();
        let mut spans = Vec::<(i64, i64)>::new();
        for (start, end) in hours {
            match spans.last_mut() {
                Some(last) if start <= last.1 => last.1 = last.1.max(end),
                _ => spans.push((start, end)),
            }
        }
        Self { spans, holes, first }
    }

    /// Whether some of the time between `from` and `until` lies in no span.
    pub(super) fn leave_open(&self, from: i64, until: i64) -> bool {
        !self.spans.iter().any(|(start, end)| *start <= from && until <= *end)
    }

    /// What it means that no digest names the log file made at `time`.
    pub(super) fn uncovered(&self, time: i64) -> Uncovered {
        let (Some((first, _)), Some((_, last))) = (self.spans.first(), self.spans.last()) else {
            return if self.first.is_some_and(|first| time < first) {
                Uncovered::BeforeAll
            } else {
                Uncovered::BehindAll
            };
        };
        if self.holes.iter().any(|(start, end)| start - SLACK / 4 <= time && time <= *end) {
            Uncovered::InHole
        } else if self.spans.iter().any(|(start, end)| *start <= time && time + SLACK < *end) {
            Uncovered::Planted
        } else if time < *first && self.first.is_some_and(|began| time < began) {
            Uncovered::BeforeAll
        } else if time > last + NEXT {
            Uncovered::BehindAll
        } else if time + SLACK >= *last {
            Uncovered::TooNew
        } else {
            Uncovered::InHole
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 60 * MINUTE;

    #[test]
    fn hours_that_follow_each_other_are_one_span() {
        let spans = Spans::new(
            vec![(2 * HOUR, 3 * HOUR), (0, HOUR), (HOUR, 2 * HOUR), (9, 8), (5 * HOUR, 6 * HOUR)],
            vec![],
            None,
        );
        assert_eq!(spans.spans, [(0, 3 * HOUR), (5 * HOUR, 6 * HOUR)]);
        assert!(spans.leave_open(2 * HOUR, 5 * HOUR) && !spans.leave_open(HOUR, 3 * HOUR));
    }

    #[test]
    fn a_file_must_be_named_where_hours_follow_on_both_sides() {
        let hours = (10..20).chain(30..40).map(|hour| (hour * HOUR, (hour + 1) * HOUR)).collect();
        let spans = Spans::new(hours, vec![(14 * HOUR, 15 * HOUR)], Some(10 * HOUR));
        for (hour, expected) in [
            (9, Uncovered::BeforeAll),
            (10, Uncovered::Planted),
            (14, Uncovered::InHole),
            (18, Uncovered::Planted),
            (19, Uncovered::InHole),
            (25, Uncovered::InHole),
            (38, Uncovered::Planted),
            (39, Uncovered::TooNew),
            (40, Uncovered::TooNew),
            (41, Uncovered::TooNew),
            (43, Uncovered::BehindAll),
        ] {
            assert_eq!(spans.uncovered(hour * HOUR + MINUTE), expected, "{hour}");
        }
    }

    #[test]
    fn only_a_beginning_that_was_seen_excuses_what_is_older() {
        let spans = Spans::new(vec![(10 * HOUR, 20 * HOUR)], vec![], None);
        assert_eq!(spans.uncovered(5 * HOUR), Uncovered::InHole);
        assert_eq!(Spans::default().uncovered(5 * HOUR), Uncovered::BehindAll);
    }
}
