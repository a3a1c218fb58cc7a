//! The member `resources` → a list of structs.
//!
//! [`entries`] reads what AWS writes, simd-json everything else. What a list of {known key: text} cannot say (another key, a null, a number, a key twice)
//! is reported, so that the value goes to `rest` as well; the texts that are there can be queried all the same.

use super::entries::{self, Places, WIDTH};
use crate::schema::{RESOURCE_FIELDS, resource_item};
use arrow::array::{ArrayRef, ListArray, NullBufferBuilder, StringBuilder, StructArray};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Fields};
use arrow::error::ArrowError;
use simd_json::{Buffers, Node};
use std::sync::Arc;

/// The texts of one entry, by field.
type Entry<'a> = [Option<&'a str>; WIDTH];

/// Builds one chunk of the column.
pub(super) struct Resources {
    fields: [StringBuilder; WIDTH],
    entries: i32,
    offsets: Vec<i32>,
    valid: NullBufferBuilder,
    /// Where the entries of the last value stand.
    places: Vec<Places>,
    /// simd-json unescapes in place, so it gets a copy.
    copy: Vec<u8>,
    buffers: Buffers,
}

impl Resources {
    pub(super) fn new() -> Self {
        Self {
            fields: std::array::from_fn(|_| StringBuilder::new()),
            entries: 0,
            offsets: vec![0],
            valid: NullBufferBuilder::new(0),
            places: Vec::new(),
            copy: Vec::new(),
            buffers: Buffers::default(),
        }
    }

    /// Appends the value `raw`, or nothing when it is not an array.
    pub(super) fn append(&mut self, raw: &[u8]) -> Appended {
        let text = entries::find(raw, &mut self.places).and_then(|()| simdutf8::basic::from_utf8(raw).ok());
        let Some(text) = text else { return self.append_parsed(raw) };
        for places in &self.places {
            for (field, &(begin, end)) in self.fields.iter_mut().zip(places) {
                field.append_option(text.get(begin..end));
            }
        }
        self.entries += i32::try_from(self.places.len()).unwrap_or(i32::MAX);
        self.end_row();
        Appended::All
    }

    fn end_row(&mut self) {
        self.offsets.push(self.entries);
        self.valid.append_non_null();
    }

    /// The same for a value of any shape.
    fn append_parsed(&mut self, raw: &[u8]) -> Appended {
        self.copy.clear();
        self.copy.extend_from_slice(raw);
        // Refused although valid: numbers beyond 64 bits, escapes of half a surrogate pair.
        let Ok(tape) = simd_json::to_tape_with_buffers(&mut self.copy, &mut self.buffers) else {
            return Appended::Nothing;
        };
        let Some((Node::Array { len, .. }, mut nodes)) = tape.0.split_first() else {
            return Appended::Nothing;
        };
        let mut faithful = true;
        for _ in 0..*len {
            let mut entry = Entry::default();
            faithful &= read_entry(&mut nodes, &mut entry);
            for (field, text) in self.fields.iter_mut().zip(entry) {
                field.append_option(text);
            }
            self.entries += 1;
        }
        self.end_row();
        if faithful { Appended::All } else { Appended::Partly }
    }

    pub(super) fn append_nulls(&mut self, count: usize) {
        self.offsets.resize(self.offsets.len() + count, self.entries);
        self.valid.append_n_nulls(count);
    }

    /// The chunk; the builder is empty again.
    pub(super) fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        let item = resource_item();
        let fields = match item.data_type() {
            DataType::Struct(fields) => fields.clone(),
            _ => Fields::empty(),
        };
        let columns = self.fields.iter_mut().map(|f| Arc::new(f.finish()) as ArrayRef).collect();
        let entries = StructArray::try_new(fields, columns, None)?;
        let offsets = OffsetBuffer::new(std::mem::replace(&mut self.offsets, vec![0]).into());
        self.entries = 0;
        Ok(Arc::new(ListArray::try_new(Arc::new(item), offsets, Arc::new(entries), self.valid.finish())?))
    }
}

/// How much of a value the column carries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Appended {
    /// No row was appended.
    Nothing,
    /// A row, which does not say everything.
    Partly,
    /// A row from which the value can be rebuilt.
    All,
}

