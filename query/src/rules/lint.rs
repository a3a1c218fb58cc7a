//! `trailhound rules lint`: what a rule says that is allowed, and probably not meant.
//!
//! In: a rule that is checked. Out: a [`Remark`] for each trap. A rule that does not pass [`super::check`] is an error;
//! a remark is about one that runs and misses events, or finds what it should not, or tells too little of it.

mod logic;
mod events;
mod tags;
mod words;

use super::Rule;
use crate::names::expression::tree;
use datafusion::sql::sqlparser::ast::Expr;
use serde::Serialize;

/// Something that should be looked at.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Remark {
    /// The file.
    pub file: String,
    /// The line that it is about, as far as it can be told.
    pub line: Option<usize>,
    /// The rule.
    pub rule: String,
    /// What kind of remark it is.
    pub code: &'static str,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub hint: String,
}

/// All remarks on `rule`.
#[must_use]
pub fn lint(rule: &Rule) -> Vec<Remark> {
    let mut remarks = Vec::new();
    for piece in pieces(rule) {
        logic::look(rule, &piece, &mut remarks);
    }
    events::look(rule, &mut remarks);
    tags::look(rule, &mut remarks);
    words::look(rule, &mut remarks);
    remarks
}

/// A piece of SQL in a rule.
struct Piece {
    /// Its key in the file.
    key: String,
    tree: Expr,
    /// Whether it picks events.
    is_condition: bool,
}

fn pieces(rule: &Rule) -> Vec<Piece> {
    let threshold = rule.threshold.iter();
    let measures = threshold
        .flat_map(|threshold| [("distinct", &threshold.distinct), ("sum", &threshold.sum)])
        .filter_map(|(key, sql)| Some((key.to_owned(), sql.as_deref()?, false)));
    let fields = rule.fields.iter().map(|(name, sql)| (name.clone(), sql.as_str(), false));
    let of_steps = rule.steps.iter().flat_map(|step| {
        let fields = step.fields.iter().map(|(name, sql)| (name.clone(), sql.as_str(), false));
        fields.chain(step.predicate.iter().map(|sql| ("where".to_owned(), sql.as_str(), true)))
    });
    let when =
        rule.severity_when.iter().map(|when| ("severity_when".to_owned(), when.condition.as_str(), true));
    let conditions = rule.predicate.iter().map(|sql| ("where".to_owned(), sql.as_str(), true));
    let all = conditions.chain(of_steps).chain(when).chain(fields).chain(measures);
    all.filter_map(|(key, sql, is_condition)| Some(Piece { key, tree: tree(sql).ok()?, is_condition }))
        .collect()
}

/// A remark about the line of `rule` that begins with `key`, or holds `word` behind it.
fn remark(rule: &Rule, code: &'static str, (key, word): (&str, &str), what: String, hint: &str) -> Remark {
    let is_key = |line: &str| {
        line.trim_start().strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with('='))
    };
    let lines = || rule.source.lines().enumerate();
    let at = lines().position(|(_, line)| is_key(line));
    let word = at.and_then(|at| lines().skip(at).find(|(_, line)| !word.is_empty() && line.contains(word)));
    let line = word.map(|(number, _)| number).or(at).map(|number| number + 1);
    Remark { file: rule.place.clone(), line, rule: rule.id.clone(), code, what, hint: hint.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The codes of the remarks on a rule with these lines.
    fn codes(events: &str, more: &str) -> Vec<&'static str> {
        let text = format!(
            "id = \"x\"\ntitle = \"t\"\nkind = \"match\"\nseverity = \"low\"\nstatus = \"stable\"\nversion = 1\n\
             description = \"d\"\nrunbook = \"r\"\nevents = [{events}]\nalert = \"{{actor}} did\"\n{more}\n\
             [[test]]\nname = \"a\"\nfires = true\nevents = '{{}}'\n\
             [[test]]\nname = \"b\"\nfires = false\nevents = '{{}}'\n"
        );
        let rule = Rule::parse("f/x.toml", &text).unwrap();
        lint(&rule).iter().map(|remark| remark.code).collect()
    }

    #[test]
    fn traps_of_null_are_found() {
        for sql in [
            "userIdentity.type <> 'AWSService'",
            "requestParameters.a NOT LIKE 'x%'",
            "errorCode NOT IN ('a', 'b')",
            "eventName = 'x' AND (NOT readOnly OR awsRegion = 'x')",
            "NOT array_has($l, actor)",
            "NOT (userAgent = 'x')",
            "requestParameters.n NOT BETWEEN 1 AND 2",
            "lower(userIdentity.type) <> 'x'",
        ] {
            let more = format!(
                "where = \"{sql}\"\n[params]\n{}",
                if sql.contains("$l") { "l = { type = \"text[]\", default = [], doc = \"d\" }" } else { "" }
            );
            assert_eq!(codes("\"s3:DeleteBucket\"", &more), ["null-trap"], "{sql}");
        }
        for sql in [
            "coalesce(userIdentity.type, '') <> 'AWSService'",
            "NOT in_list(actor, as_list('x'))",
            "eventSource <> 'signin.amazonaws.com' AND awsRegion NOT IN ('a')",
            "NOT (userAgent IS NULL)",
            "NOT policy_public(requestParameters.policy)",
            "cardinality(json_values(requestParameters, 'a')) <> 1",
            "(userIdentity.type IS DISTINCT FROM 'x') AND readOnly = false",
        ] {
            assert_eq!(codes("\"s3:DeleteBucket\"", &format!("where = \"{sql}\"")), [""; 0], "{sql}");
        }
    }

    #[test]
    fn what_binds_otherwise_than_it_reads_is_found() {
        let sql = "where = \"userIdentity.type IS DISTINCT FROM 'x' AND readOnly\"";
        assert_eq!(codes("\"s3:DeleteBucket\"", sql), ["distinct-precedence"]);
    }

    #[test]
    fn other_traps_are_found() {
        assert_eq!(codes("\"s3:DeleteBuckets\"", ""), ["unknown-event"]);
        assert_eq!(
            codes("\"*\"", "where = \"requestParameters.a = 'x' AND eventName = 'y'\""),
            ["slow-where"]
        );
        assert_eq!(codes("\"*\"", "where = \"eventName = 'y' AND requestParameters.a = 'x'\""), [""; 0]);
        assert_eq!(codes("\"s3:GetObject\"", ""), ["needs-data"]);
        assert_eq!(codes("\"s3:GetObject\"", "needs = [\"data:s3\"]"), [""; 0]);
        assert_eq!(
            codes("\"s3:PutBucketAcl\"", "[fields]\nbucket = \"requestParameters.x\""),
            ["unused-field"]
        );
        assert_eq!(codes("\"s3:DeleteBucket\"", "tags = [\"cis:4.33\", \"team:x\"]"), ["unknown-tag"]);
    }

    #[test]
    fn a_remark_names_its_line() {
        let text = "id = \"x\"\nwhere = '''\na\nAND b <> 'c'\n'''\n";
        let rule =
            Rule { source: text.to_owned(), ..crate::rules::Pack::built_in().unwrap().rules()[0].clone() };
        assert_eq!(remark(&rule, "c", ("where", "b <> 'c'"), String::new(), "").line, Some(4));
        assert_eq!(remark(&rule, "c", ("where", "b<>'c'"), String::new(), "").line, Some(2));
    }
}
