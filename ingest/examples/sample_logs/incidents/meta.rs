//! The family `meta`.

use super::org::ARCHIVE;
use super::{Event, Planted, Second, on};

/// When the archive is heard of for the last time.
const LAST: Second = on(22, 5, 0);

/// Sunday 05:00, archive: whoever wrote the note has more than one key. From here on nothing comes from the account.
///
/// There is no event to plant; see [`is_heard`].
pub(crate) fn the_account_that_fell_silent(planted: &mut Planted) {
    planted.begin_unseen("meta", "the account that fell silent", LAST, format!("account {ARCHIVE}"));
}

/// Whether an event still reaches the trail.
pub(crate) fn is_heard(event: &Event) -> bool {
    event.account != ARCHIVE || event.at < LAST
}
