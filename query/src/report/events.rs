//! Events in full, as they are embedded in the page: the cells of a table, and the record digit for digit.

use super::scope::Scope;
use crate::engine::Engine;
use crate::error::Error;
use crate::output::visible::{visible, visible_json};
use crate::output::{flat, records};
use datafusion::arrow::compute::concat_batches;
use serde_json::Value;

/// Bytes of records that a page may hold: browsers open it at once.
const BYTES: usize = 48 << 20;

/// The cells of one event, in the order that the page's script knows: time, service, call, error, who, address, region,
/// account, record.
pub(super) type Row = [String; 9];

/// Some events.
#[derive(Debug, Default)]
pub(super) struct Embedded {
    pub(super) rows: Vec<Row>,
}

/// At most `max` events of `scope`: those that failed or changed something before others, then the earliest.
pub(super) async fn events(
    engine: &Engine,
    scope: &Scope,
    failed: &str,
    max: usize,
) -> Result<Embedded, Error> {
    let sql = format!(
        "SELECT * FROM cloudtrail WHERE {} ORDER BY CASE WHEN {failed} OR readOnly = false THEN 0 ELSE 1 END, \
         eventTime, eventID LIMIT {max}",
        scope.all()
    );
    let batches = engine.rows(&sql, &scope.values).await?;
    let Some(first) = batches.first() else { return Ok(Embedded::default()) };
    let batch = concat_batches(&first.schema(), &batches)?;
    drop(batches);
    let mut bytes = 0;
    let texts = records(&flat(&batch)?)?.into_iter();
    let within = texts.take_while(|text| {
        bytes += text.len();
        bytes <= BYTES
    });
    let mut rows = within.map(|record| row(&record)).collect::<Vec<_>>();
    rows.sort_by(|a, b| a[0].cmp(&b[0]));
    Ok(Embedded { rows })
}

fn row(record: &str) -> Row {
    let parsed = serde_json::from_str::<Value>(record).unwrap_or_default();
    let at = |path: &str| {
        let found = parsed.pointer(path).filter(|value| !value.is_null());
        found.map(|value| visible(&value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
    };
    let text = |path: &str| at(path).unwrap_or_default();
    let failed = at("/errorCode")
        .or_else(|| at("/responseElements/ConsoleLogin").filter(|outcome| outcome == "Failure"));
    let who =
        ["/userIdentity/arn", "/userIdentity/invokedBy", "/userIdentity/userName", "/userIdentity/type"];
    [
        text("/eventTime"),
        text("/eventSource").trim_end_matches(".amazonaws.com").to_owned(),
        text("/eventName"),
        failed.unwrap_or_default(),
        who.into_iter().find_map(at).unwrap_or_default(),
        text("/sourceIPAddress"),
        text("/awsRegion"),
        text("/recipientAccountId"),
        visible_json(record),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_show_what_cannot_be_seen_and_the_record_keeps_its_digits() {
        let record =
            "{\"eventName\":\"a\u{202e}b\",\"n\":12345678901234567890123,\"m\":1.0,\"errorCode\":null}";
        let row = row(record);
        assert_eq!((row[2].as_str(), row[3].as_str()), ("a\\u{202e}b", ""));
        assert_eq!(row[8], record.replace('\u{202e}', "\\u202e"));
    }
}
