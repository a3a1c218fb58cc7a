//! The text of a rule file → a rule that is checked, or one line that says what is wrong with it, and where.

use super::RuleError;
use super::check::check;
use super::file::Rule;

impl Rule {
    /// Reads a rule file. `place` names it in messages, and says family and id: `exfil/ami_shared_external.toml`.
    ///
    /// # Errors
    /// It is not a rule, with the line and the nearest right key.
    pub fn parse(place: &str, text: &str) -> Result<Self, RuleError> {
        let mut rule: Self =
            toml::from_str(text).map_err(|error| RuleError::new(place, told(&error, text)))?;
        let mut parts = place.rsplit('/');
        let stem = parts.next().unwrap_or_default().trim_end_matches(".toml");
        if rule.id != stem {
            let what = format!("the id is {:?}, but the file is named {stem}.toml", rule.id);
            return Err(RuleError::new(place, what));
        }
        parts.next().unwrap_or_default().clone_into(&mut rule.family);
        place.clone_into(&mut rule.place);
        text.clone_into(&mut rule.source);
        check(&rule)?;
        Ok(rule)
    }
}

/// What the parser says, in one line with the line number; for a misspelt key the nearest right one.
pub(crate) fn told(error: &toml::de::Error, text: &str) -> String {
    let line = error.span().map(|span| text[..span.start.min(text.len())].matches('\n').count() + 1);
    let line = line.map(|line| format!("line {line}: ")).unwrap_or_default();
    let message = error.message().lines().next().unwrap_or_default().to_owned();
    let mut quoted = message.split('`').skip(1).step_by(2);
    let hint = (message.starts_with("unknown field"))
        .then(|| quoted.next().and_then(|word| crate::names::nearest(word, quoted)))
        .flatten()
        .map(|key| format!("\nhint: did you mean {key}?"));
    format!(
        "{line}{}{}",
        message.split(", expected one of").next().unwrap_or_default(),
        hint.unwrap_or_default()
    )
}
