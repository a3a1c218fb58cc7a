//! What the typed columns do not carry → one JSON object with each thing at its path.
//!
//! Members arrive in the order of the document, and a record with a key twice never gets here, so each object on a
//! path is opened once: a stack of open objects is enough, no tree is built.

use crate::schema::{NodeId, Schema};

/// Key of a record kept whole, because columns and paths cannot say what it holds (a key twice, an escaped key).
pub(crate) const WHOLE: &str = "$record";

/// Writes the column `rest` of one row.
#[derive(Debug, Default)]
pub(super) struct Rest {
    text: Vec<u8>,
    /// The objects that `text` is inside of, below the record.
    open: Vec<NodeId>,
    /// Scratch: the objects from the record down to the next member.
    path: Vec<NodeId>,
}

impl Rest {
    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.open.clear();
    }

    /// Adds a member of the object `parent`; `key` as it is between its quotes, `value` as JSON.
    pub(super) fn add(&mut self, schema: &Schema, parent: NodeId, key: &[u8], value: &[u8]) {
        self.enter(schema, parent);
        self.key(key);
        self.text.extend_from_slice(value);
    }

    /// The row's text, or `None` when the columns carry everything.
    pub(super) fn finish(&mut self) -> Option<&[u8]> {
        if self.text.is_empty() {
            return None;
        }
        for _ in self.open.drain(..) {
            self.text.push(b'}');
        }
        self.text.push(b'}');
        Some(&self.text)
    }

    /// Closes and opens objects until `text` is inside of `object`.
    fn enter(&mut self, schema: &Schema, object: NodeId) {
        if self.text.is_empty() {
            self.text.push(b'{');
        }
        self.path.clear();
        let mut at = object;
        while at != 0 {
            self.path.push(at);
            at = schema.node(at).parent;
        }
        self.path.reverse();
        let shared = self.open.iter().zip(&self.path).take_while(|(open, wanted)| open == wanted).count();
        while self.open.len() > shared {
            self.open.pop();
            self.text.push(b'}');
        }
        for at in shared..self.path.len() {
            let node = self.path[at];
            self.key(schema.node(node).name.as_bytes());
            self.text.push(b'{');
            self.open.push(node);
        }
    }

    fn key(&mut self, key: &[u8]) {
        if !self.text.ends_with(b"{") {
            self.text.push(b',');
        }
        self.text.push(b'"');
        self.text.extend_from_slice(key);
        self.text.extend_from_slice(b"\":");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::SCHEMA;

    fn check(members: &[(&str, &str, &str)], expected: Option<&str>) {
        let mut rest = Rest::default();
        for (parent, key, value) in members {
            rest.add(&SCHEMA, SCHEMA.find(parent).unwrap(), key.as_bytes(), value.as_bytes());
        }
        assert_eq!(rest.finish(), expected.map(str::as_bytes));
    }

    #[test]
    fn nothing_is_null() {
        check(&[], None);
    }

    #[test]
    fn members_are_at_their_path() {
        check(
            &[
                ("", "a", "1"),
                ("userIdentity", "b", "2"),
                ("userIdentity.sessionContext.sessionIssuer", "c", "null"),
                ("userIdentity.sessionContext", "d", "[]"),
                ("tlsDetails", "e", "{}"),
                ("", "f", "\"x\""),
            ],
            Some(
                r#"{"a":1,"userIdentity":{"b":2,"sessionContext":{"sessionIssuer":{"c":null},"d":[]}},"tlsDetails":{"e":{}},"f":"x"}"#,
            ),
        );
    }
}
