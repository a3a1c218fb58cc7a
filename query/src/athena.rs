//! A lake on S3 → the statements that make it known to Amazon Athena.
//!
//! In: the URL of a lake, and the name of a database in the Glue Data Catalog. Out: a statement for the database, one
//! for each Delta table, and one for the view `cloudtrail`. The view has the columns of AWS's table over log files
//! (<https://docs.aws.amazon.com/athena/latest/ug/create-cloudtrail-table-partition-projection.html>) by name, nesting
//! and type, and the members that AWS's table lacks. What must hold: its columns are those of the node table; what a
//! caller wrote cannot leave its quotes.
//!
//! Of a Delta table Athena reads columns and partitions from the log, and takes nothing but the place
//! (<https://docs.aws.amazon.com/athena/latest/ug/delta-lake-tables-getting-started.html>). So there is no partition
//! projection, and nothing to repair. A table over the Parquet files without the log is left out on purpose: the folder
//! also holds files that no version names, or no longer does, and their rows would count as well.

use crate::engine::CLOUDTRAIL;
use crate::error::Error;
use serde::Serialize;
use trailhound_ingest::lake::{LakeTable, lake_url};
use trailhound_ingest::schema::{DATE, Kind, Node, OURS, RESOURCE_FIELDS, SCHEMA, Table};

/// A statement. Athena takes one at a time.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Statement {
    /// What it makes: the database, a table or the view.
    pub name: String,
    /// Its text, without a semicolon.
    pub sql: String,
}

/// What a statement may be asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Relation {
    /// A Delta table.
    Table(LakeTable),
    /// The view `cloudtrail`.
    View,
}

impl Relation {
    /// All of them; the view comes after what it reads.
    pub fn all() -> impl Iterator<Item = Self> {
        LakeTable::ALL.into_iter().map(Self::Table).chain([Self::View])
    }

    /// Its name in Athena.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Table(table) => table.name(),
            Self::View => CLOUDTRAIL,
        }
    }
}

/// The statements for what is `wanted` of the lake at `lake`, in the order in which they have to run; for everything,
/// the database included, if nothing is named. The lake is not looked at.
///
/// # Errors
/// [`Error::Athena`] if the lake is not on S3, or if its URL or the name of the database cannot be quoted.
pub fn statements(lake: &str, database: &str, wanted: &[Relation]) -> Result<Vec<Statement>, Error> {
    let place = location(lake)?;
    check_database(database)?;
    let first = wanted.is_empty().then(|| Statement {
        name: database.to_owned(),
        sql: format!("CREATE DATABASE IF NOT EXISTS `{database}`"),
    });
    let named = Relation::all().filter(|relation| wanted.is_empty() || wanted.contains(relation));
    let rest = named.map(|relation| Statement {
        name: relation.name().to_owned(),
        sql: match relation {
            Relation::Table(table) => create_table(database, table.name(), &place),
            Relation::View => create_view(database),
        },
    });
    Ok(first.into_iter().chain(rest).collect())
}

/// Characters of a URL that mean themselves between single quotes, to Hive's parser and to Trino's: Athena hands its
/// statements to one or the other.
fn is_plain(character: char) -> bool {
    character.is_ascii_alphanumeric() || "-_.!()=+/".contains(character)
}

/// `s3://bucket/prefix/`.
fn location(lake: &str) -> Result<String, Error> {
    let url = lake_url(lake)?;
    let Some(place) = url.as_str().strip_prefix("s3://") else {
        return Err(Error::Athena(format!(
            "lake '{lake}' is a folder, and Athena reads S3 only\nhint: give s3://bucket/prefix"
        )));
    };
    if !place.chars().all(is_plain) {
        return Err(Error::Athena(format!(
            "lake '{lake}' cannot be named in a statement for Athena\nhint: letters, digits and -_.!()=+/ can be quoted, other characters cannot"
        )));
    }
    Ok(url.into())
}

