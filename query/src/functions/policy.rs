//! `policy_public`, `policy_outside`, `policy_admin`, `any_account_outside`: who a policy or a share lets in, and to what.
//!
//! A policy is a JSON object, or a text that holds one. Only `Allow` statements open anything. `*` as principal is
//! public, unless a condition ties it to an organisation, account, network or service
//! (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html>, "The meaning of
//! public").

use super::arguments::{Lists, Texts};
use super::arn::{Arn, account};
use super::scalar::{Definition, function, truths};
use datafusion::arrow::datatypes::DataType;
use datafusion::logical_expr::ScalarUDF;
use serde_json::Value;
use std::sync::Arc;

const CHAPTER: &str = "Policies";

/// Condition keys that narrow down who calls, in lower case.
const RESTRICTING: [&str; 20] = [
    "aws:principalaccount",
    "aws:principalarn",
    "aws:principalisawsservice",
    "aws:principalorgid",
    "aws:principalorgpaths",
    "aws:principalservicename",
    "aws:sourceaccount",
    "aws:sourcearn",
    "aws:sourceip",
    "aws:sourceorgid",
    "aws:sourceorgpaths",
    "aws:sourceowner",
    "aws:sourcevpc",
    "aws:sourcevpce",
    "aws:userid",
    "aws:vpcsourceip",
    "kms:calleraccount",
    "kms:viaservice",
    "s3:dataaccesspointaccount",
    "s3:dataaccesspointarn",
];

/// Those of them that name accounts, by their ids or in ARNs.
const NAMING: [&str; 7] = [
    "aws:principalaccount",
    "aws:principalarn",
    "aws:sourceaccount",
    "aws:sourcearn",
    "aws:sourceowner",
    "kms:calleraccount",
    "s3:dataaccesspointaccount",
];

pub(super) fn policy_public() -> Arc<ScalarUDF> {
    function(Definition {
        chapter: CHAPTER,
        call: "policy_public(policy)",
        doc: "Whether a resource policy lets in anyone, with no condition that ties the caller to an organisation, \
              account, network or service.",
        example: r#"policy_public('{"Statement":{"Effect":"Allow","Principal":"*","Action":"s3:GetObject"}}')"#,
        returns: DataType::Boolean,
        body: |arguments, rows| {
            let policies = Texts::new(&arguments[0])?;
            truths(rows, |row| policies.get(row).is_some_and(is_public))
        },
    })
}

pub(super) fn policy_outside() -> Arc<ScalarUDF> {
    function(Definition {
        chapter: CHAPTER,
        call: "policy_outside(policy, own, trusted)",
        doc: "Whether a resource policy names an account that is neither our own nor in the list of trusted ones: as \
              principal, or in a condition that narrows down `*`. `*` itself and services do not count.",
        example: r#"policy_outside('{"Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::999988887777:root"}}}', '111122223333', make_array('444455556666'))"#,
        returns: DataType::Boolean,
        body: |arguments, rows| {
            let (policies, own) = (Texts::new(&arguments[0])?, Texts::new(&arguments[1])?);
            let trusted = Lists::new(&arguments[2])?;
            truths(rows, |row| {
                let Some(policy) = policies.get(row) else { return false };
                let named = allows(policy).iter().flat_map(named).collect::<Vec<_>>();
                let mut accounts = named.iter().filter_map(|name| account(name));
                accounts.any(|account| is_foreign(account, own.get(row), trusted.items(row)))
            })
        },
    })
}

pub(super) fn policy_admin() -> Arc<ScalarUDF> {
    function(Definition {
        chapter: CHAPTER,
        call: "policy_admin(policy)",
        doc: "Whether a policy allows everything, or everything in IAM, which comes to the same: `*`, `*:*` or `iam:*`, \
              on all resources. A condition does not change that, since who writes the policy chooses it.",
        example: r#"policy_admin('{"Statement":[{"Effect":"Allow","Action":["iam:*"],"Resource":"*"}]}')"#,
        returns: DataType::Boolean,
        body: |arguments, rows| {
            let policies = Texts::new(&arguments[0])?;
            truths(rows, |row| policies.get(row).is_some_and(|policy| allows(policy).iter().any(is_admin)))
        },
    })
}

