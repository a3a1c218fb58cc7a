//! What people type → columns: AWS's own names, in any case, at any depth.
//!
//! A view shows structs beside the flat leaf columns ([`view`]); one lexical pass over the syntax tree turns what
//! follows a column into subscripts ([`pass`], with its [`dialect`], [`tokens`] and [`macros`]); a planner hook makes a
//! leaf column or a JSON lookup of each subscript ([`planner`]); a rewrite gives JSON texts the type of what they are
//! compared with ([`compare`]).

#![expect(clippy::many_single_char_names, reason = "short names of a syntax tree's parts; to be spelled out")]

pub(crate) mod view;
pub(crate) mod dialect;
pub(crate) mod tokens;
pub(crate) mod bind;
pub(crate) mod macros;
pub(crate) mod pass;
pub(crate) mod planner;
pub(crate) mod compare;

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
    theirs || column == "rest"
}

/// Whether a name in lower case is a column, or a struct, of `cloudtrail`.
pub(crate) fn known(lower: &str) -> bool {
    DOCUMENTED.iter().any(|name| name.split('.').next().is_some_and(|head| head.eq_ignore_ascii_case(lower)))
}

/// The name of `of` that is nearest to `word`, if one is near.
pub(crate) fn nearest<'a>(w: &str, of: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    of.map(|c| {
        (datafusion::common::utils::datafusion_strsim::levenshtein(&w.to_lowercase(), &c.to_lowercase()), c)
    })
    .min()
    .filter(|(d, _)| *d <= 1 + w.len() / 3)
    .map(|x| x.1)
}
