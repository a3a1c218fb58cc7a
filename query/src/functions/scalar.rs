//! What the functions of rules share: a name, a page of documentation, and a body over whole columns.
//!
//! Three-valued logic bites authors of rules: `NOT array_has(list, NULL)` is NULL, and the row is lost. So a NULL
//! argument of these functions gives false or an empty list, never NULL; where the result is a text or a number, NULL
//! is all that is left.

use super::arguments::Argument;
use datafusion::arrow::array::{ArrayRef, BooleanArray};
use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    ColumnarValue, DocSection, Documentation, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// What a function does with its arguments, for so many rows.
type Body = fn(&[Argument], usize) -> Result<ArrayRef>;

/// What a function is, and what people read of it.
pub(super) struct Definition {
    /// The chapter of the reference page.
    pub(super) chapter: &'static str,
    /// How it is called: `in_list(text, list)`. Its name and how many arguments it has are taken from here.
    pub(super) call: &'static str,
    /// What it gives, in a sentence or two.
    pub(super) doc: &'static str,
    /// A call that can be run.
    pub(super) example: &'static str,
    pub(super) returns: DataType,
    pub(super) body: Body,
}

/// A function of a fixed number of arguments.
#[derive(Debug)]
struct Function {
    name: &'static str,
    arguments: usize,
    returns: Returns,
    body: Body,
    signature: Signature,
    documentation: Documentation,
}

/// What a function gives.
#[derive(Debug)]
enum Returns {
    Always(DataType),
    /// What it says of the types of the arguments.
    By(fn(&[DataType]) -> DataType),
    /// That; but the first argument itself if it is a time already.
    Time(DataType),
    /// A list as it came, a list of texts for everything else.
    List,
}

/// A function of one argument that gives a list: of texts, or the list it was given.
#[expect(clippy::needless_pass_by_value, reason = "a definition is written where it is used")]
pub(super) fn list_function(definition: Definition) -> Arc<ScalarUDF> {
    build(&definition, Returns::List)
}

/// A function whose result is of a type that depends on those of its arguments.
#[expect(clippy::needless_pass_by_value, reason = "a definition is written where it is used")]
pub(super) fn typed_function(definition: Definition, returns: fn(&[DataType]) -> DataType) -> Arc<ScalarUDF> {
    build(&definition, Returns::By(returns))
}

/// A function that reads a time, and leaves one as it is.
#[expect(clippy::needless_pass_by_value, reason = "a definition is written where it is used")]
pub(super) fn time_function(definition: Definition) -> Arc<ScalarUDF> {
    let returns = Returns::Time(definition.returns.clone());
    build(&definition, returns)
}

fn is_time(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Timestamp(..) | DataType::Date32)
}

/// The function of a definition, whose body gets one [`Argument`] for each.
#[expect(clippy::needless_pass_by_value, reason = "a definition is written where it is used")]
pub(super) fn function(definition: Definition) -> Arc<ScalarUDF> {
    let returns = Returns::Always(definition.returns.clone());
    build(&definition, returns)
}

fn build(definition: &Definition, returns: Returns) -> Arc<ScalarUDF> {
    let Definition { call, body, .. } = *definition;
    let (name, arguments) = call.split_once('(').unwrap_or((call, ""));
    Arc::new(ScalarUDF::from(Function {
        name,
        arguments: arguments.split(',').count(),
        returns,
        body,
        signature: Signature::variadic_any(Volatility::Immutable),
        documentation: documentation(definition.chapter, call, definition.doc, definition.example),
    }))
}

/// What `SHOW FUNCTIONS` and the reference page say about a function.
pub(super) fn documentation(
    chapter: &'static str,
    call: &'static str,
    doc: &'static str,
    example: &'static str,
) -> Documentation {
    let chapter = DocSection { include: true, label: chapter, description: None };
    Documentation::builder(chapter, doc, call).with_sql_example(example).build()
}

// There is one function of a name.
impl PartialEq for Function {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Function {}

impl Hash for Function {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ScalarUDFImpl for Function {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        if arguments.len() != self.arguments {
            return plan_err!("{} takes {} arguments, not {}", self.name, self.arguments, arguments.len());
        }
        Ok(match (&self.returns, arguments) {
            (Returns::By(returns), arguments) => returns(arguments),
            (Returns::Time(_), [time, ..]) if is_time(time) => time.clone(),
            (Returns::Always(returns) | Returns::Time(returns), _) => returns.clone(),
            (Returns::List, [list @ DataType::List(_)]) => list.clone(),
            (Returns::List, _) => text_list(),
        })
    }

    /// A time that is a column stays a bare column, which prunes.
    fn simplify(&self, mut arguments: Vec<Expr>, info: &SimplifyContext) -> Result<ExprSimplifyResult> {
        if let (Returns::Time(_), Some(first)) = (&self.returns, arguments.first())
            && is_time(&info.get_data_type(first)?)
        {
            return Ok(ExprSimplifyResult::Simplified(arguments.swap_remove(0)));
        }
        Ok(ExprSimplifyResult::Original(arguments))
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let is_constant = arguments.args.iter().all(|value| matches!(value, ColumnarValue::Scalar(_)));
        let rows = if is_constant { 1 } else { arguments.number_rows };
        let arguments = arguments.args.into_iter().map(Argument::new).collect::<Result<Vec<_>>>()?;
        let out = (self.body)(&arguments, rows)?;
        if is_constant {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&out, 0)?));
        }
        Ok(ColumnarValue::Array(out))
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}

/// Whether values of the type are texts.
pub(crate) fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

/// The type of a list of texts.
pub(super) fn text_list() -> DataType {
    DataType::List(Arc::new(Field::new_list_field(DataType::Utf8, true)))
}

/// A column of what is true of each row.
#[expect(clippy::unnecessary_wraps, reason = "it is how bodies of functions end")]
pub(super) fn truths(rows: usize, is_true: impl Fn(usize) -> bool) -> Result<ArrayRef> {
    Ok(Arc::new((0..rows).map(|row| Some(is_true(row))).collect::<BooleanArray>()))
}
