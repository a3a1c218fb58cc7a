//! Values that stand for the `$names` of a statement.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A value.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, Serialize)]
#[serde(untagged)]
pub enum Value {
    /// A switch.
    Bool(bool),
    /// A number.
    Int(i64),
    /// A text.
    Text(String),
    /// A list.
    Texts(Vec<String>),
}

impl Value {
    /// As a person writes it.
    #[must_use]
    pub fn shown(&self) -> String {
        match self {
            Self::Bool(value) => value.to_string(),
            Self::Int(value) => value.to_string(),
            Self::Text(value) => format!("{value:?}"),
            Self::Texts(values) => format!("{values:?}"),
        }
    }
}

/// Values by name, as a statement needs them.
pub type Values = BTreeMap<String, Value>;
