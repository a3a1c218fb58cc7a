//! The tables of published queries → ours.
//!
//! An event data store, or what stands for one, is `cloudtrail`; the table that AWS's documentation has for Athena is
//! the view `athena.cloudtrail_logs`, and Tailpipe's the view `tailpipe.aws_cloudtrail_log`, in whatever database they
//! are said to be. The name that was written stays as an alias, so that columns can be qualified by it.

use crate::engine::CLOUDTRAIL;
use datafusion::sql::sqlparser::ast::{Ident, ObjectName, ObjectNamePart, TableAlias, TableFactor};
use std::collections::HashSet;

/// The view with the columns of AWS's table in Athena.
pub(crate) const ATHENA: [&str; 2] = ["athena", "cloudtrail_logs"];
/// The view with the columns of Tailpipe's table.
pub(crate) const TAILPIPE: [&str; 2] = ["tailpipe", "aws_cloudtrail_log"];

/// Gives a table of a published query its name here; `ctes` are the names that the statement itself makes.
pub(super) fn rename(factor: &mut TableFactor, ctes: &HashSet<String>) {
    let TableFactor::Table { name, alias, args: None, .. } = factor else { return };
    let parts = name.0.iter().filter_map(|part| part.as_ident()).map(|ident| ident.value.to_lowercase());
    let parts = parts.collect::<Vec<_>>();
    let [schema @ .., table] = parts.as_slice() else { return };
    if schema.is_empty() && ctes.contains(table) {
        return;
    }
    let Some(ours) = ours(schema, table) else { return };
    if alias.is_none() {
        let written = Ident::with_quote('"', table);
        *alias = Some(TableAlias { explicit: true, name: written, columns: Vec::new(), at: None });
    }
    *name = ObjectName(ours.iter().map(|part| ObjectNamePart::Identifier(Ident::new(*part))).collect());
}

/// What is meant by a name in lower case; `None` if it is a name of ours, or none that is known.
fn ours(schema: &[String], table: &str) -> Option<&'static [&'static str]> {
    let is_own = matches!(
        schema.last().map(String::as_str),
        Some("athena" | "tailpipe" | "public" | "information_schema")
    );
    if is_own {
        return None;
    }
    if table.starts_with("cloudtrail_logs") {
        return Some(&ATHENA);
    }
    if table == TAILPIPE[1] {
        return Some(&TAILPIPE);
    }
    let is_store = schema.is_empty() && is_store(table);
    let is_other_database = !schema.is_empty() && table == CLOUDTRAIL;
    (is_store || is_other_database).then_some(&[CLOUDTRAIL])
}

/// Whether a name stands for an event data store.
fn is_store(name: &str) -> bool {
    let letters = name.chars().filter(char::is_ascii_alphanumeric).collect::<String>();
    name.starts_with(['$', '<', '[', '{'])
        || is_uuid(name)
        || name.starts_with("arn:") && name.contains("eventdatastore/")
        || letters.contains("eventdatastore")
        || matches!(letters.as_str(), "eds" | "edsid")
}

fn is_uuid(text: &str) -> bool {
    let fits = |(at, byte): (usize, u8)| {
        if matches!(at, 8 | 13 | 18 | 23) { byte == b'-' } else { byte.is_ascii_hexdigit() }
    };
    text.len() == 36 && text.bytes().enumerate().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_have_our_names() {
        for (name, expected) in [
            ("12345678-0abc-4e12-8def-123456789abc", Some("cloudtrail")),
            ("<eds id>", Some("cloudtrail")),
            ("config_event_data_store_id", Some("cloudtrail")),
            ("eds-id", Some("cloudtrail")),
            ("default.cloudtrail_logs", Some("athena.cloudtrail_logs")),
            ("cloudtrail_logs_aws_cloudtrail_logs_1", Some("athena.cloudtrail_logs")),
            ("db.cloudtrail", Some("cloudtrail")),
            ("aws_cloudtrail_log", Some("tailpipe.aws_cloudtrail_log")),
            ("cloudtrail", None),
            ("public.cloudtrail", None),
            ("athena.cloudtrail_logs", None),
            ("logfiles", None),
            ("needs", None),
        ] {
            let parts = name.split('.').map(str::to_owned).collect::<Vec<_>>();
            let (schema, table) = parts.split_at(parts.len() - 1);
            assert_eq!(ours(schema, &table[0]).map(|parts| parts.join(".")).as_deref(), expected, "{name}");
        }
    }
}
