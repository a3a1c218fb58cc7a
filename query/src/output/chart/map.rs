//! Two labels and a number: a map of shades, by orders of magnitude, so that one large number hides no other.

use super::{Point, Screen, highest};
use std::collections::HashMap;
use std::io::{self, Write};

const SHADES: [char; 4] = ['░', '▒', '▓', '█'];
const PLAIN: [char; 4] = ['.', ':', '+', '#'];

/// Characters of a column, at most.
const WIDE: usize = 8;

/// Rows are the first label, columns the second; numbers among those are in their order.
pub(super) fn draw(
    out: &mut impl Write,
    points: &[Point],
    is_number: bool,
    screen: Screen,
) -> io::Result<()> {
    let label = |point: &Point, at: usize| point.labels.get(at).cloned().unwrap_or_default();
    let rows = distinct(points.iter().map(|point| label(point, 0)));
    let mut columns = distinct(points.iter().map(|point| label(point, 1)));
    if is_number {
        columns.sort_by(|a, b| {
            let number = |text: &String| text.parse::<f64>().unwrap_or(f64::INFINITY);
            number(a).total_cmp(&number(b))
        });
    }
    let mut cells = HashMap::<(String, String), f64>::new();
    for point in points {
        *cells.entry((label(point, 0), label(point, 1))).or_default() += point.value;
    }
    let labels = screen.room_for(rows.iter());
    let wide = columns.iter().map(|column| column.chars().count()).max().unwrap_or(1).clamp(1, WIDE);
    let fitting = (screen.width.saturating_sub(labels + 1) / (wide + 1)).clamp(1, columns.len().max(1));
    let heads = columns[..fitting].iter().map(|column| format!("{:wide$} ", screen.cut(column, wide)));
    writeln!(out, "{}", format!("{:labels$}  {}", "", heads.collect::<String>()).trim_end())?;
    let of = cells.values().copied().fold(0.0, f64::max);
    let shades = if screen.is_plain { PLAIN } else { SHADES };
    for row in &rows {
        let cell = |column: &String| {
            let value = cells.get(&(row.clone(), column.clone())).copied().unwrap_or(0.0);
            let shade = shade(value, of).map_or(' ', |shade| shades[shade]);
            format!("{} ", shade.to_string().repeat(wide))
        };
        let cells = columns[..fitting].iter().map(cell).collect::<String>();
        writeln!(out, "{}", format!("{:labels$}  {cells}", screen.cut(row, labels)).trim_end())?;
    }
    let top = points.iter().find(|point| point.value >= highest(points));
    writeln!(out, "from {} to {}, which is {}", shades[0], shades[3], top.map_or("0", |top| &top.shown))?;
    if fitting < columns.len() {
        writeln!(out, "{} more columns do not fit", columns.len() - fitting)?;
    }
    Ok(())
}

/// Each label once, in the order in which they come.
fn distinct(labels: impl Iterator<Item = String>) -> Vec<String> {
    let mut seen = std::collections::HashSet::new();
    labels.filter(|label| seen.insert(label.clone())).collect()
}

/// The shade of a number, of which `of` is the highest.
fn shade(value: f64, of: f64) -> Option<usize> {
    if value <= 0.0 {
        return None;
    }
    let share = (value + 1.0).ln() / (of + 1.0).ln();
    Some(super::steps(share, 1.0, 4) - 1)
}