/// Athena folds names to lower case, and warns of all special characters but the underscore
/// (<https://docs.aws.amazon.com/athena/latest/ug/tables-databases-columns-names.html>). Many databases have a hyphen,
/// which works in quotes.
fn check_database(name: &str) -> Result<(), Error> {
    let is_allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
    if (1..=255).contains(&name.len()) && name.chars().all(is_allowed) {
        return Ok(());
    }
    Err(Error::Athena(format!(
        "'{name}' cannot be the name of a database in Athena\nhint: it has lower-case letters, digits, _ and -, 255 of them at most"
    )))
}

fn create_table(database: &str, table: &str, lake: &str) -> String {
    format!(
        "CREATE EXTERNAL TABLE IF NOT EXISTS `{database}`.`{table}`\nLOCATION '{lake}{table}/'\nTBLPROPERTIES ('table_type' = 'DELTA')"
    )
}

fn create_view(database: &str) -> String {
    let theirs = SCHEMA.node(0).children.iter().map(|&id| SCHEMA.node(id));
    let theirs = theirs.filter(|node| node.is_in(Table::Events)).map(column);
    let ours = OURS.iter().map(|&(name, kind, _)| named(name, value_of(kind, name)));
    let columns = theirs.chain(ours).chain([quoted(DATE)]).collect::<Vec<_>>().join(",\n  ");
    let (view, events) = (quoted(CLOUDTRAIL), quoted(LakeTable::Events.name()));
    let database = quoted(database);
    format!("CREATE OR REPLACE VIEW {database}.{view} AS\nSELECT\n  {columns}\nFROM {database}.{events}")
}

/// A column of the view. No condition stands around a row, as "NULL if all is": Trino takes `useridentity.arn` out of a
/// plain `CAST(ROW(…))`, reads that column alone, and skips files by its statistics.
fn column(node: &Node) -> String {
    let name = node.name.to_lowercase();
    if node.kind != Kind::Object {
        return named(&name, value_of(node.kind, &node.column));
    }
    let (values, types) = (members(node, value), members(node, field));
    let line = ",\n    ";
    let row = format!("CAST(ROW(\n    {}\n  ) AS ROW(\n    {}\n  ))", values.join(line), types.join(line));
    named(&name, row)
}

/// What `of` makes of each member of an object.
fn members(node: &Node, of: fn(&Node) -> String) -> Vec<String> {
    let members = node.children.iter().map(|&id| SCHEMA.node(id));
    members.filter(|member| member.is_in(Table::Events)).map(of).collect()
}

fn value(node: &Node) -> String {
    match node.kind {
        Kind::Object => format!("ROW({})", members(node, value).join(", ")),
        kind => value_of(kind, &node.column),
    }
}

/// A member and its type, as in the definition of a row.
fn field(node: &Node) -> String {
    let name = quoted(&node.name.to_lowercase());
    match node.kind {
        Kind::Object => format!("{name} ROW({})", members(node, field).join(", ")),
        Kind::Resources => {
            let fields = RESOURCE_FIELDS.map(|(_, column)| format!("{} varchar", quoted(column)));
            format!("{name} ARRAY(ROW({}))", fields.join(", "))
        }
        Kind::Text | Kind::Time | Kind::Bool | Kind::Json => format!("{name} varchar"),
    }
}

/// A column of the lake as AWS's table has it: truth values and times are texts there. For times there is no choice:
/// Trino reads those of Delta with a time zone, and a view in Glue cannot have a column of that type.
fn value_of(kind: Kind, column: &str) -> String {
    let column = quoted(column);
    match kind {
        Kind::Bool => format!("CAST({column} AS varchar)"),
        Kind::Time => format!("date_format({column}, '%Y-%m-%dT%H:%i:%sZ')"),
        Kind::Text | Kind::Json | Kind::Object | Kind::Resources => column,
    }
}

/// `value` under `name`, which it may have already.
fn named(name: &str, value: String) -> String {
    let name = quoted(name);
    if value == name { value } else { format!("{value} AS {name}") }
}

