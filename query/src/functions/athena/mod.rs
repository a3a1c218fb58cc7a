//! Functions of Athena and CloudTrail Lake that DataFusion does not have, or has with another meaning.
//!
//! NULL gives NULL, as there. A value that cannot be read gives NULL too, where Trino would stop the query: what is in
//! a log was written by strangers.

mod json;
mod members;
mod record;
mod rows;
mod texts;
mod times;

use datafusion::logical_expr::ScalarUDF;
use std::sync::Arc;

/// How the names of their chapters begin, by which the reference page sets them apart.
#[cfg(test)]
pub(super) const FROM: &str = "AWS dialect";

const JSON: &str = "AWS dialect: JSON";
const TEXTS: &str = "AWS dialect: texts";
const TIMES: &str = "AWS dialect: times";

/// All of them, as the reference page has them.
pub(super) fn all() -> Vec<Arc<ScalarUDF>> {
    vec![
        json::json_array_get(),
        json::map_keys(),
        json::map_values(),
        json::cardinality(),
        json::to_json(),
        json::map_of(),
        json::count_each(),
        rows::json_rows(),
        rows::row_field(),
        rows::json_member(),
        record::event_json(),
        times::date_add(),
        times::date_diff(),
        times::parse_time(),
        times::time_text(),
        texts::regexp_extract(),
        texts::regexp_extract_all(),
        texts::url_decode(),
    ]
}
