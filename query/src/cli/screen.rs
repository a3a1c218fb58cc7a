//! What pictures are drawn on: how wide stdout is, and whether it can do more than ASCII.

use crate::output::Screen;

/// The terminal; 80 columns where there is none.
pub(crate) fn screen() -> Screen {
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let terminal = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
    let width = terminal.or_else(|| set("COLUMNS")?.parse().ok()).unwrap_or(Screen::default().width);
    // Who wants no colour often has a screen reader, or a log, for which blocks are noise.
    let is_plain = set("NO_COLOR").is_some() || set("TERM").is_some_and(|term| term == "dumb");
    Screen { width: width.clamp(20, 1000), is_plain }
}
