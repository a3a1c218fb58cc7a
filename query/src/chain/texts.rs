//! Rows of events → the identities in them.

use super::names::Names;
use super::session::Session;
use datafusion::arrow::array::{Array, AsArray, RecordBatch, StringViewArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::Result;
use std::sync::Arc;
use trailhound_ingest::time;

/// The columns of `cloudtrail` that a [`Session`] is read from, in the order of its fields.
pub(super) const COLUMNS: [&str; 16] = [
    "useridentity_accesskeyid",
    "useridentity_type",
    "useridentity_arn",
    "useridentity_principalid",
    "useridentity_accountid",
    "useridentity_username",
    "useridentity_identityprovider",
    "useridentity_invokedby",
    "useridentity_onbehalfof_userid",
    "useridentity_inscopeof_credentialsissuedto",
    "useridentity_sessioncontext_sessionissuer_arn",
    "useridentity_sessioncontext_webidfederationdata_federatedprovider",
    "useridentity_sessioncontext_sourceidentity",
    "useridentity_sessioncontext_ec2roledelivery",
    "useridentity_sessioncontext_assumedroot",
    "useridentity_sessioncontext_attributes_creationdate",
];

/// Reads a time as CloudTrail writes it, in either of its forms.
fn created(text: &str) -> Option<i64> {
    time::parse(&format!("\"{text}\"")).map(|(micros, _)| micros).or_else(|| time::parse_compact(text))
}

/// Columns of texts.
pub(super) struct Texts(Vec<StringViewArray>);

impl Texts {
    /// The columns `names` of a batch.
    pub(super) fn new(batch: &RecordBatch, names: &[&str]) -> Result<Self> {
        let column = |name: &&str| -> Result<StringViewArray> {
            let index = batch.schema_ref().index_of(name)?;
            Ok(cast(batch.column(index), &DataType::Utf8View)?.as_string_view().clone())
        };
        Ok(Self(names.iter().map(column).collect::<Result<_>>()?))
    }

    /// The text of a column, by its number; an empty one is none.
    pub(super) fn get(&self, column: usize, row: usize) -> Option<&str> {
        let column = &self.0[column];
        column.is_valid(row).then(|| column.value(row)).filter(|text| !text.is_empty())
    }

    /// Whether a row has the identity of the row before, as far as that is seen without reading: the texts are the same
    /// bytes in memory. Files keep the calls of one identity together.
    pub(super) fn is_as_before(&self, row: usize) -> bool {
        let Some(before) = row.checked_sub(1) else { return false };
        self.0[..COLUMNS.len()].iter().all(|column| {
            let views = column.views();
            views[row] == views[before] && column.is_null(row) == column.is_null(before)
        })
    }

    /// The identity in a row of [`COLUMNS`].
    pub(super) fn session(&self, row: usize, names: &mut Names) -> Session {
        let mut column = 0;
        let mut next = || {
            column += 1;
            self.get(column - 1, row).map(|text| names.text(text))
        };
        Session {
            key: next(),
            kind: next(),
            arn: next(),
            principal: next(),
            account: next(),
            user: next(),
            provider: next(),
            service: next(),
            on_behalf_of: next(),
            issued_to: next(),
            issuer: next(),
            web_provider: next(),
            source_identity: next(),
            ec2_delivery: next(),
            assumed_root: next(),
            created: next().and_then(|text: Arc<str>| created(&text)),
        }
    }
}