pub(super) fn any_account_outside() -> Arc<ScalarUDF> {
    function(Definition {
        chapter: CHAPTER,
        call: "any_account_outside(accounts, own, trusted)",
        doc: "Whether one of the accounts, ids or ARNs, is neither our own nor in the list of trusted ones. `all` and \
              `*` are everyone.",
        example: "any_account_outside(make_array('999988887777'), '111122223333', make_array('444455556666'))",
        returns: DataType::Boolean,
        body: |arguments, rows| {
            let (lists, own) = (Lists::new(&arguments[0])?, Texts::new(&arguments[1])?);
            let trusted = Lists::new(&arguments[2])?;
            truths(rows, |row| {
                let mut accounts = lists.items(row).map(|item| account(item).unwrap_or(item));
                accounts.any(|account| is_foreign(account, own.get(row), trusted.items(row)))
            })
        },
    })
}

/// A trusted account may be written as an ARN of it.
fn is_foreign<'a>(name: &str, own: Option<&str>, mut trusted: impl Iterator<Item = &'a str>) -> bool {
    Some(name) != own && !trusted.any(|known| known == name || account(known) == Some(name))
}

/// The `Allow` statements of a policy, which may be one statement without brackets, or a text in a text.
fn allows(policy: &str) -> Vec<Value> {
    let mut policy = serde_json::from_str::<Value>(policy).unwrap_or_default();
    if let Value::String(inner) = &policy {
        policy = serde_json::from_str(inner).unwrap_or_default();
    }
    let statements = match policy.get_mut("Statement").map(Value::take) {
        Some(Value::Array(statements)) => statements,
        Some(statement) => vec![statement],
        None => Vec::new(),
    };
    let is_allow = |statement: &Value| {
        statement
            .get("Effect")
            .and_then(Value::as_str)
            .is_some_and(|effect| effect.eq_ignore_ascii_case("allow"))
    };
    statements.into_iter().filter(is_allow).collect()
}

/// What a statement names as AWS principals.
fn principals(statement: &Value) -> Vec<String> {
    let principal = statement.get("Principal");
    let named =
        principal.and_then(|principal| principal.get("AWS").or(principal.is_string().then_some(principal)));
    named.map(texts).unwrap_or_default()
}

/// A text, or the texts of a list.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(one) => vec![one.clone()],
        Value::Array(many) => many.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

fn is_public(policy: &str) -> bool {
    let is_open =
        |statement: &Value| takes_anyone(statement) && !statement.get("Condition").is_some_and(restricts);
    allows(policy).iter().any(is_open)
}

/// Whether a statement lets in anyone, but for its condition.
fn takes_anyone(statement: &Value) -> bool {
    statement.get("NotPrincipal").is_some() || principals(statement).iter().any(|p| p == "*")
}

/// Whom a statement names: its principals, and whom its condition leaves of `*`.
fn named(statement: &Value) -> Vec<String> {
    let mut named = principals(statement);
    if takes_anyone(statement) {
        let conditions = statement.get("Condition").into_iter().flat_map(binding);
        let naming = conditions.filter(|(key, _)| NAMING.contains(&key.to_ascii_lowercase().as_str()));
        named.extend(naming.flat_map(|(_, values)| texts(values)));
    }
    named
}

/// Whether a condition narrows down who calls.
fn restricts(condition: &Value) -> bool {
    binding(condition)
        .any(|(key, values)| RESTRICTING.contains(&key.to_ascii_lowercase().as_str()) && !is_anything(values))
}

/// Keys and values of a condition that a caller has to meet. A negated operator, `IfExists` and `ForAllValues` let
/// through whoever lacks the key.
fn binding(condition: &Value) -> impl Iterator<Item = (&String, &Value)> {
    let operators = condition.as_object().into_iter().flatten();
    let positive = operators.filter(|(operator, _)| {
        let operator = operator.to_ascii_lowercase();
        let is_met_without = operator.ends_with("ifexists") || operator.starts_with("forallvalues:");
        !operator.contains("not") && !is_met_without && operator != "null"
    });
    positive.flat_map(|(_, keys)| keys.as_object().into_iter().flatten())
}

/// `*`, a network of all addresses, or a role of any account: everyone can make one of that name.
fn is_anything(values: &Value) -> bool {
    match values {
        Value::String(text) => {
            text == "*" || text.ends_with("/0") || Arn::parse(text).is_some_and(Arn::is_of_any_account)
        }
        Value::Array(values) => values.iter().any(is_anything),
        _ => false,
    }
}

