//! The events under the names of other products: AWS's table for Athena, and Tailpipe's.
//!
//! AWS: <https://docs.aws.amazon.com/athena/latest/ug/create-cloudtrail-table.html>, and the partitions of its table with
//! partition projection. Tailpipe: <https://hub.tailpipe.io/plugins/turbot/aws/tables/aws_cloudtrail_log>. As in
//! `cloudtrail`, the leaf columns stand beside the structs, so that filters prune; so do filters on the partitions, which
//! are made of `date`.

use super::view::{Shape, flat_names, scan_view};
use datafusion::catalog::TableProvider;
use datafusion::catalog::view::ViewTable;
use datafusion::common::Result;
use datafusion::functions::datetime::expr_fn::to_char;
use datafusion::logical_expr::{Expr, ScalarUDF, ident, lit, when};
use std::sync::Arc;
use trailhound_ingest::schema::{DATE, SCHEMA, Table};

/// Columns that can be named and are not part of `SELECT *`: of `cloudtrail` and of Athena's view.
pub(crate) const HIDDEN: [&str; 5] =
    ["eventjson", "account_partition", "region_partition", "date_partition", "$path"];

/// What stands behind [`HIDDEN`], in that order. The partitions are those of AWS's analytics samples.
pub(super) fn hidden(table: &Arc<dyn TableProvider>) -> Vec<Expr> {
    let columns = SCHEMA.columns(Table::Events).map(|(_, node)| node.column.as_str()).chain(["rest"]);
    let columns = columns.filter(|column| table.schema().field_with_name(column).is_ok());
    let fields = columns.flat_map(|column| [lit(column), ident(column)]).collect();
    let record = datafusion::functions::core::expr_fn::named_struct(fields);
    vec![
        call("event_json", vec![record]).alias(HIDDEN[0]),
        ident("recipientaccountid").alias(HIDDEN[1]),
        ident("awsregion").alias(HIDDEN[2]),
        to_char(ident(DATE), lit("%Y/%m/%d")).alias(HIDDEN[3]),
        ident("sourcefile").alias(HIDDEN[4]),
    ]
}

/// Athena's: AWS's columns, and the partitions of its examples.
pub(crate) fn athena(table: Arc<dyn TableProvider>) -> Result<ViewTable> {
    let of_day = |name: &str, pattern: &str| to_char(ident(DATE), lit(pattern)).alias(name);
    let mut more = vec![
        ident("recipientaccountid").alias("account"),
        ident("awsregion").alias("region"),
        of_day("year", "%Y"),
        of_day("month", "%m"),
        of_day("day", "%d"),
        of_day("timestamp", "%Y/%m/%d"),
    ];
    more.extend(hidden(&table));
    scan_view("events", table, &Shape { names: theirs(), rename: str::to_owned }, more)
}

/// Tailpipe's: AWS's names with underscores, and the columns that all its tables have.
pub(crate) fn tailpipe(table: Arc<dyn TableProvider>) -> Result<ViewTable> {
    let arns = call("json_values", vec![call("to_json", vec![ident("resources")]), lit("[*].arn")]);
    let names = |expr: Expr| call("json_items", vec![call("to_json", vec![expr])]);
    let key = ident("useridentity_accesskeyid");
    let long_lived = when(key.clone().like(lit("AKIA%")), key).end()?;
    let name = ident("useridentity_username");
    let users = datafusion::functions_nested::expr_fn::make_array(vec![long_lived, name]);
    let more = vec![
        ident("eventid").alias("tp_id"),
        ident("eventtime").alias("tp_timestamp"),
        ident(DATE).alias("tp_date"),
        ident("recipientaccountid").alias("tp_index"),
        lit("aws_cloudtrail_log").alias("tp_table"),
        ident("sourceipaddress").alias("tp_source_ip"),
        call("as_list", vec![ident("sourceipaddress")]).alias("tp_ips"),
        arns.alias("tp_akas"),
        names(users).alias("tp_usernames"),
        ident("sourcefile").alias("tp_source_location"),
        ident("ingesttime").alias("tp_ingest_timestamp"),
    ];
    scan_view("events", table, &Shape { names: theirs(), rename: snake }, more)
}

/// AWS's names, as documented.
fn theirs() -> Vec<&'static str> {
    SCHEMA.columns(Table::Events).map(|(_, node)| node.path).collect()
}

/// The names of the columns that carry paths into the structs of both views.
pub(super) fn leaves() -> impl Iterator<Item = String> {
    let nested = || theirs().into_iter().filter(|name| name.contains('.'));
    nested().map(flat_names).chain(nested().map(|name| snake(&name.replace('.', "_"))))
}

fn call(name: &str, arguments: Vec<Expr>) -> Expr {
    let function = crate::functions::all().into_iter().find(|function| function.name() == name);
    function.map_or_else(|| lit(name), |function: Arc<ScalarUDF>| function.call(arguments))
}

/// `sourceIPAddress` → `source_ip_address`.
fn snake(name: &str) -> String {
    let characters = name.chars().collect::<Vec<_>>();
    let mut out = String::with_capacity(name.len() + 8);
    for (at, character) in characters.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|at| characters.get(at));
        let after = characters.get(at + 1);
        let is_start = before.is_some_and(|before| before.is_lowercase() || before.is_ascii_digit())
            || before.is_some_and(char::is_ascii_uppercase) && after.is_some_and(char::is_ascii_lowercase);
        if character.is_uppercase() && is_start {
            out.push('_');
        }
        out.push(character.to_ascii_lowercase());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_get_underscores() {
        for (name, expected) in [
            ("sourceIPAddress", "source_ip_address"),
            ("eventID", "event_id"),
            ("ec2RoleDelivery", "ec2_role_delivery"),
            ("tlsVersion", "tls_version"),
            ("webIdFederationData", "web_id_federation_data"),
            ("arn", "arn"),
            ("ARN", "arn"),
        ] {
            assert_eq!(snake(name), expected);
        }
    }
}
