//! An entity → which events it is about: two predicates over `cloudtrail`, and the values in them.
//!
//! What must hold: a predicate is text of ours alone. What was typed, and what a log holds, is a bound value.

use super::ask::rows;
use super::entity::Kind;
use crate::engine::Engine;
use crate::error::Error;
use crate::names::values::{Value, Values};
use std::net::IpAddr;
use trailhound_ingest::time;

/// How far around an event or a finding its surroundings reach.
const AROUND: i64 = 3_600_000_000;

/// The events that a report is about.
#[derive(Clone, Debug)]
pub(super) struct Scope {
    /// What it did; of a resource or an account, what was done in it.
    pub(super) by: String,
    /// What was done to it, where that is something else.
    pub(super) on: Option<String>,
    pub(super) values: Values,
    /// What a reader should know of the choice.
    pub(super) note: Option<String>,
}

impl Scope {
    fn new(entity: &str, by: &str) -> Self {
        let mut scope = Self { by: by.to_owned(), on: None, values: Values::new(), note: None };
        scope.bind("entity", entity);
        // As it stands in JSON, between its quotes: no longer name is taken for it.
        scope.bind("quoted", &serde_json::Value::from(entity).to_string());
        scope
    }

    fn on(mut self, on: &str) -> Self {
        self.on = Some(on.to_owned());
        self
    }

    fn bind(&mut self, name: &str, value: &str) {
        self.values.insert(name.to_owned(), Value::Text(value.to_owned()));
    }

    /// The same from `since` on, and before `until`.
    pub(super) fn between(mut self, since: Option<i64>, until: Option<i64>) -> Self {
        for (name, bound, moment) in [("since", "eventTime >=", since), ("until", "eventTime <", until)] {
            let Some(moment) = moment else { continue };
            self.bind(name, &time::format(moment));
            for predicate in [Some(&mut self.by), self.on.as_mut()].into_iter().flatten() {
                *predicate = format!("({predicate}) AND {bound} ${name}");
            }
        }
        self
    }

    /// All events of the report.
    pub(super) fn all(&self) -> String {
        self.on.as_ref().map_or_else(|| self.by.clone(), |on| format!("({}) OR ({on})", self.by))
    }
}

const IDENTITY_SERVICES: &str = "eventSource IN ('iam.amazonaws.com', 'sts.amazonaws.com', \
    'signin.amazonaws.com', 'sso.amazonaws.com')";

/// Which events are about `entity`. `None`: there is no such event or finding.
pub(super) async fn scope(engine: &Engine, entity: &str, kind: Kind) -> Result<Option<Scope>, Error> {
    Ok(Some(match kind {
        Kind::Key => Scope::new(entity, "userIdentity.accessKeyId = $entity").on(&format!(
            "{IDENTITY_SERVICES} AND (strpos(requestParameters, $quoted) > 0 OR strpos(responseElements, $quoted) > 0)"
        )),
        Kind::Ip => {
            let mut scope = Scope::new(entity, "sourceIPAddress IN ($entity, $canonical)");
            let canonical = entity.parse::<IpAddr>().map(|ip| ip.to_string());
            scope.bind("canonical", canonical.as_deref().unwrap_or(entity));
            scope
        }
        Kind::Principal => principal(entity),
        Kind::User => user(entity),
        Kind::Account => {
            Scope::new(entity, "recipientAccountId = $entity OR userIdentity.accountId = $entity")
        }
        Kind::Resource => resource(entity),
        Kind::Event => return event(engine, entity).await,
        Kind::Finding => return finding(engine, entity).await,
    }))
}

/// A session acts as itself; a role through its sessions, a user also through those of `GetFederationToken`.
fn principal(arn: &str) -> Scope {
    let by = "userIdentity.arn = $entity OR userIdentity.sessionContext.sessionIssuer.arn = $entity";
    let mut scope = Scope::new(arn, by).on(&format!(
        "{IDENTITY_SERVICES} AND (strpos(requestParameters, $quoted) > 0 OR strpos(responseElements, $quoted) > 0 \
         OR (recipientAccountId = $account AND (requestParameters.userName = $name OR requestParameters.roleName = $name)))"
    ));
    let account = arn.split(':').nth(4).unwrap_or_default();
    let name = arn.rsplit(['/', ':']).next().unwrap_or_default();
    // The name of a session is that of no user.
    let name = if arn.contains(":iam:") { name } else { "" };
    scope.bind("account", account);
    scope.bind("name", name);
    scope
}

fn user(name: &str) -> Scope {
    let by = "userIdentity.userName = $entity OR ends_with(userIdentity.arn, $tail) \
        OR userIdentity.sessionContext.sessionIssuer.userName = $entity \
        OR userIdentity.principalId = $entity OR starts_with(userIdentity.principalId, $head)";
    let mut scope = Scope::new(name, by).on(&format!(
        "{IDENTITY_SERVICES} AND $entity IN (requestParameters.userName, requestParameters.roleName, \
         requestParameters.roleSessionName)"
    ));
    scope.bind("tail", &format!("/{name}"));
    scope.bind("head", &format!("{name}:"));
    scope
}

