//! What could not be used: its place and its reason.

/// Where in an object.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// The object as a whole.
    File,
    /// A stretch of the inflated object that should have been a record.
    Record {
        /// Its number among the records of the object, from 0.
        index: u32,
        /// Where it begins, in bytes.
        offset: u32,
        /// Its length in bytes.
        length: u32,
    },
}

/// A row of the quarantine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reject {
    /// Number of the object in its batch.
    pub object: u32,
    /// Where in the object.
    pub place: Place,
    /// Why.
    pub reason: String,
    /// The bytes in question, cut to a bound.
    pub bytes: Vec<u8>,
}
