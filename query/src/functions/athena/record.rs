//! `event_json(record)`: the record that a row was made of, which is what the column `eventJson` means.

use super::JSON;
use crate::functions::scalar::documentation;
use datafusion::arrow::array::{Array, AsArray, RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Schema};
use datafusion::common::{DataFusionError, Result, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use std::sync::{Arc, LazyLock};
use trailhound_ingest::rebuild::rebuild;
use trailhound_ingest::schema::Table;

/// The function.
pub(super) fn event_json() -> Arc<ScalarUDF> {
    static FUNCTION: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| {
        let signature = Signature::any(1, Volatility::Immutable);
        Arc::new(ScalarUDF::from(EventJson { signature }))
    });
    Arc::clone(&FUNCTION)
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct EventJson {
    signature: Signature,
}

impl ScalarUDFImpl for EventJson {
    fn name(&self) -> &'static str {
        "event_json"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        match arguments {
            [DataType::Struct(_) | DataType::Null] => Ok(DataType::Utf8),
            _ => {
                plan_err!("event_json takes the columns of a record as a struct; the column eventJson has it")
            }
        }
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let record = arguments.args[0].to_array(arguments.number_rows)?;
        if *record.data_type() == DataType::Null {
            return Ok(ColumnarValue::Array(Arc::new(StringArray::new_null(record.len()))));
        }
        let record = record.as_struct();
        let schema = Arc::new(Schema::new(record.fields().clone()));
        let batch = RecordBatch::try_new(schema, record.columns().to_vec())?;
        let records = rebuild(&batch, Table::Events);
        let records = records.map_err(|error| DataFusionError::External(Box::new(error)))?;
        Ok(ColumnarValue::Array(Arc::new(StringArray::from(records))))
    }

    fn documentation(&self) -> Option<&Documentation> {
        static DOCUMENTATION: LazyLock<Documentation> = LazyLock::new(|| {
            documentation(
                JSON,
                "event_json(record)",
                "The record that a row was made of, as CloudTrail wrote it. The column `eventJson` of `cloudtrail` is this \
                 function of all columns; nothing is computed unless a query names it.",
                "event_json(NULL)",
            )
        });
        Some(&DOCUMENTATION)
    }
}
