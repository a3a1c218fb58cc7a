//! A JSON object → its members, and a JSON array → its items, in the order of the text.

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use std::fmt::Formatter;

/// What a JSON text holds at its top.
#[derive(Debug, PartialEq)]
pub(super) enum Members {
    /// The members of an object.
    Object(Vec<(String, Value)>),
    /// The items of an array.
    Array(Vec<Value>),
}

/// The members or items of `text`; `None` if it is neither an object nor an array.
pub(super) fn members(text: &str) -> Option<Members> {
    serde_json::from_str(text).ok()
}

impl Members {
    /// The values, without their keys.
    pub(super) fn values(&self) -> impl Iterator<Item = &Value> {
        let (members, items) = match self {
            Self::Object(members) => (members.as_slice(), &[][..]),
            Self::Array(items) => (&[][..], items.as_slice()),
        };
        members.iter().map(|(_, value)| value).chain(items)
    }
}

/// A value as SQL has it: a string without its quotes, anything else as JSON; JSON null is none.
pub(super) fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(InOrder)
    }
}

struct InOrder;

impl<'de> Visitor<'de> for InOrder {
    type Value = Members;

    fn expecting(&self, formatter: &mut Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("a JSON object or array")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Members::Object(members))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Members, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = sequence.next_element()? {
            items.push(item);
        }
        Ok(Members::Array(items))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_keep_their_order() {
        let Some(Members::Object(members)) = members(r#"{"b": 1, "a": null}"#) else { panic!("no object") };
        assert_eq!(members.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>(), ["b", "a"]);
        assert_eq!(members.iter().filter_map(|(_, value)| as_text(value)).collect::<Vec<_>>(), ["1"]);
    }

    #[test]
    fn other_texts_have_none() {
        for text in ["", "x", "1", "\"a\"", "{", "[1,]", "{}{}"] {
            assert_eq!(members(text), None, "{text}");
        }
    }
}
