//! Tags against the lists that coverage is counted by: a tag that names nothing in them counts nowhere.

use super::{Remark, remark};
use crate::names::nearest;
use crate::rules::Rule;
use crate::rules::coverage::Vocabulary;
use crate::rules::glob::fits;

pub(super) fn look(rule: &Rule, remarks: &mut Vec<Remark>) {
    for tag in &rule.tags {
        if let Some(hint) = tag.split_once(':').and_then(|(prefix, id)| unknown(prefix, id)) {
            let what = format!("tags: {tag} names nothing that coverage is counted by");
            remarks.push(remark(rule, "unknown-tag", ("tags", tag), what, &hint));
        }
    }
}

/// What to write instead of a tag that names nothing. Tags of a prefix that has no list are free.
fn unknown(prefix: &str, id: &str) -> Option<String> {
    let ids = Vocabulary::get().ids(prefix);
    if ids.clone().next().is_none() || ids.clone().any(|known| fits(id, known)) {
        return None;
    }
    let near = nearest(id, ids).map(|near| format!("did you mean {prefix}:{near}?"));
    Some(near.unwrap_or_else(|| format!("`trailhound rules coverage --by {prefix}` lists them")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_held_against_their_lists() {
        for (prefix, id) in [
            ("cis", "4.3"),
            ("stratus", "aws.impact.ec2-deregister-ami"),
            ("guardduty", "PenTest:*"),
            ("guardduty", "Policy:S3/BucketPublicAccessGranted"),
            ("control", "root-user"),
            ("team", "payments"),
        ] {
            assert_eq!(unknown(prefix, id), None, "{prefix}:{id}");
        }
        for (prefix, id, hint) in [
            ("cis", "4,3", "did you mean cis:4.3?"),
            ("stratus", "ec2-deregister-ami", "`trailhound rules coverage --by stratus` lists them"),
            ("stratus", "aws.impact.ec2-deregister", "did you mean stratus:aws.impact.ec2-deregister-ami?"),
            ("control", "root-users", "did you mean control:root-user?"),
            ("guardduty", "Pentest:*", "`trailhound rules coverage --by guardduty` lists them"),
        ] {
            assert_eq!(unknown(prefix, id).as_deref(), Some(hint), "{prefix}:{id}");
        }
    }
}
