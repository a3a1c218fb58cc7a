//! SQL's `LIKE`: `%` stands for any text, `_` for one character, `\` takes the meaning from what follows.

/// A shape of texts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Pattern(Vec<Part>);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Part {
    Any,
    One,
    This(char),
}

impl Pattern {
    pub(super) fn new(text: &str) -> Self {
        let mut parts = Vec::new();
        let mut characters = text.chars();
        while let Some(character) = characters.next() {
            parts.push(match character {
                '%' => Part::Any,
                '_' => Part::One,
                '\\' => Part::This(characters.next().unwrap_or('\\')),
                other => Part::This(other),
            });
        }
        Self(parts)
    }

    /// Whether a text has this shape. What the last `%` took is all that is ever taken back, so the time is bounded by
    /// the product of both lengths.
    pub(super) fn matches(&self, text: &str) -> bool {
        let (mut rest, mut at) = (text.chars(), 0);
        let mut again: Option<(std::str::Chars<'_>, usize)> = None;
        loop {
            let before = rest.clone();
            let next = rest.next();
            match (self.0.get(at), next) {
                (Some(Part::Any), _) => {
                    again = Some((before.clone(), at));
                    (rest, at) = (before, at + 1);
                }
                (Some(Part::One), Some(_)) => at += 1,
                (Some(Part::This(wanted)), Some(found)) if *wanted == found => at += 1,
                (None, None) => return true,
                _ => {
                    let Some((from, any)) = &mut again else { return false };
                    if from.next().is_none() {
                        return false;
                    }
                    (rest, at) = (from.clone(), *any + 1);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The definition, read literally.
    fn naive(pattern: &[char], text: &[char]) -> bool {
        match (pattern, text) {
            ([], []) => true,
            (['%', pattern @ ..], text) => (0..=text.len()).any(|taken| naive(pattern, &text[taken..])),
            (['_', pattern @ ..], [_, text @ ..]) => naive(pattern, text),
            ([wanted, pattern @ ..], [found, text @ ..]) => wanted == found && naive(pattern, text),
            _ => false,
        }
    }

    #[test]
    fn a_backslash_takes_the_meaning() {
        assert!(Pattern::new(r"a\%").matches("a%") && !Pattern::new(r"a\%").matches("ab"));
        assert!(
            Pattern::new("").matches("") && Pattern::new("%").matches("") && !Pattern::new("_").matches("")
        );
    }

    proptest! {
        #[test]
        fn equals_the_definition(pattern in "[ab%_é]{0,8}", text in "[abé]{0,10}") {
            let (p, t) = (pattern.chars().collect::<Vec<_>>(), text.chars().collect::<Vec<_>>());
            prop_assert_eq!(Pattern::new(&pattern).matches(&text), naive(&p, &t), "{} {}", pattern, text);
        }
    }
}
