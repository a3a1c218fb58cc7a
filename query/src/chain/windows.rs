//! Times that have to be looked at, or were: windows that neither touch nor overlap.

/// Windows of microseconds since 1970, in order. Both ends are part of a window.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Windows(Vec<(i64, i64)>);

impl Windows {
    /// Of windows in any order, which may overlap. Those that end before they begin are left out.
    pub(super) fn of(windows: impl IntoIterator<Item = (i64, i64)>) -> Self {
        let mut sorted = windows.into_iter().filter(|(from, until)| from <= until).collect::<Vec<_>>();
        sorted.sort_unstable();
        let mut merged: Vec<(i64, i64)> = Vec::new();
        for (from, until) in sorted {
            match merged.last_mut() {
                Some(last) if from <= last.1.saturating_add(1) => last.1 = last.1.max(until),
                _ => merged.push((from, until)),
            }
        }
        Self(merged)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (i64, i64)> {
        self.0.iter().copied()
    }

    /// The first and the last time.
    pub(super) fn bounds(&self) -> Option<(i64, i64)> {
        Some((self.0.first()?.0, self.0.last()?.1))
    }

    pub(super) fn has(&self, time: i64) -> bool {
        let at = self.0.partition_point(|(_, until)| *until < time);
        self.0.get(at).is_some_and(|(from, _)| *from <= time)
    }

    pub(super) fn add(&mut self, other: &Self) {
        *self = Self::of(self.iter().chain(other.iter()));
    }

    /// What is in these windows and not in the `others`.
    pub(super) fn without(&self, others: &Self) -> Self {
        let mut left = Vec::new();
        for (mut from, until) in self.iter() {
            let first = others.0.partition_point(|(_, other_until)| *other_until < from);
            for &(other_from, other_until) in others.0[first..].iter().take_while(|other| other.0 <= until) {
                if from < other_from {
                    left.push((from, other_from - 1));
                }
                from = other_until.saturating_add(1);
            }
            if from <= until {
                left.push((from, until));
            }
        }
        Self(left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn windows() -> impl Strategy<Value = Vec<(i64, i64)>> {
        prop::collection::vec((0..60_i64, 0..9_i64).prop_map(|(from, long)| (from, from + long - 1)), 0..8)
    }

    proptest! {
        /// Sets of single times are the oracle.
        #[test]
        fn windows_are_sets_of_times(a in windows(), b in windows()) {
            let is_in = |windows: &[(i64, i64)], time| windows.iter().any(|(from, until)| (*from..=*until).contains(&time));
            let (of_a, of_b) = (Windows::of(a.clone()), Windows::of(b.clone()));
            let without = of_a.without(&of_b);
            let mut both = of_a.clone();
            both.add(&of_b);
            for time in -1..80 {
                let (in_a, in_b) = (is_in(&a, time), is_in(&b, time));
                prop_assert_eq!(of_a.has(time), in_a);
                prop_assert_eq!(without.has(time), in_a && !in_b);
                prop_assert_eq!(both.has(time), in_a || in_b);
            }
            for all in [&of_a, &without, &both] {
                prop_assert!(all.0.windows(2).all(|pair| pair[0].1 < pair[1].0));
            }
        }
    }
}
