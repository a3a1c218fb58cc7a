//! The SQL functions of ours, by name. None is needed to read the lake; each is plain code without a session, so that
//! a plan that names them can be run elsewhere.

pub(crate) mod json_path;
pub(crate) mod scalar;
mod json_values;
mod lists;
mod policy;

use datafusion::logical_expr::ScalarUDF;
use std::sync::Arc;

/// All of them.
#[must_use]
pub fn all() -> Vec<Arc<ScalarUDF>> {
    vec![
        json_path::json_path(),
        json_values::json_values(),
        json_values::json_items(),
        lists::in_list(),
        lists::as_list(),
        policy::any_account_outside(),
        policy::policy_public(),
        policy::policy_outside(),
    ]
}
