//! The files of a partition → those to merge. Pure: what is done follows from sizes and time ranges alone.
//!
//! A file of half the target or more is in good shape. The others are taken in order of time and cut into groups of the
//! target size, so that what comes out covers narrow ranges of time. A single small file is in good shape too, but one
//! whose time range meets another file may hold duplicates, and is looked at for them.

use crate::dedup::time_range;
use crate::lake::files::LakeFile;
use crate::schema::Table;
use std::collections::HashSet;

/// Files of one group: the footer of each is in memory.
const FILES: usize = 500;

/// How large a group may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Bytes, more or less.
    pub(super) target: u64,
    /// Rows.
    pub(super) rows: u64,
    /// Which records the rows are.
    pub(super) records: Option<Table>,
}

/// Files that become one.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Group {
    pub(super) files: Vec<LakeFile>,
    /// There is nothing to merge: it is worth a commit only if there are duplicates.
    pub(super) only_duplicates: bool,
}

/// The groups of one partition; `passed` are files to leave alone.
pub(super) fn plan(files: &[LakeFile], bounds: Bounds, passed: &HashSet<String>) -> Vec<Group> {
    let range = |file: &LakeFile| bounds.records.map_or((0, 0), |records| time_range(file, records));
    // Day 0 is what another tool's file without a partition looks like.
    let is_small = |file: &&LakeFile| file.size < bounds.target / 2 && file.date != 0;
    let small = files.iter().filter(is_small).filter(|file| !passed.contains(&file.path));
    let mut small = small.collect::<Vec<_>>();
    small.sort_by(|a, b| (range(a), &a.path).cmp(&(range(b), &b.path)));
    let mut groups = cut(&small, bounds);
    groups.retain(|group| {
        let [single] = &group.files[..] else { return true };
        let (first, last) = range(single);
        let meets = |other: &LakeFile| {
            let (begin, end) = range(other);
            other.path != single.path && begin <= last && first <= end
        };
        bounds.records.is_some() && files.iter().any(meets)
    });
    groups
}

/// Cuts `files` into groups; what is left at the end joins the group before it, if that has room.
fn cut(files: &[&LakeFile], bounds: Bounds) -> Vec<Group> {
    let mut groups = Vec::<Group>::new();
    let (mut bytes, mut rows) = (0, 0);
    for &file in files {
        let full = |group: &Group| {
            bytes >= bounds.target || rows + file.rows > bounds.rows || group.files.len() == FILES
        };
        match groups.last_mut() {
            Some(group) if !full(group) => group.files.push(file.clone()),
            _ => {
                groups.push(Group { files: vec![file.clone()], only_duplicates: false });
                (bytes, rows) = (0, 0);
            }
        }
        bytes += file.size;
        rows += file.rows;
    }
    if bytes < bounds.target / 2
        && let [.., before, last] = &mut groups[..]
        && before.files.len() + last.files.len() <= FILES
        && [&*before, last].iter().flat_map(|g| &g.files).map(|file| file.rows).sum::<u64>() <= bounds.rows
    {
        before.files.append(&mut last.files);
        groups.pop();
    }
    for group in &mut groups {
        group.only_duplicates = group.files.len() == 1;
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// A file with this size whose events are of these minutes.
    fn file(name: &str, size: u64, minutes: std::ops::Range<u32>) -> LakeFile {
        let time = |minute: u32| format!("2026-03-17T08:{minute:02}:00.000Z");
        let stats = json!({"numRecords": 10, "minValues": {"eventtime": time(minutes.start)},
            "maxValues": {"eventtime": time(minutes.end)}});
        LakeFile { path: name.to_owned(), size, date: 20_529, rows: 10, modified_ms: 0, stats }
    }

    /// The groups as names; a group that is only looked at ends in `?`.
    fn check(files: &[LakeFile], bounds: Bounds, expected: &[&str]) {
        let groups = plan(files, bounds, &HashSet::new());
        let names = groups.iter().map(|group| {
            let names = group.files.iter().map(|file| file.path.as_str()).collect::<Vec<_>>().join(" ");
            names + if group.only_duplicates { "?" } else { "" }
        });
        assert_eq!(names.collect::<Vec<_>>(), expected);
    }

    const BOUNDS: Bounds = Bounds { target: 100, rows: 1000, records: Some(Table::Events) };

    #[test]
    fn small_files_are_cut_in_order_of_time() {
        let files = [
            file("c", 40, 30..40),
            file("a", 40, 0..10),
            file("b", 40, 10..20),
            file("d", 45, 45..50),
            file("e", 45, 51..52),
        ];
        check(&files, BOUNDS, &["a b c", "d e"]);
    }

    #[test]
    fn good_shape_is_left_alone() {
        check(&[], BOUNDS, &[]);
        check(&[file("large", 50, 0..10), file("other", 120, 0..10)], BOUNDS, &[]);
        check(&[file("large", 90, 0..10), file("small", 10, 11..20)], BOUNDS, &[]);
    }

    #[test]
    fn a_single_file_among_others_is_looked_at() {
        check(&[file("large", 90, 0..10), file("small", 10, 10..20)], BOUNDS, &["small?"]);
        let plain = Bounds { records: None, ..BOUNDS };
        check(&[file("large", 90, 0..10), file("small", 10, 10..20)], plain, &[]);
    }

    #[test]
    fn what_is_left_over_joins_the_group_before() {
        let files = [file("a", 40, 0..1), file("b", 40, 2..3), file("c", 40, 4..5), file("d", 10, 6..7)];
        check(&files, BOUNDS, &["a b c d"]);
        check(&files, Bounds { rows: 30, ..BOUNDS }, &["a b c"]);
        check(&files, Bounds { rows: 20, ..BOUNDS }, &["a b", "c d"]);
    }

    #[test]
    fn files_without_a_partition_and_those_passed_stay() {
        let strange = LakeFile { date: 0, ..file("strange", 1, 0..1) };
        check(&[strange, file("a", 1, 0..1), file("b", 1, 0..1)], BOUNDS, &["a b"]);
        let passed = HashSet::from(["b".to_owned()]);
        let groups = plan(&[file("a", 1, 0..1), file("b", 1, 2..3)], BOUNDS, &passed);
        assert_eq!(groups, []);
    }
}