/// Takes one entry off the tape; whether `entry` says all of it.
fn read_entry<'a>(nodes: &mut &[Node<'a>], entry: &mut Entry<'a>) -> bool {
    let Some((Node::Object { len, .. }, members)) = nodes.split_first() else {
        skip(nodes);
        return false;
    };
    *nodes = members;
    let mut faithful = true;
    for _ in 0..*len {
        let (key, value) = (nodes.first().copied(), nodes.get(1).copied());
        *nodes = nodes.get(1..).unwrap_or_default();
        skip(nodes);
        let slot = RESOURCE_FIELDS.iter().position(|(name, _)| key == Some(Node::String(name)));
        match (slot, value) {
            (Some(at), Some(Node::String(text))) if entry[at].is_none() => entry[at] = Some(text),
            _ => faithful = false,
        }
    }
    faithful
}

/// Moves behind the value that the tape is at.
fn skip(nodes: &mut &[Node<'_>]) {
    let inside = match nodes.first() {
        Some(Node::Object { count, .. } | Node::Array { count, .. }) => *count,
        _ => 0,
    };
    *nodes = nodes.get(1 + inside..).unwrap_or_default();
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Array, AsArray};
    use proptest::prelude::*;

    fn check(raw: &str, expected: Appended, arns: &[Option<&str>]) {
        let mut resources = Resources::new();
        assert_eq!(resources.append(raw.as_bytes()), expected, "{raw}");
        if expected == Appended::Nothing {
            resources.append_nulls(1);
        }
        let list = resources.finish().unwrap();
        let entries = list.as_list::<i32>().value(0);
        let column = entries.as_struct().column(0).as_string::<i32>();
        assert_eq!(column.iter().collect::<Vec<_>>(), arns, "{raw}");
        assert_eq!(list.is_null(0), expected == Appended::Nothing);
    }

    #[test]
    fn plain_entries_are_carried() {
        check(r#"[{"ARN":"a","type":"t"}, {"accountId":"1"}]"#, Appended::All, &[Some("a"), None]);
        check("[]", Appended::All, &[]);
        check("[{}]", Appended::All, &[None]);
        check(r#"[{"ARN":"a\/\u0041"}]"#, Appended::All, &[Some("a/A")]);
    }

    #[test]
    fn odd_entries_are_carried_as_far_as_they_go() {
        check(r#"[{"x":{"ARN":"no","y":[1,2]},"ARN":"a"}]"#, Appended::Partly, &[Some("a")]);
        check(r#"[{"ARN":null},{"ARN":1},{"arn":"no"}]"#, Appended::Partly, &[None, None, None]);
        check(r#"[{"ARN":"a","ARN":"b"}]"#, Appended::Partly, &[Some("a")]);
        check(r#"[["deep",{"ARN":"no"}],7,{"ARN":"a"}]"#, Appended::Partly, &[None, None, Some("a")]);
    }

    #[test]
    fn what_is_no_list_is_not_carried() {
        for raw in ["null", "{}", r#""text""#, "12345678901234567890123", r#"[{"ARN":"\ud800"}]"#] {
            check(raw, Appended::Nothing, &[]);
        }
    }

    /// Lists like those of AWS, and some that are not.
    fn list() -> impl Strategy<Value = String> {
        let key = prop::sample::select(vec!["ARN", "ARNPrefix", "accountId", "type", "other", ""]);
        let value = prop::sample::select(vec![r#""a""#, r#""""#, r#""\u0041""#, r#""é""#, "null", "1", "[]"]);
        let member = (key, value).prop_map(|(key, value)| format!("\"{key}\":{value}"));
        let entry =
            prop::collection::vec(member, 0..5).prop_map(|members| format!("{{{}}}", members.join(",")));
        let between = prop::sample::select(vec![",", ", "]);
        (prop::collection::vec(entry, 0..4), between)
            .prop_map(|(entries, comma)| format!("[{}]", entries.join(comma)))
    }

    proptest! {
        /// simd-json is the oracle of the way by hand.
        #[test]
        fn both_ways_say_the_same(raw in list()) {
            let (mut by_hand, mut parsed) = (Resources::new(), Resources::new());
            prop_assert_eq!(by_hand.append(raw.as_bytes()), parsed.append_parsed(raw.as_bytes()), "{}", raw);
            let (by_hand, parsed) = (by_hand.finish().unwrap(), parsed.finish().unwrap());
            prop_assert!(by_hand == parsed, "{}", raw);
        }
    }
}