/// Whether a statement allows everything in IAM on all resources.
fn is_admin(statement: &Value) -> bool {
    let some = |key: &str, covers: fn(&str) -> bool| {
        statement.get(key).is_some_and(|value| texts(value).iter().any(|pattern| covers(pattern)))
    };
    let none = |key: &str, covers: fn(&str) -> bool| statement.get(key).is_some() && !some(key, covers);
    (some("Action", covers_iam) || none("NotAction", covers_iam))
        && (some("Resource", covers_resources) || none("NotResource", covers_resources))
}

/// Stands for any name: a pattern that matches it matches all names.
const ANY: &str = "\u{1}\u{2}\u{1}";

/// Whether a pattern of actions takes in all of IAM.
fn covers_iam(pattern: &str) -> bool {
    matches(&pattern.to_ascii_lowercase(), &format!("iam:{ANY}"))
}

/// Whether a pattern of resources takes in all roles, or all users, of an account.
fn covers_resources(pattern: &str) -> bool {
    let partition = pattern.strip_prefix("arn:").and_then(|rest| rest.split_once(':'));
    let partition = partition.map_or("aws", |(partition, _)| partition);
    let account = account(pattern).unwrap_or("000000000000");
    let of = |kind| format!("arn:{partition}:iam::{account}:{kind}/{ANY}");
    ["role", "user"].into_iter().any(|kind| matches(pattern, &of(kind)))
}

