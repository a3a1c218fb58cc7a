//! What is kept of the records, and what is shown of them.

use crate::filter::Filter;
use crate::redact::Redaction;
use std::sync::Arc;

/// Filters and redaction. Cheap to clone.
#[derive(Clone, Default, Debug)]
pub struct Policy {
    /// A record is kept when all of these are true of it, and counted as filtered otherwise.
    pub filters: Vec<Filter>,
    /// What is dropped or replaced in the records that are kept, before anything is written.
    pub redaction: Option<Arc<Redaction>>,
}
