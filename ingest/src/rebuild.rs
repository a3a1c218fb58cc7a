//! Rows → the original records, as JSON texts.
//!
//! In: rows with all columns of a table of records, as written or as a query engine hands them back. Out: for each
//! row a JSON object with the keys and values of the record it came from: numbers digit for digit, null and absent
//! told apart, escapes of half surrogate pairs kept. Only the order of keys, white space and the spelling of
//! escapes may differ. Where `rest` and a column both have a value, `rest` wins.

use crate::schema::{Kind, Node, NodeId, RESOURCE_FIELDS, SCHEMA, Schema, Table, file_schema};
use crate::time;
use crate::transpose::WHOLE;
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray, StructArray};
use arrow::compute::cast;
use arrow::datatypes::TimestampMicrosecondType;
use arrow::error::ArrowError;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt::{Formatter, Write};

/// Why rows could not be turned back into records.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    /// A column was left out.
    #[error("column {0} is missing\nhint: select all columns of the table to rebuild its records")]
    Missing(String),
    /// A column has a type that it cannot be read as.
    #[error("column {column} has type {found}")]
    Type {
        /// The column.
        column: String,
        /// What type it has.
        found: String,
        /// Why it cannot be read.
        #[source]
        source: ArrowError,
    },
    /// The column `rest` is not a JSON object: the file was not written by this tool.
    #[error("rest of row {row} is not a JSON object")]
    Rest {
        /// The row, counted from 0.
        row: usize,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
}

/// The original records of `batch`, one JSON text each.
pub fn rebuild(batch: &RecordBatch, table: Table) -> Result<Vec<String>, RebuildError> {
    let rows = Rows::open(batch, table)?;
    let mut records = Vec::with_capacity(batch.num_rows());
    for row in 0..batch.num_rows() {
        records.push(rows.record(row).map_err(|source| RebuildError::Rest { row, source })?);
    }
    Ok(records)
}

/// The columns that a record is rebuilt from.
struct Rows {
    nodes: &'static Schema,
    /// By node: its column in the types of the file, if it has one in this table.
    columns: Vec<Option<ArrayRef>>,
    rest: ArrayRef,
}

/// The members of a JSON object, in order: the key between its quotes and the value, both as they are in the text.
type Members<'a> = Vec<(&'a str, &'a str)>;

impl Rows {
    fn open(batch: &RecordBatch, table: Table) -> Result<Self, RebuildError> {
        let nodes = &*SCHEMA;
        let mut columns = vec![None; nodes.nodes.len()];
        for (id, node) in nodes.columns(table) {
            columns[usize::from(id)] = Some(column(batch, table, &node.column)?);
        }
        Ok(Self { nodes, columns, rest: column(batch, table, "rest")? })
    }

    fn record(&self, row: usize) -> Result<String, serde_json::Error> {
        let rest = self.rest.as_string::<i32>();
        let rest = if rest.is_null(row) { Vec::new() } else { members(rest.value(row))? };
        if let [(WHOLE, text)] = rest[..] {
            return Ok(text.to_owned());
        }
        let mut out = String::with_capacity(1024);
        self.object(0, row, &rest, &mut out)?;
        Ok(out)
    }

    /// Prints the object `id`: its columns, and `rest` where that has a say.
    fn object(
        &self,
        id: NodeId,
        row: usize,
        rest: &Members<'_>,
        out: &mut String,
    ) -> Result<(), serde_json::Error> {
        let node = self.nodes.node(id);
        out.push('{');
        for &child in &node.children {
            let child_node = self.nodes.node(child);
            let own = rest.iter().find(|(key, _)| *key == child_node.name).map(|&(_, value)| value);
            self.member(child, child_node, row, own, out)?;
        }
        let unknown = |key: &str| !node.children.iter().any(|&child| self.nodes.node(child).name == key);
        for (key, value) in rest.iter().filter(|(key, _)| unknown(key)) {
            print_key(key, out);
            out.push_str(value);
        }
        out.push('}');
        Ok(())
    }

    /// Prints the member `id` with what `rest` has for it, or nothing when the record did not have it.
    fn member(
        &self,
        id: NodeId,
        node: &Node,
        row: usize,
        rest: Option<&str>,
        out: &mut String,
    ) -> Result<(), serde_json::Error> {
        let before = out.len();
        match rest {
            // An object without members is in `rest` as `{}`; one with members adds to those of the columns.
            Some(value) if node.kind == Kind::Object && value.starts_with('{') => {
                print_key(node.name, out);
                self.object(id, row, &members(value)?, out)?;
            }
            Some(value) => {
                print_key(node.name, out);
                out.push_str(value);
            }
            None if node.kind == Kind::Object => {
                print_key(node.name, out);
                let inside = out.len();
                self.object(id, row, &Vec::new(), out)?;
                if out.len() == inside + "{}".len() {
                    out.truncate(before);
                }
            }
            None => {
                if let Some(column) = self.columns[usize::from(id)].as_ref().filter(|c| !c.is_null(row)) {
                    print_key(node.name, out);
                    print_value(node.kind, column, row, out);
                }
            }
        }
        Ok(())
    }
}

