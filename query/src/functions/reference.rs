//! The generated part of `query/FUNCTIONS.md`: each function with what it says about itself, and what its example gives.

use super::{all, athena};
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::logical_expr::{Documentation, ScalarUDF};
use datafusion::prelude::SessionContext;
use std::fmt::Write;
use std::path::Path;

const BEGIN: &str = "<!-- functions: begin -->";
const END: &str = "<!-- functions: end -->";

fn session() -> SessionContext {
    let session = SessionContext::new();
    for function in all() {
        session.register_udf(function.as_ref().clone());
    }
    session
}

fn documentation(function: &ScalarUDF) -> &Documentation {
    function.documentation().unwrap_or_else(|| panic!("{} is not documented", function.name()))
}

/// What an expression gives, and of which type it is.
async fn value(session: &SessionContext, sql: &str) -> (String, &'static str) {
    let batches = session.sql(&format!("SELECT {sql}")).await.unwrap().collect().await.unwrap();
    let column = batches[0].column(0);
    let kind = match column.data_type() {
        DataType::Boolean => "boolean",
        DataType::Int64 => "number",
        DataType::Utf8 => "text",
        DataType::Timestamp(..) => "time",
        DataType::List(_) => "list of texts",
        other => panic!("{sql} gives {other}"),
    };
    let options = FormatOptions::default().with_null("NULL");
    (ArrayFormatter::try_new(column, &options).unwrap().value(0).to_string(), kind)
}

async fn markdown() -> String {
    let session = session();
    let (mut out, mut chapter) = (String::new(), "");
    for function in all() {
        let about = documentation(&function);
        if chapter != about.doc_section.label {
            chapter = about.doc_section.label;
            write!(out, "## {chapter}\n\n").unwrap();
        }
        let example = about.sql_example.as_deref().unwrap();
        let (value, kind) = value(&session, example).await;
        let (call, text) = (&about.syntax_example, &about.description);
        write!(out, "### `{call}` → {kind}\n\n{text}\n\n```sql\n{example}   -- {value}\n```\n\n").unwrap();
    }
    out
}

#[tokio::test]
async fn the_reference_page_is_fresh() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("FUNCTIONS.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let fresh = format!("{before}{BEGIN}\n\n{}{END}{after}", markdown().await);
    if std::env::var_os("TRAILHOUND_UPDATE").is_some() {
        std::fs::write(&path, &fresh).unwrap();
    }
    assert!(page == fresh, "query/FUNCTIONS.md is stale: run the tests once with TRAILHOUND_UPDATE=1");
}

#[test]
fn a_function_is_called_as_it_is_named() {
    let mut names = std::collections::BTreeSet::new();
    for function in all() {
        let about = documentation(&function);
        assert!(about.syntax_example.starts_with(&format!("{}(", function.name())), "{}", function.name());
        assert!(names.insert(function.name().to_owned()), "there are two of {}", function.name());
    }
}

/// Whether some arguments are constants: steps of a path, a number of a field; or are no text.
fn has_constants(function: &ScalarUDF) -> bool {
    matches!(function.name(), "json_path" | "row_field" | "event_json" | "time_text")
}

fn is_of_athena(function: &ScalarUDF) -> bool {
    documentation(function).doc_section.label.starts_with(athena::FROM)
}

/// All others take columns and NULLs of any kind of text.
#[tokio::test]
async fn null_gives_false_or_nothing() {
    let session = session();
    for function in all().iter().filter(|function| !has_constants(function)) {
        let arguments = documentation(function).syntax_example.split(',').count();
        for nothing in
            ["NULL", "CAST(NULL AS VARCHAR)", "arrow_cast(NULL, 'Utf8View')", "arrow_cast(NULL, 'LargeUtf8')"]
        {
            let call = format!("{}({})", function.name(), vec![nothing; arguments].join(", "));
            let (value, kind) = value(&session, &call).await;
            let expected = match kind {
                // Trino's functions give NULL, whatever they give otherwise.
                _ if is_of_athena(function) && !function.name().starts_with("json_rows") => "NULL",
                "boolean" => "false",
                "list of texts" => "[]",
                _ => "NULL",
            };
            assert_eq!(value, expected, "{call}");
        }
    }
}

/// However texts are held, and whether an argument is a constant or a column, the answer is the same.
#[tokio::test]
async fn columns_and_constants_agree() {
    let session = session();
    for function in all().iter().filter(|function| !has_constants(function)) {
        let example = documentation(function).sql_example.as_deref().unwrap().to_owned();
        let (expected, _) = value(&session, &example).await;
        let (name, arguments) = example.split_once('(').unwrap();
        let (first, rest) = arguments.split_at(first_argument(arguments));
        for held in ["Utf8", "Utf8View", "LargeUtf8"] {
            let held =
                if first.starts_with("make_array") { format!("List({held})") } else { held.to_owned() };
            let query = format!(
                "SELECT {name}(arrow_cast(c, '{held}'){rest} FROM (VALUES ({first}), ({first})) AS t(c)"
            );
            let batches = session.sql(&query).await.unwrap().collect().await.unwrap();
            let options = FormatOptions::default().with_null("NULL");
            assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 2, "{query}");
            for batch in batches {
                let column = ArrayFormatter::try_new(batch.column(0), &options).unwrap();
                for row in 0..batch.num_rows() {
                    assert_eq!(column.value(row).to_string(), expected, "{query}");
                }
            }
        }
    }
}

/// Where the first argument of a call ends.
fn first_argument(arguments: &str) -> usize {
    let (mut depth, mut in_text) = (0, false);
    for (at, character) in arguments.char_indices() {
        match character {
            '\'' => in_text = !in_text,
            '(' if !in_text => depth += 1,
            ')' | ',' if !in_text && depth == 0 => return at,
            ')' if !in_text => depth -= 1,
            _ => {}
        }
    }
    arguments.len()
}
