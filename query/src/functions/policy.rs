//! `policy_public`, `policy_outside`, `any_account_outside`: who a resource policy or a share lets in.
//!
//! A policy is a JSON object, or a text that holds one. Only `Allow` statements open anything. `*` as principal is
//! public, unless a condition ties it to an organisation, account, network or service
//! (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html>, "The meaning of
//! public").

use super::scalar::{Lists, function, text, texts};
use datafusion::arrow::array::{Array, BooleanArray};
use datafusion::arrow::datatypes::DataType;
use datafusion::logical_expr::ScalarUDF;
use serde_json::Value;
use std::sync::Arc;

/// Condition keys that narrow down who calls, in lower case.
const RESTRICTING: [&str; 19] = [
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
    "aws:sourcevpc",
    "aws:sourcevpce",
    "aws:userid",
    "aws:vpcsourceip",
    "kms:calleraccount",
    "kms:viaservice",
    "s3:dataaccesspointaccount",
    "s3:dataaccesspointarn",
];

/// `policy_public(policy)` → boolean: whether anyone at all is let in; false for NULL or what is no policy.
pub(super) fn policy_public() -> Arc<ScalarUDF> {
    function("policy_public", 1, DataType::Boolean, |arguments| {
        let policies = texts(&arguments[0])?;
        let is_public = |row| text(&policies, row).is_some_and(|policy| allows(policy).iter().any(is_open));
        Ok(Arc::new((0..policies.len()).map(|row| Some(is_public(row))).collect::<BooleanArray>()))
    })
}

/// `policy_outside(policy, own_account, trusted)` → boolean: whether an account that is neither our own nor trusted is
/// let in by name; `*` and services do not count.
pub(super) fn policy_outside() -> Arc<ScalarUDF> {
    function("policy_outside", 3, DataType::Boolean, |arguments| {
        let (policies, own) = (texts(&arguments[0])?, texts(&arguments[1])?);
        let trusted = Lists::new(&arguments[2])?;
        let is_outside = |row| {
            let Some(policy) = text(&policies, row) else { return false };
            let named = allows(policy).iter().flat_map(principals).collect::<Vec<_>>();
            let mut accounts = named.iter().filter_map(|principal| account(principal));
            accounts.any(|account| is_foreign(account, text(&own, row), &trusted.items(row)))
        };
        Ok(Arc::new((0..policies.len()).map(|row| Some(is_outside(row))).collect::<BooleanArray>()))
    })
}

/// `any_account_outside(accounts, own_account, trusted)` → boolean: whether one of the accounts, account ids or ARNs,
/// is neither our own nor trusted. `all` and `*` are everyone.
pub(super) fn any_account_outside() -> Arc<ScalarUDF> {
    function("any_account_outside", 3, DataType::Boolean, |arguments| {
        let (lists, own, trusted) =
            (Lists::new(&arguments[0])?, texts(&arguments[1])?, Lists::new(&arguments[2])?);
        let is_outside = |row| {
            let accounts = lists.items(row);
            let mut accounts = accounts.iter().map(|item| account(item).unwrap_or(item));
            accounts.any(|account| is_foreign(account, text(&own, row), &trusted.items(row)))
        };
        Ok(Arc::new((0..own.len()).map(|row| Some(is_outside(row))).collect::<BooleanArray>()))
    })
}

fn is_foreign(account: &str, own: Option<&str>, trusted: &[String]) -> bool {
    Some(account) != own && !trusted.iter().any(|known| known == account)
}

/// The account of a principal: an account id, or the fifth part of an ARN.
fn account(principal: &str) -> Option<&str> {
    let is_id = |text: &str| text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_id(principal) {
        return Some(principal);
    }
    principal.starts_with("arn:").then(|| principal.split(':').nth(4)).flatten().filter(|id| is_id(id))
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
    match named {
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

/// Whether a statement lets in anyone.
fn is_open(statement: &Value) -> bool {
    let anyone = statement.get("NotPrincipal").is_some() || principals(statement).iter().any(|p| p == "*");
    anyone && !statement.get("Condition").is_some_and(restricts)
}

/// Whether a condition narrows down who calls. A negated or `IfExists` operator lets through whoever lacks the key.
fn restricts(condition: &Value) -> bool {
    let operators = condition.as_object().into_iter().flatten();
    let positive = operators.filter(|(operator, _)| {
        let operator = operator.to_ascii_lowercase();
        !operator.contains("not") && !operator.ends_with("ifexists") && operator != "null"
    });
    let keys = positive.flat_map(|(_, keys)| keys.as_object().into_iter().flatten());
    keys.into_iter()
        .any(|(key, values)| RESTRICTING.contains(&key.to_ascii_lowercase().as_str()) && !is_anything(values))
}

/// `*`, or a network of all addresses.
fn is_anything(values: &Value) -> bool {
    match values {
        Value::String(text) => text == "*" || text.ends_with("/0"),
        Value::Array(values) => values.iter().any(is_anything),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_public(policy: &str) -> bool {
        allows(policy).iter().any(is_open)
    }

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
    }

    #[test]
    fn an_account_is_found_in_ids_and_arns() {
        assert_eq!(account("111122223333"), Some("111122223333"));
        assert_eq!(account("arn:aws:iam::111122223333:role/x"), Some("111122223333"));
        assert_eq!(account("arn:aws:s3:::bucket"), None);
        assert_eq!(account("*"), None);
        assert!(is_foreign("1", Some("2"), &[]) && !is_foreign("1", Some("1"), &[]));
        assert!(!is_foreign("1", None, &["1".to_owned()]));
    }
}
