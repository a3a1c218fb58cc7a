//! Numbers over time: columns, or a line for each label. Times that have no row are gaps.

use super::{Point, Screen, highest, steps};
use std::io::{self, Write};

/// Lines of the columns.
const HEIGHT: usize = 8;

/// From nothing to the highest.
const LEVELS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const PLAIN: [char; 9] = [' ', '.', '.', ':', '-', '=', '+', '*', '#'];

/// Times further apart than their nearest neighbours by this are not drawn to scale.
const SLOTS: i64 = 1_000_000;

/// Where times stand: from `first` on, `step` apart.
struct Axis {
    first: i64,
    step: i64,
    /// Times on it.
    slots: usize,
    /// Times that share a character.
    share: usize,
}

impl Axis {
    /// An axis for `points` in `room` characters.
    fn new(points: &[Point], room: usize) -> Option<Self> {
        let mut times = points.iter().filter_map(|point| point.time).collect::<Vec<_>>();
        times.sort_unstable();
        times.dedup();
        let (first, last) = (*times.first()?, *times.last()?);
        let nearest = times.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).min().unwrap_or(1);
        let step = nearest.max(last.saturating_sub(first) / SLOTS).max(1);
        let slots = usize::try_from(last.saturating_sub(first) / step).ok()? + 1;
        Some(Self { first, step, slots, share: slots.div_ceil(room.max(1)) })
    }

    /// The highest number of each character.
    fn values<'a>(&self, points: impl IntoIterator<Item = &'a Point>) -> Vec<f64> {
        let mut values = vec![0.0_f64; self.slots.div_ceil(self.share)];
        for point in points {
            let Some(time) = point.time else { continue };
            let slot = usize::try_from((time - self.first) / self.step).unwrap_or(0) / self.share;
            if let Some(value) = values.get_mut(slot) {
                *value = value.max(point.value);
            }
        }
        values
    }

    /// What a reader could not know.
    fn note(&self, out: &mut impl Write, indent: usize) -> io::Result<()> {
        if self.share == 1 {
            return Ok(());
        }
        writeln!(out, "{:indent$}a character is {} times, and shows the highest of them", "", self.share)
    }
}

/// How a time is printed: the label that it came with.
fn ends(points: &[Point], label: usize) -> Option<[&str; 2]> {
    let timed = || points.iter().filter(|point| point.time.is_some());
    let of = |point: Option<&'_ Point>| -> Option<usize> {
        let point = point?;
        points.iter().position(|other| std::ptr::eq(other, point))
    };
    let (first, last) = (of(timed().min_by_key(|p| p.time))?, of(timed().max_by_key(|p| p.time))?);
    Some([first, last].map(|at| points[at].labels.get(label).map_or("", String::as_str)))
}

/// Columns.
pub(super) fn columns(out: &mut impl Write, points: &[Point], screen: Screen) -> io::Result<()> {
    let highest = highest(points);
    let top = points.iter().find(|point| point.value >= highest).map_or("", |point| point.shown.as_str());
    let margin = top.chars().count().max(1);
    let room = screen.width.saturating_sub(margin + 2).max(8);
    let (Some(axis), Some([first, last])) = (Axis::new(points, room), ends(points, 0)) else { return Ok(()) };
    let values = axis.values(points);
    // A few columns are wider, so that they are seen.
    let wide = (room / values.len().max(1)).clamp(1, 2);
    let heights = values.iter().map(|value| steps(*value, highest, HEIGHT * 8)).collect::<Vec<_>>();
    for line in (0..HEIGHT).rev() {
        let label = match line {
            line if line + 1 == HEIGHT => top,
            0 => "0",
            _ => "",
        };
        let cell = |height: &usize| {
            let level = height.saturating_sub(line * 8).min(8);
            // In ASCII a character is there or not; the lowest tells that there is something.
            let is_there = level >= 4 || (line == 0 && level > 0);
            let plain = if is_there { '#' } else { ' ' };
            let character = if screen.is_plain { plain } else { LEVELS[level] };
            character.to_string().repeat(wide)
        };
        let rule = if screen.is_plain { '|' } else { '│' };
        let cells = heights.iter().map(cell).collect::<String>();
        writeln!(out, "{}", format!("{label:>margin$} {rule}{cells}").trim_end())?;
    }
    let indent = margin + 2;
    let length = values.len() * wide;
    if length >= first.len() + last.len() + 3 {
        writeln!(out, "{:indent$}{first}{last:>1$}", "", length - first.len())?;
    } else {
        writeln!(out, "{:indent$}{first}\n{:indent$}{last}", "", "")?;
    }
    axis.note(out, indent)
}

/// A line for each value of the label at `at`, in the order in which they come.
pub(super) fn lines(out: &mut impl Write, points: &[Point], at: usize, screen: Screen) -> io::Result<()> {
    let label = |point: &Point| point.labels.get(at).cloned().unwrap_or_default();
    let mut groups: Vec<(String, Vec<&Point>)> = Vec::new();
    let mut places = std::collections::HashMap::new();
    for point in points {
        let place = *places.entry(label(point)).or_insert_with(|| {
            groups.push((label(point), Vec::new()));
            groups.len() - 1
        });
        groups[place].1.push(point);
    }
    let labels = screen.room_for(groups.iter().map(|group| &group.0));
    let numbers = points.iter().map(|point| point.shown.chars().count()).max().unwrap_or(1);
    let room = screen.width.saturating_sub(labels + numbers + 4).max(8);
    let of = highest(points);
    let (Some(axis), Some([first, last])) = (Axis::new(points, room), ends(points, 1 - at)) else {
        return Ok(());
    };
    let levels = if screen.is_plain { PLAIN } else { LEVELS };
    for (label, points) in groups {
        let line = axis.values(points.iter().copied());
        let line = line.iter().map(|value| levels[steps(*value, of, 8)]).collect::<String>();
        let top =
            points.iter().max_by(|a, b| a.value.total_cmp(&b.value)).map_or("", |point| point.shown.as_str());
        writeln!(out, "{:labels$}  {line}  {top}", screen.cut(&label, labels))?;
    }
    let indent = labels + 2;
    writeln!(out, "{:indent$}{first} {} {last}", "", if screen.is_plain { '-' } else { '–' })?;
    axis.note(out, indent)
}
