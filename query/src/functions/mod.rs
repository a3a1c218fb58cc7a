//! The SQL functions of ours, by name. None is needed to read the lake; each is plain code without a session, so that
//! a plan that names them can be run elsewhere.

pub(crate) mod json_path;

use datafusion::logical_expr::ScalarUDF;
use std::sync::Arc;

/// All of them.
#[must_use]
pub fn all() -> Vec<Arc<ScalarUDF>> {
    vec![json_path::json_path()]
}
