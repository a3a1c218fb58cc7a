//! A policy and a pack → the rules as they are to run.

use super::{Applied, Local, Override, Tuned, hint};
use crate::rules::params::{Value, Values};
use crate::rules::{Pack, Rule, RuleError};
use toml::Spanned;

impl Local {
    /// The rules of `pack` under this policy on the day `today`, in days since 1970.
    ///
    /// # Errors
    /// The policy names a rule, a param or a column that does not exist, or a value is not of its param's type.
    pub fn apply(&self, pack: &Pack, today: i32) -> Result<Applied, RuleError> {
        self.check_names(pack)?;
        let mut rules = Vec::new();
        for rule in pack.rules() {
            let over = self.file.rule.get(rule.id.as_str());
            let tuned = self.tuned(rule, over, today)?;
            if !over.is_some_and(|over| over.disabled) {
                rules.push(tuned);
            }
        }
        let notices = self.exceptions().iter().filter_map(|exception| exception.notice(today)).collect();
        Ok(Applied { rules, notices })
    }

    /// A policy is for all rules that there are, also when a run takes only some: those in the binary are known.
    fn check_names(&self, pack: &Pack) -> Result<(), RuleError> {
        if self.file.params.is_empty() && self.file.rule.is_empty() && self.exceptions().is_empty() {
            return Ok(());
        }
        let built_in = Pack::built_in()?;
        let rules = || pack.rules().iter().chain(built_in.rules());
        let ids = || rules().map(|rule| rule.id.as_str());
        if let Some(id) = self.file.rule.keys().find(|id| !ids().any(|known| known == id.get_ref())) {
            let hint = hint(id.get_ref(), ids());
            return Err(self.wrong(id.span(), format!("rule.{id}: there is no such rule{hint}")));
        }
        let params = || rules().flat_map(|rule| rule.params.keys().map(String::as_str));
        if let Some(name) =
            self.file.params.keys().find(|name| !params().any(|known| known == name.get_ref()))
        {
            let hint = hint(name.get_ref(), params());
            return Err(self.wrong(name.span(), format!("params.{name}: no rule has such a param{hint}")));
        }
        for (exception, written) in self.exceptions().iter().zip(&self.file.exceptions) {
            if !ids().any(|id| exception.is_for(id)) {
                let hint = hint(&exception.rule, ids());
                let what = format!("exception: there is no rule {}{hint}", exception.rule);
                return Err(self.wrong(written.rule_span(), what));
            }
        }
        Ok(())
    }

    fn tuned(&self, rule: &Rule, over: Option<&Override>, today: i32) -> Result<Tuned, RuleError> {
        let mut tuned = Tuned { rule: rule.clone(), set: Values::new() };
        for (name, value) in
            self.file.params.iter().filter(|(name, _)| rule.params.contains_key(name.get_ref()))
        {
            self.set(&mut tuned, &format!("params.{name}"), name, value)?;
        }
        if let Some(over) = over {
            self.override_with(&mut tuned, over)?;
        }
        self.except(&mut tuned.rule, today)?;
        Ok(tuned)
    }

    fn override_with(&self, tuned: &mut Tuned, over: &Override) -> Result<(), RuleError> {
        let id = tuned.rule.id.clone();
        for (name, value) in &over.params {
            let key = format!("rule.{id}.params.{name}");
            if !tuned.rule.params.contains_key(name.get_ref()) {
                let hint = hint(name.get_ref(), tuned.rule.params.keys().map(String::as_str));
                return Err(self.wrong(name.span(), format!("{key}: the rule has no such param{hint}")));
            }
            self.set(tuned, &key, name, value)?;
        }
        tuned.rule.severity = over.severity.unwrap_or(tuned.rule.severity);
        let Some(written) = &over.threshold else { return Ok(()) };
        let wrong = |what: &str| self.wrong(written.span(), format!("rule.{id}.threshold: {what}"));
        let threshold = tuned.rule.threshold.as_mut().ok_or_else(|| wrong("the rule has no threshold"))?;
        let counts = written.get_ref();
        threshold.count = counts.count.unwrap_or(threshold.count);
        threshold.within = counts.within.unwrap_or(threshold.within);
        if threshold.count < 1 || threshold.within.0 < 1 {
            return Err(wrong("it counts to 1 at least, within 1s at least"));
        }
        Ok(())
    }

    /// Sets a param, if the value is of the type that the rule declares.
    fn set(
        &self,
        tuned: &mut Tuned,
        key: &str,
        name: &Spanned<String>,
        value: &Value,
    ) -> Result<(), RuleError> {
        if let Some(param) = tuned.rule.params.get(name.get_ref())
            && let Err(why) = param.kind.accept(value)
        {
            return Err(self.wrong(name.span(), format!("{key}: {why} (rule {})", tuned.rule.id)));
        }
        tuned.set.insert(name.get_ref().clone(), value.clone());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// The profiles fit the pack, as they are and with every example in them switched on.
    #[test]
    fn profiles_fit_the_rules() {
        let pack = Pack::built_in().unwrap();
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../detections/profiles");
        let mut left = Vec::new();
        for name in ["quiet", "standard", "paranoid"] {
            let text = std::fs::read_to_string(folder.join(name).with_extension("toml")).unwrap();
            let applied = Local::parse(name, &text).and_then(|local| local.apply(&pack, 0));
            left.push(applied.unwrap_or_else(|error| panic!("{name}: {error}")).rules.len());
            // `# key = value` and `# [[table]]`; remarks are indented further, or sentences.
            let is_example = |line: &str| {
                line.strip_prefix("# ").is_some_and(|rest| {
                    rest.starts_with('[') || (!rest.starts_with(' ') && rest.contains(" = "))
                })
            };
            let switched = text.lines().map(|line| if is_example(line) { &line[2..] } else { line });
            let switched = switched.collect::<Vec<_>>().join("\n");
            let applied = Local::parse(name, &switched).and_then(|local| local.apply(&pack, 0));
            applied.unwrap_or_else(|error| panic!("{name} with its examples: {error}"));
        }
        assert_eq!((left[1], left[2]), (pack.rules().len(), pack.rules().len()));
        assert!(left[0] < left[1] && left[0] > 300, "{left:?}");
    }
}
