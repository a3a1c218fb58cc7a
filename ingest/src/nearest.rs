//! A misspelt word → the right one that is nearest, for hints.

/// The word among `words` that is nearest to `word`, if one is near.
#[must_use]
pub fn nearest<'a>(word: &str, words: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let (distance, near) = words.map(|other| (distance(word, other), other)).min()?;
    (distance <= 1 + word.len() / 3).then_some(near)
}

/// Characters to insert, delete or replace until one text is the other, letter case aside (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let (a, b) = (a.to_lowercase(), b.chars().flat_map(char::to_lowercase).collect::<Vec<_>>());
    // Nobody misspells a word that long.
    let a = a.chars().take(100);
    let mut row = (0..=b.len()).collect::<Vec<_>>();
    for (i, from) in a.enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, &to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_word() {
        let words = || ["eventName", "eventSource", "awsRegion"].into_iter();
        assert_eq!(nearest("evntname", words()), Some("eventName"));
        assert_eq!(nearest("colour", words()), None);
        for (a, b, expected) in [("", "abc", 3), ("kitten", "sitting", 3), ("é", "É", 0)] {
            assert_eq!(distance(a, b), expected, "{a} {b}");
        }
    }
}
