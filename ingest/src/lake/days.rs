//! Days of delivery, of which a writer has objects.

use std::collections::BTreeSet;

/// Some days, or all there are; days since 1970-01-01.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Days {
    /// All: the day of an object is not known before it is read, or it is the day of its first reading.
    All,
    /// These.
    Of(BTreeSet<i32>),
}

impl Days {
    /// Whether `day` is one of them.
    #[must_use]
    pub fn have(&self, day: i32) -> bool {
        match self {
            Self::All => true,
            Self::Of(days) => days.contains(&day),
        }
    }
}

impl FromIterator<Option<i32>> for Days {
    /// One object whose day is unknown is enough for all.
    fn from_iter<I: IntoIterator<Item = Option<i32>>>(days: I) -> Self {
        days.into_iter().collect::<Option<_>>().map_or(Self::All, Self::Of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_day_may_be_any() {
        assert_eq!(Days::from_iter([Some(1), None]), Days::All);
        let days = Days::from_iter([Some(1), Some(3)]);
        assert_eq!([1, 2, 3].map(|day| days.have(day)), [true, false, true]);
        assert!(!Days::from_iter([]).have(1));
    }
}
