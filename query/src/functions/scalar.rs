//! What the functions of rules share: a name, a body over whole columns, and arguments that are never NULL.
//!
//! Three-valued logic bites authors of rules: `NOT array_has(list, NULL)` is NULL, and the row is lost. So a NULL
//! argument of these functions gives false or an empty list, never NULL.

use datafusion::arrow::array::{Array, ArrayRef, AsArray, GenericListArray, StringArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// A function of a fixed number of arguments.
#[derive(Debug)]
pub(super) struct Function {
    name: &'static str,
    arguments: usize,
    returns: Returns,
    body: fn(&[ArrayRef]) -> Result<ArrayRef>,
    signature: Signature,
}

/// What a function gives.
#[derive(Debug)]
enum Returns {
    Always(DataType),
    /// A list as it came, a list of texts for everything else.
    List,
}

/// A function of one argument that gives a list: of texts, or the list it was given.
pub(super) fn list_function(name: &'static str, body: fn(&[ArrayRef]) -> Result<ArrayRef>) -> Arc<ScalarUDF> {
    build(name, 1, Returns::List, body)
}

/// The function `name`, whose `body` gets one array per argument, all of the same length.
pub(super) fn function(
    name: &'static str,
    arguments: usize,
    returns: DataType,
    body: fn(&[ArrayRef]) -> Result<ArrayRef>,
) -> Arc<ScalarUDF> {
    build(name, arguments, Returns::Always(returns), body)
}

fn build(
    name: &'static str,
    arguments: usize,
    returns: Returns,
    body: fn(&[ArrayRef]) -> Result<ArrayRef>,
) -> Arc<ScalarUDF> {
    let signature = Signature::variadic_any(Volatility::Immutable);
    Arc::new(ScalarUDF::from(Function { name, arguments, returns, body, signature }))
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
            (Returns::Always(returns), _) => returns.clone(),
            (Returns::List, [list @ DataType::List(_)]) => list.clone(),
            (Returns::List, _) => text_list(),
        })
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = arguments.args.iter().map(|argument| argument.to_array(arguments.number_rows));
        Ok(ColumnarValue::Array((self.body)(&arrays.collect::<Result<Vec<_>>>()?)?))
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

/// A column as texts, whatever it holds.
pub(super) fn texts(column: &ArrayRef) -> Result<StringArray> {
    Ok(cast(column, &DataType::Utf8)?.as_string::<i32>().clone())
}

/// The text of a row, if it has one.
pub(super) fn text(column: &StringArray, row: usize) -> Option<&str> {
    column.is_valid(row).then(|| column.value(row))
}

/// A column of lists of texts.
pub(super) struct Lists(Option<GenericListArray<i32>>);

impl Lists {
    /// A column as lists of texts; what is no list has no items.
    pub(super) fn new(column: &ArrayRef) -> Result<Self> {
        let is_list = matches!(
            column.data_type(),
            DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..) | DataType::ListView(_)
        );
        if !is_list {
            return Ok(Self(None));
        }
        Ok(Self(Some(cast(column, &text_list())?.as_list::<i32>().clone())))
    }

    /// The items of a row, without NULLs.
    pub(super) fn items(&self, row: usize) -> Vec<String> {
        let Some(lists) = self.0.as_ref().filter(|lists| lists.is_valid(row)) else {
            return Vec::new();
        };
        let items = lists.value(row);
        items.as_string::<i32>().iter().flatten().map(str::to_owned).collect()
    }
}