/// A column in the type that it has in the file: engines hand texts back as views or dictionaries.
fn column(batch: &RecordBatch, table: Table, name: &str) -> Result<ArrayRef, RebuildError> {
    let found = batch.column_by_name(name).ok_or_else(|| RebuildError::Missing(name.to_owned()))?;
    let schema = file_schema(table);
    let wanted = schema.field_with_name(name).map_err(|_| RebuildError::Missing(name.to_owned()))?;
    cast(found, wanted.data_type()).map_err(|source| RebuildError::Type {
        column: name.to_owned(),
        found: found.data_type().to_string(),
        source,
    })
}

fn print_key(key: &str, out: &mut String) {
    if !out.ends_with('{') {
        out.push(',');
    }
    out.push('"');
    out.push_str(key);
    out.push_str("\":");
}

fn print_value(kind: Kind, column: &ArrayRef, row: usize, out: &mut String) {
    match kind {
        Kind::Text | Kind::Object => print_text(column.as_string::<i32>().value(row), out),
        Kind::Json => out.push_str(column.as_string::<i32>().value(row)),
        Kind::Bool => out.push_str(if column.as_boolean().value(row) { "true" } else { "false" }),
        Kind::Time => {
            let micros = column.as_primitive::<TimestampMicrosecondType>().value(row);
            print_text(&time::format(micros), out);
        }
        Kind::Resources => print_resources(column.as_list::<i32>().value(row).as_struct(), out),
    }
}

fn print_resources(entries: &StructArray, out: &mut String) {
    let columns: [&StringArray; RESOURCE_FIELDS.len()] =
        std::array::from_fn(|at| entries.column(at).as_string());
    out.push('[');
    for row in 0..entries.len() {
        out.push_str(if row == 0 { "{" } else { ",{" });
        for ((name, _), column) in RESOURCE_FIELDS.iter().zip(columns) {
            if !column.is_null(row) {
                print_key(name, out);
                print_text(column.value(row), out);
            }
        }
        out.push('}');
    }
    out.push(']');
}

/// A JSON string; only what has to be escaped is.
fn print_text(text: &str, out: &mut String) {
    out.push('"');
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c == '"' || c == '\\' || c < ' ') {
        out.push_str(&rest[..at]);
        match rest.as_bytes()[at] {
            quote @ (b'"' | b'\\') => out.extend(['\\', char::from(quote)]),
            // Writing to a String cannot fail.
            control => drop(write!(out, "\\u{control:04x}")),
        }
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
    out.push('"');
}

/// Takes a JSON object apart without looking into its values.
fn members(object: &str) -> Result<Members<'_>, serde_json::Error> {
    struct Collect;
    impl<'de> Visitor<'de> for Collect {
        type Value = Members<'de>;
        fn expecting(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
            f.write_str("a JSON object")
        }
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut members = Vec::new();
            while let Some((key, value)) = map.next_entry::<&RawValue, &RawValue>()? {
                members.push((key.get().trim_matches('"'), value.get()));
            }
            Ok(members)
        }
    }
    let mut json = serde_json::Deserializer::from_str(object);
    let members = json.deserialize_map(Collect)?;
    json.end()?;
    Ok(members)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_escaped_where_it_must_be() {
        let mut out = String::new();
        print_text("a\"b\\c\n\u{0}é\u{7f}/", &mut out);
        assert_eq!(out, r#""a\"b\\c\u000a\u0000é"#.to_owned() + "\u{7f}/\"");
    }

    #[test]
    fn members_are_kept_as_they_are() {
        let got = members(r#" {"a" : 1e400, "\ud800":"\udead", "":{"x":[ 1.0 ]}} "#).unwrap();
        assert_eq!(got, [("a", "1e400"), (r"\ud800", r#""\udead""#), ("", r#"{"x":[ 1.0 ]}"#)]);
        assert!(members("[]").is_err() && members("{} x").is_err());
    }

    #[test]
    fn a_column_that_is_missing_is_named() {
        let empty = RecordBatch::new_empty(std::sync::Arc::new(arrow::datatypes::Schema::empty()));
        let error = rebuild(&empty, Table::Events).unwrap_err();
        assert!(error.to_string().starts_with("column eventversion is missing\nhint:"), "{error}");
    }
}
