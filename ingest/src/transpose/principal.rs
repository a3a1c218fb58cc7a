//! A principal that many records share → keys, made once.
//!
//! All its members are texts or JSON, so its columns have keys. Later records of the same principal append those, and
//! hash and compare nothing.

use super::Columns;
use crate::batch::Batch;
use crate::record::{Item, KEY};
use crate::schema::OURS;
use crate::write::values::Key;

/// What the members of a principal became in this file.
#[derive(Debug, Default)]
pub(super) struct Carried {
    /// Columns, and the key of the value in each.
    keys: Vec<(usize, Key)>,
    /// Items that go to `rest`.
    left: Vec<Item>,
    actor: Option<Key>,
}

impl Columns {
    /// Appends the members of a principal of the batch to the row; gives the key of the actor that it names. What became
    /// of it in a record that is kept `whole`, where a member may come twice, says nothing of others.
    pub(super) fn push_principal(&mut self, batch: &Batch, number: u16, whole: bool) -> Option<Key> {
        if whole {
            return self.carry_principal(batch, batch.principal(number)).actor;
        }
        let at = usize::from(number);
        if self.principals.len() <= at {
            self.principals.resize_with(at + 1, || None);
        }
        let carried = match self.principals[at].take() {
            Some(carried) => {
                for &(column, key) in &carried.keys {
                    self.columns[column].key(self.rows, key);
                }
                carried
            }
            None => self.carry_principal(batch, batch.principal(number)),
        };
        let mut left = carried.left.as_slice();
        while !left.is_empty() {
            left = self.leave(batch, left);
        }
        let actor = carried.actor;
        self.principals[at] = Some(carried);
        actor
    }

    /// Gives each member to its column, and notes what it became.
    fn carry_principal(&mut self, batch: &Batch, items: &[Item]) -> Carried {
        let mut carried = Carried::default();
        let mut items = items.iter();
        while let Some(item) = items.next() {
            if item.flag & KEY != 0 {
                carried.left.extend([item, items.next().unwrap_or(item)]);
            } else if self.carry(item, batch.bytes_at(item)) {
                let column = self.routes[usize::from(item.node)].column.map(usize::from);
                carried.keys.extend(column.and_then(|at| Some((at, self.columns[at].last_key()?))));
            } else {
                carried.left.push(*item);
            }
        }
        carried.actor = self.actor_key();
        carried
    }

    /// The key of the actor that the members so far name.
    fn actor_key(&mut self) -> Option<Key> {
        let at = self.columns.len() - OURS.len();
        self.columns[at].key_of(self.actor.take()?)
    }
}
