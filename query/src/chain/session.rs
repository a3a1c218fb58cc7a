//! The identity in one event: who called, with which credentials, and what it says of where they come from.

use std::sync::Arc;

/// A text, if there is one.
pub type Text = Option<Arc<str>>;

/// What CloudTrail rounds away, and clocks of two services differ by, in microseconds.
pub(super) const SLACK: i64 = 5_000_000;

/// The longest that credentials live: 36 hours, for `GetSessionToken` and `GetFederationToken`; a role's live for 12
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_request.html>).
pub(super) const LIFE: i64 = 36 * 3_600_000_000;

/// `userIdentity`, as far as a chain needs it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Session {
    /// `accessKeyId`.
    pub key: Text,
    /// `type`.
    pub kind: Text,
    /// `arn`: of a role session, `arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION`.
    pub arn: Text,
    /// `principalId`.
    pub principal: Text,
    /// `accountId`.
    pub account: Text,
    /// `userName`.
    pub user: Text,
    /// `identityProvider`, or the SAML provider that the request named.
    pub provider: Text,
    /// `invokedBy`.
    pub service: Text,
    /// `onBehalfOf.userId`: a user of IAM Identity Center.
    pub on_behalf_of: Text,
    /// `inScopeOf.credentialsIssuedTo`: the function or task that has the credentials.
    pub issued_to: Text,
    /// `sessionContext.sessionIssuer.arn`: the role, or the user who asked for a token.
    pub issuer: Text,
    /// `sessionContext.webIdFederationData.federatedProvider`.
    pub web_provider: Text,
    /// `sessionContext.sourceIdentity`.
    pub source_identity: Text,
    /// `sessionContext.ec2RoleDelivery`.
    pub ec2_delivery: Text,
    /// `sessionContext.assumedRoot`.
    pub assumed_root: Text,
    /// `sessionContext.attributes.creationDate`, in microseconds since 1970.
    pub created: Option<i64>,
}

/// What kind of actor begins a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum OriginType {
    /// An IAM user.
    IamUser,
    /// The root user of an account.
    Root,
    /// A user of a SAML identity provider.
    Saml,
    /// A subject of an OIDC identity provider: a pipeline, a pod, a person.
    Oidc,
    /// A user of IAM Identity Center.
    IdentityCenter,
    /// An AWS service, or the function or task that it runs.
    Service,
    /// An EC2 instance.
    Instance,
    /// The first link is not known; whoever it was named this source identity.
    SourceIdentity,
    /// The first link is not known.
    Unknown,
}

impl OriginType {
    /// As it is shown.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::IamUser => "IAM user",
            Self::Root => "root",
            Self::Saml => "SAML",
            Self::Oidc => "OIDC",
            Self::IdentityCenter => "Identity Center",
            Self::Service => "service",
            Self::Instance => "instance",
            Self::SourceIdentity => "source identity",
            Self::Unknown => "unknown",
        }
    }
}

