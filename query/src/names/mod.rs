//! What people type → columns: AWS's own names, in any case, at any depth.
//!
//! A view shows structs beside the flat leaf columns ([`view`], and in the names of other products [`views`]). A statement
//! is read as tokens ([`tokens`], [`bind`]) in our [`dialect`], with [`casts`] of its own; one pass over its syntax tree
//! ([`pass`], with [`relations`], [`select`] and [`unnest`]) turns what follows a column into subscripts and the functions
//! of Athena ([`calls`], [`macros`]) into the engine's; a planner hook makes a leaf column or a JSON lookup of each
//! subscript ([`planner`]); a rewrite gives JSON texts the type of what they are compared with ([`compare`]), and another reads members from their own
//! columns ([`members`]). What Athena
//! has and we have not is in [`unsupported`].

pub(crate) mod view;
pub(crate) mod views;
mod dialect;
mod casts;
mod addresses;
mod tokens;
mod quotes;
pub(crate) mod values;
pub(crate) mod bind;
pub(crate) mod expression;
pub(crate) mod pass;
mod forms;
mod select;
pub(crate) mod relations;
mod unnest;
mod macros;
mod calls;
mod json_path;
mod patterns;
pub(crate) mod unsupported;
pub(crate) mod planner;
pub(crate) mod compare;
pub(crate) mod members;
#[cfg(test)]
mod reference;

use datafusion::common::utils::datafusion_strsim::levenshtein;
use std::sync::LazyLock;
use trailhound_ingest::schema::{DATE, Kind, OURS, SCHEMA, Table};

/// The documented names of the columns of `cloudtrail`, in documented case; dots lead into structs.
pub(crate) static DOCUMENTED: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    let theirs = SCHEMA.columns(Table::Events).map(|(_, node)| node.path);
    theirs.chain(OURS.iter().map(|&(name, ..)| name)).chain([DATE]).collect()
});

/// The columns that hold JSON.
pub(crate) fn is_json_column(column: &str) -> bool {
    let theirs =
        SCHEMA.columns(Table::Events).any(|(_, node)| node.kind == Kind::Json && node.column == column);
    theirs || column == "rest" || column == "eventjson"
}

/// Whether a name in lower case is a column, or a struct, of `cloudtrail`.
pub(crate) fn is_known(lower: &str) -> bool {
    views::HIDDEN.contains(&lower)
        || DOCUMENTED
            .iter()
            .any(|name| name.split('.').next().is_some_and(|head| head.eq_ignore_ascii_case(lower)))
}

/// The name among `names` that is nearest to `word`, if one is near.
pub(crate) fn nearest<'a>(word: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let distance = |name: &str| levenshtein(&word.to_lowercase(), &name.to_lowercase());
    let (distance, name) = names.map(|name| (distance(name), name)).min()?;
    (distance <= 1 + word.len() / 3).then_some(name)
}
