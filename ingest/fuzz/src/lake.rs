//! The identity of an object; the lake itself is I/O.

#[path = "../../src/lake/object_id.rs"]
pub mod object_id;

pub use object_id::ObjectId;
