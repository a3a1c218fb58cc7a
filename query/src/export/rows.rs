//! Rows in the order of the statement → records, redacted, each with its place.
//!
//! Rows that the order does not tell apart are sorted by their text, so that the same rows always come in the same
//! order.

use super::pack::Pack;
use super::place::{Origin, Place};
use crate::error::Error;
use crate::output::{flat, records};
use datafusion::arrow::array::{Array, AsArray, Date32Array, RecordBatch, StringArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Date32Type, TimestampMicrosecondType};
use trailhound_ingest::redact::Redaction;
use trailhound_ingest::schema::DATE;

/// Bytes of equal rows that are sorted together. Only records without time and id can come to more.
const MOST_EQUAL: usize = 64 << 20;

/// Takes the rows of one statement.
pub(super) struct Sorted<'a> {
    redaction: Option<&'a Redaction>,
    counts: &'a mut [u64],
    /// What the rows that wait have in common.
    order: Option<Order>,
    equal: Vec<Placed>,
    bytes: usize,
}

/// The columns of the order.
#[derive(Clone, PartialEq, Eq)]
struct Order {
    day: i32,
    group: [Option<String>; 3],
    time: Option<i64>,
    id: Option<String>,
}

/// A record, the text first, so that they sort by it.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Placed {
    text: String,
    place: Place,
    time: Option<i64>,
}

impl<'a> Sorted<'a> {
    pub(super) fn new(redaction: Option<&'a Redaction>, counts: &'a mut [u64]) -> Self {
        Self { redaction, counts, order: None, equal: vec![], bytes: 0 }
    }

    pub(super) async fn take(&mut self, batch: &RecordBatch, pack: &mut Pack) -> Result<(), Error> {
        let flat = flat(batch)?;
        let columns = Columns::of(&flat)?;
        for (row, text) in records(&flat)?.into_iter().enumerate() {
            let order = columns.order(row);
            if self.bytes > MOST_EQUAL || self.order.as_ref() != Some(&order) {
                self.pass_on(pack).await?;
                let is_same = |before: &Order| before.day == order.day && before.group == order.group;
                if !self.order.as_ref().is_some_and(is_same) {
                    pack.close_all().await?;
                }
            }
            let text = match self.redaction {
                Some(rules) => {
                    let redacted = rules.record(&text, self.counts);
                    redacted.map_err(|error| Error::Format(error.to_string()))?
                }
                None => text,
            };
            let place = Place::of(&text, columns.origin(row), order.day);
            self.bytes += text.len();
            self.equal.push(Placed { text, place, time: order.time });
            self.order = Some(order);
        }
        Ok(())
    }

    pub(super) async fn finish(mut self, pack: &mut Pack) -> Result<(), Error> {
        self.pass_on(pack).await?;
        pack.close_all().await
    }

    async fn pass_on(&mut self, pack: &mut Pack) -> Result<(), Error> {
        self.equal.sort_unstable();
        self.bytes = 0;
        for Placed { text, place, time } in self.equal.drain(..) {
            pack.add(place, time, &text).await?;
        }
        Ok(())
    }
}

/// The columns that are looked at, as the files have them.
struct Columns {
    group: [StringArray; 3],
    id: StringArray,
    source: StringArray,
    times: Vec<Option<i64>>,
    days: Date32Array,
}

impl Columns {
    fn of(flat: &RecordBatch) -> Result<Self, Error> {
        let column = |name: &str| {
            let missing = || Error::Format(format!("column {name} is missing"));
            flat.column_by_name(name).ok_or_else(missing)
        };
        let text = |name: &str| -> Result<StringArray, Error> {
            Ok(cast(column(name)?, &DataType::Utf8)?.as_string::<i32>().clone())
        };
        let times = column("eventtime")?.as_primitive_opt::<TimestampMicrosecondType>();
        let times = times.ok_or_else(|| Error::Format("eventTime is no time".to_owned()))?;
        Ok(Self {
            group: [text("recipientaccountid")?, text("awsregion")?, text("eventcategory")?],
            id: text("eventid")?,
            source: text("sourcefile")?,
            times: times.iter().collect(),
            days: cast(column(DATE)?, &DataType::Date32)?.as_primitive::<Date32Type>().clone(),
        })
    }

    fn order(&self, row: usize) -> Order {
        let text = |column: &StringArray| (!column.is_null(row)).then(|| column.value(row).to_owned());
        Order {
            day: self.days.value(row),
            group: self.group.each_ref().map(text),
            time: self.times[row],
            id: text(&self.id),
        }
    }

    fn origin(&self, row: usize) -> Origin<'_> {
        let [account, region, _] = &self.group;
        let key = if self.source.is_null(row) { "" } else { self.source.value(row) };
        Origin { key, has_account: !account.is_null(row), has_region: !region.is_null(row) }
    }
}
