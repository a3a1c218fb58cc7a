//! The request parameters of a row → the columns of the members that people search for.
//!
//! Many rows have the same parameters, which then are one value of their column: its members are looked for once, and have
//! their keys.

use super::Columns;
use crate::batch::Batch;
use crate::record::Item;
use crate::searched;
use crate::write::values::Key;

/// The members of the parameters of this file.
#[derive(Debug)]
pub(super) struct Searched {
    /// The column of the parameters, if the table has one.
    of: Option<usize>,
    /// The first of the columns of the members.
    first: usize,
    /// By key of the parameters: where its members end among all.
    ends: Vec<usize>,
    /// Columns, and the key of the value in each.
    members: Vec<(usize, Key)>,
}

impl Searched {
    pub(super) fn new(of: Option<usize>, first: usize) -> Self {
        Self { of, first, ends: Vec::new(), members: Vec::new() }
    }

    /// Begins a file, whose values have other keys.
    pub(super) fn begin(&mut self) {
        self.ends.clear();
        self.members.clear();
    }
}

impl Columns {
    /// Gives what `item` has to the columns of its members, if it holds the request parameters.
    pub(super) fn carry_searched(&mut self, batch: &Batch, item: &Item) {
        let Self { searched, columns, rows, .. } = self;
        let Searched { of: Some(of), first, ends, members } = searched else { return };
        if self.routes[usize::from(item.node)].column.map(usize::from) != Some(*of) {
            return;
        }
        let Some(key) = columns[*of].last_key() else { return };
        let key = key as usize;
        // Keys are given in turn, so a value that is new has the next one.
        if key == ends.len() {
            searched::members(&batch.arena, item.start as usize, |number, text| {
                members.extend(columns[*first + number].key_of(text).map(|key| (*first + number, key)));
            });
            ends.push(members.len());
        }
        let begin = key.checked_sub(1).map_or(0, |before| ends[before]);
        for &(column, key) in &members[begin..ends[key]] {
            columns[column].key(*rows, key);
        }
    }
}
