//! Durations as rules write them: a whole number and `s`, `m`, `h` or `d`.

use serde::{Deserialize, Deserializer, de::Error};
use std::fmt;

/// A span of event time, in whole seconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Seconds(pub i64);

const UNITS: [(char, i64); 4] = [('d', 86_400), ('h', 3600), ('m', 60), ('s', 1)];

impl Seconds {
    /// In microseconds, as times are kept.
    #[must_use]
    pub fn micros(self) -> i64 {
        self.0 * 1_000_000
    }

    /// Reads `90s`, `15m`, `24h` or `30d`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let unit = text.chars().next_back()?;
        let (_, seconds) = UNITS.into_iter().find(|(name, _)| *name == unit)?;
        let number = text[..text.len() - 1].parse::<u32>().ok()?;
        Some(Self(i64::from(number) * seconds))
    }
}

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fits = |&(_, seconds): &(char, i64)| self.0 % seconds == 0 && self.0 >= seconds;
        // A day is said in hours, as people do.
        let (unit, seconds) =
            UNITS.into_iter().skip(usize::from(self.0 < 172_800)).find(fits).unwrap_or(('s', 1));
        write!(f, "{}{unit}", self.0 / seconds)
    }
}

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text)
            .ok_or_else(|| D::Error::custom(format!("{text:?} is not a duration such as \"15m\"")))
    }
}

#[cfg(test)]
mod tests {
    use super::Seconds;

    #[test]
    fn durations_are_read_and_said() {
        for (text, seconds) in [("90s", 90), ("15m", 900), ("24h", 86_400), ("30d", 2_592_000), ("0s", 0)] {
            assert_eq!(Seconds::parse(text), Some(Seconds(seconds)), "{text}");
            assert_eq!(Seconds(seconds).to_string(), text);
        }
        for text in ["", "m", "-5m", "1.5h", "5", "5 m", "5w", "99999999999d", "５m"] {
            assert_eq!(Seconds::parse(text), None, "{text}");
        }
    }
}