/// Whether a pattern of IAM, with `*` and `?`, matches a text.
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut at, mut from) = (0, 0);
    // Where to go on when the last `*` has to take one byte more.
    let mut again = None;
    while from < text.len() {
        match pattern.get(at) {
            Some(b'*') => {
                again = Some((at + 1, from + 1));
                at += 1;
            }
            Some(&byte) if byte == b'?' || byte == text[from] => (at, from) = (at + 1, from + 1),
            _ => match again {
                Some((after, next)) => {
                    (at, from) = (after, next);
                    again = Some((after, next + 1));
                }
                None => return false,
            },
        }
    }
    pattern[at.min(pattern.len())..].iter().all(|&byte| byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn statement(rest: &str) -> String {
        format!(r#"{{"Statement":{{"Effect":"Allow","Action":"s3:GetObject",{rest}}}}}"#)
    }

    #[test]
    fn a_star_is_public_in_every_spelling() {
        for principal in [r#""Principal":"*""#, r#""Principal":{"AWS":"*"}"#, r#""Principal":{"AWS":["*"]}"#]
        {
            let policy = statement(principal);
            assert!(is_public(&policy), "{policy}");
            assert!(is_public(&Value::String(policy.clone()).to_string()), "in a text: {policy}");
        }
        assert!(is_public(&statement(r#""NotPrincipal":{"AWS":"111122223333"}"#)));
        assert!(!is_public(&statement(r#""Principal":{"Service":"*.amazonaws.com"}"#)));
        assert!(!is_public(&statement(r#""Principal":"*""#).replace("Allow", "Deny")));
        assert!(!is_public("not json") && !is_public("[]") && !is_public("null"));
    }

    #[test]
    fn a_condition_closes_it_only_if_it_binds() {
        let with =
            |condition: &str| is_public(&statement(&format!(r#""Principal":"*","Condition":{condition}"#)));
        assert!(!with(r#"{"StringEquals":{"aws:PrincipalOrgID":"o-example"}}"#));
        assert!(!with(r#"{"IpAddress":{"aws:SourceIp":["192.0.2.0/24"]}}"#));
        assert!(with(r#"{"IpAddress":{"aws:SourceIp":"0.0.0.0/0"}}"#));
        assert!(with(r#"{"StringNotEquals":{"aws:PrincipalOrgID":"o-example"}}"#));
        assert!(with(r#"{"StringEqualsIfExists":{"aws:SourceVpce":"vpce-1"}}"#));
        assert!(with(r#"{"Bool":{"aws:SecureTransport":"true"}}"#));
        assert!(with(r#"{"ForAllValues:StringEquals":{"aws:PrincipalOrgID":"o-example"}}"#));
        assert!(with(r#"{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/reader"}}"#));
        assert!(!with(r#"{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::111122223333:role/*"}}"#));
        // A bucket has no account in its ARN, and its name is its own.
        assert!(!with(r#"{"ArnLike":{"aws:SourceArn":"arn:aws:s3:*:*:example"}}"#));
        // What SNS writes into the policy of a new topic.
        assert!(!with(r#"{"StringEquals":{"AWS:SourceOwner":"111122223333"}}"#));
    }

    fn is_outside(policy: &str) -> bool {
        let named = allows(policy).iter().flat_map(named).collect::<Vec<_>>();
        named.iter().filter_map(|name| account(name)).any(|name| {
            is_foreign(name, Some("111122223333"), ["arn:aws:iam::444455556666:root"].into_iter())
        })
    }

    #[test]
    fn an_account_is_foreign_unless_it_is_ours_or_trusted() {
        for (named, expected) in [
            ("111122223333", false),
            ("arn:aws:iam::111122223333:role/x", false),
            ("444455556666", false),
            ("arn:aws:iam::999988887777:root", true),
            ("arn:aws-cn:iam::999988887777:user/x", true),
            ("*", false),
            ("AIDACKCEVSQ6C2EXAMPLE", false),
        ] {
            assert_eq!(
                is_outside(&statement(&format!(r#""Principal":{{"AWS":"{named}"}}"#))),
                expected,
                "{named}"
            );
        }
        assert!(is_foreign("all", Some("1"), std::iter::empty()));
        assert!(!is_foreign("1", None, ["1"].into_iter()));
    }

    #[test]
    fn a_condition_names_whom_it_leaves_of_anyone() {
        let with = |principal: &str, condition: &str| {
            is_outside(&statement(&format!(r#""Principal":{principal},"Condition":{condition}"#)))
        };
        let (anyone, foreign) = (r#""*""#, r#"{"StringEquals":{"aws:PrincipalAccount":["999988887777"]}}"#);
        assert!(with(anyone, foreign));
        assert!(with(anyone, r#"{"ArnLike":{"aws:SourceArn":"arn:aws:sns:eu-west-1:999988887777:t"}}"#));
        assert!(!with(anyone, r#"{"StringEquals":{"aws:SourceAccount":"111122223333"}}"#));
        assert!(!with(anyone, r#"{"StringNotEquals":{"aws:PrincipalAccount":"999988887777"}}"#));
        // Logs of many accounts are delivered in this way.
        assert!(!with(r#"{"Service":"cloudtrail.amazonaws.com"}"#, foreign));
    }

    #[test]
    fn all_of_iam_is_everything() {
        let is = |rest: &str| {
            allows(&format!(r#"{{"Statement":[{{"Effect":"Allow",{rest}}}]}}"#)).iter().any(is_admin)
        };
        for action in ["*", "*:*", "iam:*", "IAM:*", "i*", "iam:**", "??m:*"] {
            assert!(is(&format!(r#""Action":["s3:Get*","{action}"],"Resource":"*""#)), "{action}");
        }
        for action in ["s3:*", "iam:Get*", "iam:?", "*:Get*", "iam", ""] {
            assert!(!is(&format!(r#""Action":"{action}","Resource":["*"]"#)), "{action}");
        }
        for resource in [
            "*",
            "**",
            "arn:aws:iam::*",
            "arn:aws:iam::111122223333:*",
            "arn:*:iam::*:role/*",
            "arn:aws-cn:iam::*",
        ] {
            assert!(is(&format!(r#""Action":"iam:*","Resource":"{resource}""#)), "{resource}");
        }
        for resource in ["arn:aws:iam::*:role/app/*", "arn:aws:s3:::*", "arn:aws:iam::*:mfa/*", "?"] {
            assert!(!is(&format!(r#""Action":"iam:*","Resource":"{resource}""#)), "{resource}");
        }
        assert!(is(r#""NotAction":"s3:*","Resource":"*""#) && !is(r#""NotAction":["iam:*"],"Resource":"*""#));
        assert!(is(r#""Action":"*","NotResource":"arn:aws:s3:::b""#) && !is(r#""Action":"*""#));
        assert!(is(r#""Action":"*","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"192.0.2.1"}}"#));
        assert!(
            !allows(r#"{"Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}"#).iter().any(is_admin)
        );
    }

    proptest! {
        #[test]
        fn patterns_match_as_if_tried_one_by_one(pattern in "[ab*?]{0,8}", text in "[ab]{0,8}") {
            fn naive(pattern: &[u8], text: &[u8]) -> bool {
                match (pattern.split_first(), text.split_first()) {
                    (None, None) => true,
                    (Some((b'*', rest)), _) => (0..=text.len()).any(|taken| naive(rest, &text[taken..])),
                    (Some((byte, rest)), Some((next, text))) => {
                        (*byte == b'?' || byte == next) && naive(rest, text)
                    }
                    _ => false,
                }
            }
            prop_assert_eq!(matches(&pattern, &text), naive(pattern.as_bytes(), text.as_bytes()));
        }
    }
}
