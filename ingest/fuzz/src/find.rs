//! What a key says; the finding itself is I/O.

#[path = "../../src/find/key.rs"]
pub mod key;
