//! `trailhound report`: everything that the lake knows of an entity, as one HTML page.
//!
//! A text is taken for what it names ([`entity`]); that says which events it is about (`scope`); questions over them give
//! the facts (`ask`, `changes`, `events`), and the facts a page (`page`, `picture`, `html`). The page is a file: it loads
//! nothing, and what a log holds is only ever text in it.

pub mod entity;
mod scope;
mod ask;
mod changes;
mod events;
mod html;
mod picture;
mod page;

use crate::engine::Engine;
use crate::error::Error;
use entity::{Kind, candidates};
use page::Heading;
use scope::Scope;
use trailhound_ingest::time;

/// What to report on.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// What it is about, as typed.
    pub entity: String,
    /// What that is; `None`: by its form.
    pub kind: Option<Kind>,
    /// Events from then on, in microseconds since 1970.
    pub since: Option<i64>,
    /// Events before then.
    pub until: Option<i64>,
    /// Events in full, at most.
    pub max_events: usize,
    /// The lake, as the page names it.
    pub lake: String,
}

/// A report.
#[derive(Debug)]
pub struct Report {
    /// The page.
    pub html: String,
    /// What the entity was taken for.
    pub kind: Kind,
    /// Events about it.
    pub events: u64,
    /// Events in the page.
    pub embedded: usize,
}

/// The report on `wanted`.
///
/// # Errors
/// The lake cannot be read, or holds nothing about it.
pub async fn report(engine: &Engine, wanted: &Wanted) -> Result<Report, Error> {
    let Some((kind, scope)) = known(engine, wanted).await? else { return Err(nothing(wanted)) };
    let facts = ask::ask(engine, &scope, wanted.max_events).await?;
    let Some(facts) = facts else { return Err(nothing(wanted)) };
    let heading =
        Heading { entity: &wanted.entity, kind, note: scope.note.as_deref(), source: source(wanted) };
    let html = page::page(&heading, &facts).map_err(|error| Error::Format(error.to_string()))?;
    Ok(Report { html, kind, events: facts.summary.calls, embedded: facts.events.rows.len() })
}

/// The first of what the entity may be that the lake has events of.
async fn known(engine: &Engine, wanted: &Wanted) -> Result<Option<(Kind, Scope)>, Error> {
    let kinds = wanted.kind.as_ref().map_or_else(|| candidates(&wanted.entity), std::slice::from_ref);
    for &kind in kinds {
        let Some(scope) = scope::scope(engine, &wanted.entity, kind).await? else { continue };
        let scope = scope.between(wanted.since, wanted.until);
        if kinds.len() == 1 || ask::is_known(engine, &scope).await? {
            return Ok(Some((kind, scope)));
        }
    }
    Ok(None)
}

/// Where the facts of the page come from.
fn source(wanted: &Wanted) -> String {
    let bound = |word: &str, moment: Option<i64>| {
        moment.map_or_else(String::new, |moment| format!(" {word} {}", time::format(moment)))
    };
    format!(
        "Made by trailhound {} at {} from the lake {}, events{}{}. All times are UTC.",
        env!("CARGO_PKG_VERSION"),
        time::format(time::now()),
        wanted.lake,
        match (wanted.since, wanted.until) {
            (None, None) => " of all times".to_owned(),
            (since, _) => bound("since", since),
        },
        bound("until", wanted.until)
    )
}

fn nothing(wanted: &Wanted) -> Error {
    let kinds = wanted.kind.as_ref().map_or_else(|| candidates(&wanted.entity), std::slice::from_ref);
    let names = kinds.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(" or ");
    Error::Format(format!(
        "nothing in the lake is about the {names} {}\nhint: --kind says what it is, --since and --until take more time",
        wanted.entity
    ))
}
