//! Names that can be typed: tables, columns as AWS writes them, functions.

use crate::chain::{ACTOR_CHAIN, COLUMNS};
use crate::engine::{CLOUDTRAIL, Engine};
use crate::names::DOCUMENTED;
use datafusion::arrow::datatypes::{DataType, SchemaRef};
use trailhound_ingest::schema::{OURS, SCHEMA, Table};

/// The schema whose tables need no prefix.
const PUBLIC: &str = "public";

/// The tables of an engine, sorted.
pub(super) fn tables(engine: &Engine) -> Vec<String> {
    let session = engine.session();
    let mut tables = Vec::new();
    for catalog in session.catalog_names().iter().filter_map(|name| session.catalog(name)) {
        for name in catalog.schema_names().into_iter().filter(|name| name != "information_schema") {
            let Some(schema) = catalog.schema(&name) else { continue };
            let named = |table| if name == PUBLIC { table } else { format!("{name}.{table}") };
            tables.extend(schema.table_names().into_iter().map(named));
        }
    }
    tables.sort_unstable();
    tables
}

/// A column, its type in a word, and what it means.
pub(super) struct Column {
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) about: &'static str,
}

/// The columns of a table; those of `cloudtrail` down to the members of its structs.
pub(super) async fn columns(engine: &Engine, table: &str) -> Result<Vec<Column>, crate::Error> {
    let schema = engine.session().table_provider(table).await?.schema();
    if table == CLOUDTRAIL {
        return Ok(DOCUMENTED.iter().filter_map(|name| documented(&schema, name)).collect());
    }
    let names = if table == ACTOR_CHAIN { &COLUMNS[..] } else { &[] };
    let column = |name: &str, data_type: &DataType| Column {
        name: names
            .iter()
            .find(|known| known.eq_ignore_ascii_case(name))
            .map_or(name, |known| known)
            .to_owned(),
        kind: kind(data_type).to_owned(),
        about: "",
    };
    Ok(schema.fields().iter().map(|field| column(field.name(), field.data_type())).collect())
}

fn documented(schema: &SchemaRef, name: &str) -> Option<Column> {
    let field = schema.field_with_name(&name.replace('.', "_").to_lowercase()).ok()?;
    let theirs = SCHEMA.columns(Table::Events).find(|(_, node)| node.path == name).map(|(_, node)| node.doc);
    let ours = || OURS.iter().find(|ours| ours.0 == name).map(|ours| ours.2);
    let about = theirs.or_else(ours).unwrap_or("The day of the event, UTC.");
    let kind = if crate::names::is_json_column(field.name()) { "JSON" } else { kind(field.data_type()) };
    Some(Column { name: name.to_owned(), kind: kind.to_owned(), about })
}

/// A type in the word of people.
fn kind(data_type: &DataType) -> &'static str {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "text",
        DataType::Boolean => "boolean",
        DataType::Timestamp(..) => "timestamp",
        DataType::Date32 | DataType::Date64 => "date",
        DataType::List(_) | DataType::LargeList(_) => "list",
        DataType::Struct(_) => "struct",
        DataType::Map(..) => "map",
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => "bytes",
        number if number.is_numeric() => "number",
        _ => "other",
    }
}

/// The functions of an engine, sorted.
pub(super) fn functions(engine: &Engine) -> Vec<String> {
    let state = engine.session().state();
    let (scalar, aggregate, window) =
        (state.scalar_functions(), state.aggregate_functions(), state.window_functions());
    let mut names = scalar.keys().chain(aggregate.keys()).chain(window.keys()).cloned().collect::<Vec<_>>();
    names.sort_unstable();
    names.dedup();
    names
}