fn quoted(name: &str) -> String {
    format!("\"{name}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sql(wanted: Relation) -> String {
        let mut all = statements("s3://logs/lake", "audit-logs", &[wanted]).unwrap();
        assert_eq!((all.len(), all[0].name.as_str()), (1, wanted.name()));
        all.remove(0).sql
    }

    fn refusal(lake: &str, database: &str) -> String {
        statements(lake, database, &[]).unwrap_err().to_string()
    }

    #[test]
    fn a_table_has_its_place_and_nothing_else() {
        assert_eq!(
            sql(Relation::Table(LakeTable::Findings)),
            "CREATE EXTERNAL TABLE IF NOT EXISTS `audit-logs`.`findings`\nLOCATION 's3://logs/lake/findings/'\nTBLPROPERTIES ('table_type' = 'DELTA')"
        );
    }

    #[test]
    fn the_view_has_the_names_and_types_of_aws() {
        let view = sql(Relation::View);
        assert!(view.starts_with(
            "CREATE OR REPLACE VIEW \"audit-logs\".\"cloudtrail\" AS\nSELECT\n  \"eventversion\",\n  CAST(ROW(\n    \"useridentity_type\",\n"
        ));
        assert!(view.ends_with(
            "date_format(\"ingesttime\", '%Y-%m-%dT%H:%i:%sZ') AS \"ingesttime\",\n  \"date\"\nFROM \"audit-logs\".\"events\""
        ));
        for part in [
            "\n  )) AS \"useridentity\",\n",
            "\n  date_format(\"eventtime\", '%Y-%m-%dT%H:%i:%sZ') AS \"eventtime\",\n",
            "\n  CAST(\"readonly\" AS varchar) AS \"readonly\",\n",
            "\n  \"requestparameters\",\n",
            "\n  \"resources\",\n",
            "\n    \"addendum_reason\",\n",
            "\"sessionissuer\" ROW(\"type\" varchar, \"principalid\" varchar, \"arn\" varchar, ",
            "ROW(\"useridentity_sessioncontext_attributes_creationdate\", ",
        ] {
            assert!(view.contains(part), "{part:?} is not in\n{view}");
        }
    }

    /// Nothing of the node table is missing, and nothing of another table is there.
    #[test]
    fn every_column_of_events_is_read_once() {
        let view = sql(Relation::View);
        let (columns, _) = view.split_once("\nFROM ").unwrap();
        for (_, node) in SCHEMA.columns(Table::Events).filter(|(_, node)| node.parent != 0) {
            assert_eq!(columns.matches(&quoted(&node.column)).count(), 1, "{}", node.path);
        }
        assert!(!columns.contains("timewindow") && !columns.contains("\"summary\""));
    }

    #[test]
    fn without_a_name_everything_is_made_in_order() {
        let all = statements("s3://logs", "trailhound", &[]).unwrap();
        let names = all.iter().map(|statement| statement.name.as_str()).collect::<Vec<_>>();
        let tables = LakeTable::ALL.map(LakeTable::name);
        assert_eq!(names, [&["trailhound"], &tables[..], &["cloudtrail"]].concat());
        assert_eq!(all[0].sql, "CREATE DATABASE IF NOT EXISTS `trailhound`");
        assert!(all[1].sql.contains("LOCATION 's3://logs/events/'"));
        assert!(all.iter().all(|statement| !statement.sql.contains(';')));
    }

    #[test]
    fn what_cannot_be_quoted_is_refused() {
        for lake in ["s3://logs/it's", "s3://logs/a\\b", "s3://logs/${x}", "s3://logs/a b", "s3://logs/ü"] {
            assert!(refusal(lake, "x").contains("cannot be named in a statement"), "{lake}");
        }
        for database in ["", "a`b", "a\"b", "Audit", "a.b", "a'b", "ä", &"x".repeat(256)] {
            assert!(
                refusal("s3://logs", database).contains("cannot be the name of a database"),
                "{database}"
            );
        }
        for lake in ["trailhound-lake", "/srv/lake", "file:///srv/lake"] {
            let line = refusal(lake, "x");
            assert!(line.starts_with(&format!("lake '{lake}' is a folder")), "{line}");
        }
        assert!(refusal("gs://logs", "x").contains("is not a place we know"));
    }
}
