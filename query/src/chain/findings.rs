//! Findings → findings that name who began.
//!
//! The actor of a finding is the last link of a chain. When that is a session, the identities in the finding's events
//! are walked back: one look at those events, and one for each link at the seconds in which its credentials were issued,
//! for all findings of a run; nothing when there is no such finding.

use super::windows::Windows;
use super::{Chain, Source};
use crate::detect::finding::Finding;
use crate::engine::Engine;
use crate::error::Error;
use std::collections::{BTreeSet, HashSet};
use std::fmt::Write;
use std::sync::Arc;
use std::time::Instant;

/// Different origins that a finding names.
const SHOWN: usize = 3;

/// The entities that are added.
const ENTITIES: [&str; 3] = ["origin", "originType", "chain"];

/// Adds `origin`, `originType` and `chain` to the findings whose actor is a session. What cannot be looked up is left
/// out, with a warning: a finding matters more than where it comes from.
pub(crate) async fn name_origins(engine: &Engine, findings: &mut [Finding]) {
    let mut findings = findings.iter_mut().filter(|finding| is_session(finding)).collect::<Vec<_>>();
    if findings.is_empty() {
        return;
    }
    let began = Instant::now();
    match look_up(engine, &mut findings).await {
        Ok(()) => tracing::debug!(
            "looked for the origin of {} findings: {:.3} s",
            findings.len(),
            began.elapsed().as_secs_f64()
        ),
        Err(error) => tracing::warn!("findings are without origin: {error}"),
    }
}

/// A role, whose sessions have a beginning elsewhere; root may be one, of `AssumeRoot`.
fn is_session(finding: &Finding) -> bool {
    let actor = finding.actor.as_deref().unwrap_or_default();
    actor.contains(":role/") || super::session::is_session(actor) || actor.ends_with(":root")
}

async fn look_up(engine: &Engine, findings: &mut [&mut Finding]) -> Result<(), Error> {
    let Some(source) = Source::of(engine) else { return Ok(()) };
    let ids = findings.iter().flat_map(|finding| &finding.event_ids).cloned().collect::<HashSet<_>>();
    let windows = Windows::of(findings.iter().map(|finding| (finding.first_time, finding.last_time)));
    let sessions = source.sessions(&ids, &windows).await?;
    let chains = source.chains_of(sessions.values().map(|(session, time, _)| (session, *time))).await?;
    for finding in findings {
        let used = finding.event_ids.iter().filter_map(|id| sessions.get(id));
        let used = used.filter(|(session, ..)| session.is_temporary());
        let chains =
            used.map(|(session, time, ip)| chains.of(session, *time, ip.as_ref())).collect::<Vec<_>>();
        let values = told(&chains);
        for (name, value) in ENTITIES.iter().zip(values).filter(|(_, value)| !value.is_empty()) {
            finding.entities.entry((*name).to_owned()).or_insert(value);
        }
    }
    Ok(())
}

/// What a finding says of the chains of its events: each once, and not too many.
fn told(chains: &[Chain]) -> [String; 3] {
    let arrow = |chain: &Chain| chain.path.iter().map(AsRef::as_ref).collect::<Vec<&str>>().join(" → ");
    let origins = chains.iter().map(|chain| (Arc::clone(&chain.origin), chain.origin_type));
    let origins = origins.collect::<BTreeSet<_>>();
    let types = origins.iter().map(|(_, origin_type)| origin_type.name().to_owned()).collect::<BTreeSet<_>>();
    let origins = origins.iter().map(|(origin, _)| origin.to_string()).collect::<BTreeSet<_>>();
    let paths = chains.iter().map(arrow).collect::<BTreeSet<_>>();
    [listed(&origins, ", "), listed(&types, ", "), listed(&paths, "; ")]
}

fn listed(all: &BTreeSet<String>, separator: &str) -> String {
    let mut text = all.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(separator);
    if all.len() > SHOWN {
        let _ = write!(text, "{separator}and {} more", all.len() - SHOWN);
    }
    text
}