impl Session {
    /// Whether the credentials were issued, for a time. Keys that are say so
    /// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids>).
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        let is_key = || self.key.as_ref().is_some_and(|key| key.starts_with("ASIA"));
        self.created.is_some() || self.session_arn().is_some() || is_key()
    }

    /// The first and the last time at which the credentials that are in use at `time` can have been issued. Sessions say
    /// when they were created, which is when "the temporary security credentials were issued"
    /// (<https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html>).
    pub(super) fn issued_within(&self, time: i64) -> (i64, i64) {
        let (first, last) =
            self.created.map_or((time.saturating_sub(LIFE), time), |created| (created, created));
        (first.saturating_sub(SLACK), last.saturating_add(SLACK))
    }

    /// The ARN, if it is that of a session which somebody was issued.
    pub(super) fn session_arn(&self) -> Option<&Arc<str>> {
        let is_root = self.assumed_root.as_deref() == Some("true");
        self.arn.as_ref().filter(|arn| is_root || is_session(arn))
    }

    /// The last part of the ARN of a session: its name.
    pub(super) fn name(&self) -> Option<&str> {
        let arn = self.arn.as_deref().filter(|arn| is_session(arn));
        let id = arn.or(self.principal.as_deref().filter(|id| id.contains(':')));
        id?.rsplit(['/', ':']).next()
    }

    /// The best name of this identity.
    pub(super) fn label(&self) -> Arc<str> {
        let service =
            (self.kind.as_deref() == Some("AWSService")).then_some(&self.service).and_then(Option::as_ref);
        let all = [service, self.arn.as_ref(), self.user.as_ref(), self.on_behalf_of.as_ref()];
        let more = [self.service.as_ref(), self.principal.as_ref(), self.account.as_ref(), self.key.as_ref()];
        let best = all.into_iter().chain(more).flatten().next();
        best.cloned().unwrap_or_else(|| Arc::from("(unknown)"))
    }

    /// The account of the identity.
    pub(super) fn account(&self) -> Text {
        let of_arn =
            || Some(Arc::from(self.arn.as_deref()?.split(':').nth(4).filter(|part| !part.is_empty())?));
        self.account.clone().or_else(of_arn)
    }

    /// Who is behind this identity, as far as it says so itself. `role` is what it got credentials for, if it did.
    pub(super) fn origin(&self, role: Option<&str>) -> (OriginType, Arc<str>) {
        let label = || self.label();
        let user = || self.user.clone().unwrap_or_else(label);
        match self.kind.as_deref().unwrap_or_default() {
            "Root" if self.assumed_root.as_deref() != Some("true") => (OriginType::Root, label()),
            "IAMUser" => (OriginType::IamUser, label()),
            "SAMLUser" if self.is_identity_center(role) => (OriginType::IdentityCenter, user()),
            "SAMLUser" => (OriginType::Saml, user()),
            "WebIdentityUser" => (OriginType::Oidc, user()),
            "IdentityCenterUser" => (OriginType::IdentityCenter, user()),
            "AWSService" => (OriginType::Service, label()),
            // A call from an account whose trail is not in the lake: the id says no more than what it is of.
            "AWSAccount" if self.principal.as_deref().is_some_and(|id| id.starts_with("AIDA")) => {
                (OriginType::IamUser, label())
            }
            _ => self.of_session().unwrap_or_else(|| (OriginType::Unknown, label())),
        }
    }

    /// What a session tells of its beginning when the event that issued it is not known.
    pub(super) fn of_session(&self) -> Option<(OriginType, Arc<str>)> {
        let issuer = self.issuer.as_deref().unwrap_or_default();
        if let Some(to) = &self.issued_to {
            return Some((OriginType::Service, Arc::clone(to)));
        }
        let name = self.name();
        if let Some(name) = name.filter(|name| self.ec2_delivery.is_some() || is_instance(name)) {
            return Some((OriginType::Instance, Arc::from(name)));
        }
        if let Some((_, service)) = issuer.split_once(":role/aws-service-role/") {
            return Some((OriginType::Service, Arc::from(service.split('/').next().unwrap_or(service))));
        }
        if let Some(name) = name.filter(|_| self.is_identity_center(Some(issuer))) {
            return Some((OriginType::IdentityCenter, Arc::from(name)));
        }
        if self.web_provider.is_some() {
            return Some((OriginType::Oidc, self.label()));
        }
        if issuer.contains(":user/") {
            return Some((OriginType::IamUser, Arc::from(issuer)));
        }
        issuer.ends_with(":root").then(|| (OriginType::Root, Arc::from(issuer)))
    }

    /// Roles of Identity Center have reserved names, and so has its SAML provider in each account.
    fn is_identity_center(&self, role: Option<&str>) -> bool {
        let provider = self.provider.as_deref().unwrap_or_default();
        let role = role.unwrap_or_default();
        provider.contains(":saml-provider/AWSSSO_") || role.contains("/AWSReservedSSO_")
    }

    /// Whether it names somebody, and not only their account.
    pub(super) fn is_named(&self) -> bool {
        self.kind.as_deref() != Some("AWSAccount")
    }
}

/// Whether an ARN is that of temporary credentials.
pub(super) fn is_session(arn: &str) -> bool {
    arn.contains(":assumed-role/") || arn.contains(":federated-user/")
}

/// `i-` and 8 or 17 digits of a hexadecimal number: what EC2 calls the session of an instance.
fn is_instance(name: &str) -> bool {
    let id = name.strip_prefix("i-").unwrap_or_default();
    matches!(id.len(), 8 | 17) && id.bytes().all(|byte| byte.is_ascii_hexdigit())
}