/// A resource is named in the list of resources, or by a value of the request or of the answer.
fn resource(entity: &str) -> Scope {
    let named = "strpos(requestParameters, $quoted) > 0 OR strpos(responseElements, $quoted) > 0 \
        OR coalesce(cardinality(filter(resources, r -> r.arn = $arn OR starts_with(r.arn, $below))), 0) > 0";
    let parts = entity.splitn(6, ':').collect::<Vec<_>>();
    let ["arn", _, service, _, account, name] = parts.as_slice() else {
        let mut scope = Scope::new(entity, named);
        // What has no ARN of its own among the resources is most often a bucket, or a thing in one.
        scope.bind("arn", &format!("arn:aws:s3:::{entity}"));
        scope.bind("below", &format!("arn:aws:s3:::{entity}/"));
        return scope;
    };
    // Requests name most things without their ARN. That holds for its service, and its account where it has one.
    let by_name = "eventSource = $service AND $account IN ('', recipientAccountId) \
        AND strpos(requestParameters, $name) > 0 AND strpos(requestParameters, $also) > 0";
    let mut scope = Scope::new(entity, &format!("{named} OR ({by_name})"));
    scope.bind("arn", entity);
    scope.bind("below", &format!("{}/", entity.trim_end_matches('/')));
    scope.bind("service", &format!("{service}.amazonaws.com"));
    scope.bind("account", account);
    let (name, also) = match *service {
        // The key of an object is in another field than its bucket.
        "s3" => name.split_once('/').unwrap_or((name, name)),
        _ => name.rsplit(['/', ':']).next().map_or((*name, *name), |last| (last, last)),
    };
    scope.bind("name", &serde_json::Value::from(name).to_string());
    scope.bind("also", &serde_json::Value::from(also).to_string());
    scope
}

/// An event, and what was done with its credentials an hour before and after.
async fn event(engine: &Engine, id: &str) -> Result<Option<Scope>, Error> {
    let lookup = Scope::new(id, "");
    let sql = "SELECT CAST(eventTime AS BIGINT), userIdentity.accessKeyId, actor, sourceIPAddress \
        FROM cloudtrail WHERE eventID = $entity LIMIT 1";
    let found = rows(engine, sql, &lookup.values).await?;
    let Some([at, key, actor, ip]) = found.first().map(Vec::as_slice) else { return Ok(None) };
    let same = match (key.as_str(), actor.as_str()) {
        ("", "") => "false",
        ("", _) => "actor = $actor AND sourceIPAddress = $ip",
        _ => "userIdentity.accessKeyId = $key",
    };
    let mut scope =
        Scope::new(id, &format!("eventID = $entity OR ({same} AND eventTime >= $from AND eventTime <= $to)"));
    let at = at.parse().unwrap_or(0_i64);
    for (name, value) in [("key", key.as_str()), ("actor", actor), ("ip", ip)] {
        scope.bind(name, value);
    }
    scope.bind("from", &time::format(at.saturating_sub(AROUND)));
    scope.bind("to", &time::format(at.saturating_add(AROUND)));
    let with = if key.is_empty() { "its actor from its address" } else { "its access key" };
    scope.note = Some(format!("The event, and what {with} did in the hour before and after it."));
    Ok(Some(scope))
}

/// The events of a finding, and what its actor did from an hour before to an hour after.
async fn finding(engine: &Engine, id: &str) -> Result<Option<Scope>, Error> {
    let lookup = Scope::new(id, "");
    let sql = "SELECT CAST(firsttime AS BIGINT), CAST(lasttime AS BIGINT), actor, array_to_string(eventids, ' ') \
        FROM findings WHERE id = $entity LIMIT 1";
    let found = rows(engine, sql, &lookup.values).await?;
    let Some([first, last, actor, samples]) = found.first().map(Vec::as_slice) else { return Ok(None) };
    let mut scope = Scope::new(
        id,
        "in_list(eventID, $samples) OR (actor = $actor AND eventTime >= $from AND eventTime <= $to)",
    );
    let samples = samples.split(' ').filter(|id| !id.is_empty()).map(str::to_owned).collect();
    scope.values.insert("samples".to_owned(), Value::Texts(samples));
    scope.bind("actor", actor);
    let moment = |text: &String| text.parse().unwrap_or(0_i64);
    scope.bind("from", &time::format(moment(first).saturating_sub(AROUND)));
    scope.bind("to", &time::format(moment(last).saturating_add(AROUND)));
    scope.note = Some(
        "The events of the finding, and what its actor did from an hour before to an hour after.".to_owned(),
    );
    Ok(Some(scope))
}
