//! One event that gave out credentials: to whom, for what, and with which key.

use super::names::Names;
use super::session::{Session, Text, is_session};
use std::sync::Arc;

/// An event that gave out credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Issue {
    /// The key that was issued, if the event has it: some services give out another, and some events hide theirs.
    pub(super) key: Text,
    /// The ARN that calls with this key have.
    pub(super) session: Text,
    /// What was assumed.
    pub(super) role: Text,
    /// The source identity that was set.
    pub(super) source_identity: Text,
    /// When, in microseconds since 1970.
    pub(super) time: i64,
    /// Where the call came from.
    pub(super) ip: Text,
    /// Whose log the event is in.
    pub(super) account: Text,
    /// Joins the two events of one call across accounts.
    pub(super) shared: Text,
    /// Who called.
    pub(super) caller: Arc<Session>,
}

/// The members of request and response that say what was issued.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Members<'a> {
    pub(super) key: Option<&'a str>,
    pub(super) assumed: Option<&'a str>,
    pub(super) federated: Option<&'a str>,
    pub(super) role: Option<&'a str>,
    pub(super) session_name: Option<&'a str>,
    pub(super) target: Option<&'a str>,
    pub(super) saml_provider: Option<&'a str>,
    pub(super) source_identity: Option<&'a str>,
}

impl Issue {
    /// An issue by `caller` to itself, until the members say otherwise.
    pub(super) fn new(mut caller: Arc<Session>, time: i64, members: &Members<'_>, names: &mut Names) -> Self {
        let derived = || assumed_role(members.role?, members.session_name?);
        let root = || members.target.map(root_of);
        let given = members.assumed.or(members.federated).map(str::to_owned);
        let session = given.or_else(derived).or_else(root).map(|arn| names.text(&arn));
        let role = members.role.or(members.federated).map(|role| names.text(role));
        let role = role.or_else(|| session.clone()).or_else(|| caller.issuer.clone());
        if caller.kind.as_deref() == Some("SAMLUser") && members.saml_provider.is_some() {
            let provider = members.saml_provider.map(|provider| names.text(provider));
            caller = names.session(Session { provider, ..Session::clone(&caller) });
        }
        Self {
            key: members.key.map(Arc::from),
            session: session.or_else(|| caller.arn.clone()),
            role,
            source_identity: members.source_identity.map(|name| names.text(name)),
            time,
            ip: None,
            account: None,
            shared: None,
            caller,
        }
    }

    /// Whether an AWS service called, for itself.
    pub(super) fn is_by_service(&self) -> bool {
        self.caller.kind.as_deref() == Some("AWSService")
    }

    /// Of two events of one call, or two calls that seem to give the same key, the one to go by.
    pub(super) fn is_better(&self, other: &Self) -> bool {
        let rank = |issue: &Self| (!issue.caller.is_named(), issue.time);
        (rank(self), &self.caller) < (rank(other), &other.caller)
    }

    /// The identity with which calls are made that use what was issued.
    pub(super) fn issued(&self) -> Session {
        let is_role = self.session.as_deref().is_some_and(is_session);
        let root =
            self.session.as_deref().is_some_and(|arn| arn.ends_with(":root")) && self.role == self.session;
        Session {
            key: self.key.clone(),
            kind: is_role.then(|| Arc::from("AssumedRole")).or_else(|| self.caller.kind.clone()),
            arn: self.session.clone(),
            issuer: self.role.clone(),
            source_identity: self.source_identity.clone(),
            assumed_root: root.then(|| Arc::from("true")),
            created: Some(self.time),
            ..Session::default()
        }
    }
}

/// `arn:aws:iam::1:role/path/NAME` and a session name → `arn:aws:sts::1:assumed-role/NAME/SESSION`.
fn assumed_role(role: &str, session: &str) -> Option<String> {
    let parts = role.splitn(6, ':').collect::<Vec<_>>();
    let &["arn", partition, "iam", _, account, resource] = parts.as_slice() else { return None };
    let name = resource.strip_prefix("role/")?.rsplit('/').next()?;
    Some(format!("arn:{partition}:sts::{account}:assumed-role/{name}/{session}"))
}

/// The target of `AssumeRoot`, an account or the ARN of its root.
fn root_of(target: &str) -> String {
    if target.starts_with("arn:") { target.to_owned() } else { format!("arn:aws:iam::{target}:root") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_session_of_a_role_has_no_path() {
        assert_eq!(
            assumed_role("arn:aws-cn:iam::111122223333:role/team/x/Deploy", "ci").as_deref(),
            Some("arn:aws-cn:sts::111122223333:assumed-role/Deploy/ci")
        );
        assert_eq!(assumed_role("Deploy", "ci"), None);
        assert_eq!(root_of("111122223333"), "arn:aws:iam::111122223333:root");
    }
}
