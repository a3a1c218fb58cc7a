//! A bar for each row, in the order of the rows.

use super::{Point, Screen, highest, steps};
use std::io::{self, Write};

/// Eighths of a character.
const EIGHTHS: [char; 8] = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

pub(super) fn draw(out: &mut impl Write, points: &[Point], screen: Screen) -> io::Result<()> {
    let labels = screen.room_for(points.iter().flat_map(|point| &point.labels));
    let numbers = points.iter().map(|point| point.shown.chars().count()).max().unwrap_or(1);
    let room = screen.width.saturating_sub(labels + numbers + 4).max(4);
    let of = highest(points);
    for point in points {
        let label = screen.cut(point.labels.first().map_or("", String::as_str), labels);
        let bar = bar(point.value, of, room, screen.is_plain);
        writeln!(out, "{}", format!("{label:labels$}  {:>numbers$}  {bar}", point.shown).trim_end())?;
    }
    Ok(())
}

fn bar(value: f64, of: f64, room: usize, is_plain: bool) -> String {
    if is_plain {
        return "#".repeat(steps(value, of, room));
    }
    let eighths = steps(value, of, room * 8);
    let mut bar = "█".repeat(eighths / 8);
    if !eighths.is_multiple_of(8) {
        bar.push(EIGHTHS[eighths % 8]);
    }
    bar
}
