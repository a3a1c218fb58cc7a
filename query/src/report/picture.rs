//! The pictures: calls over time, and services by hour of the day. Without style attributes, which the page's policy
//! forbids: sizes are attributes of SVG, shades are classes.

use super::ask::Facts;
use super::html::{count, escaped, moment};
use std::collections::BTreeMap;
use std::fmt::Write;
use trailhound_ingest::time;

/// Bars of a histogram at least, so that one alone is no wall.
const BARS: i64 = 48;

/// Services that have a row; the others share one.
const SERVICES: usize = 18;

/// Calls over time, those that failed at the foot of each bar.
pub(super) fn histogram(facts: &Facts) -> String {
    let (Some(first), Some(last)) = (facts.bars.first(), facts.bars.last()) else { return String::new() };
    let (start, step) = (first.0, facts.step);
    let bars = ((last.0 - start) / step + 1).max(BARS);
    let highest = facts.bars.iter().map(|bar| bar.1).max().unwrap_or(1).max(1);
    let mut out = format!(
        "<p class=\"note legend\">A bar is {}; the highest has {} events. <i></i>done <i class=\"bad\"></i>failed</p>\n\
         <div class=\"histogram\"><svg viewBox=\"0 0 {bars} 100\" preserveAspectRatio=\"none\" role=\"img\" \
         aria-label=\"Events over time\">\n",
        length(step),
        count(highest),
    );
    for &(from, calls, failed) in &facts.bars {
        let x = (from - start) / step;
        let (all, bad) = (share(calls, highest), share(failed, highest));
        let label = format!("{} + {}", at(from), length(step));
        // Texts take whatever is written.
        let _ = writeln!(
            out,
            "<rect class=\"hit\" x=\"{x}\" y=\"0\" width=\"1\" height=\"100\" data-from=\"{from}\" data-to=\"{}\" \
             data-label=\"{label}\"><title>{label}: {} events, {} failed</title></rect>\
             <rect class=\"bar\" x=\"{x}.1\" y=\"{:.2}\" width=\".8\" height=\"{:.2}\"/>",
            from + step,
            count(calls),
            count(failed),
            100.0 - all,
            all - bad,
        );
        if failed > 0 {
            let _ = writeln!(
                out,
                "<rect class=\"bar bad\" x=\"{x}.1\" y=\"{:.2}\" width=\".8\" height=\"{bad:.2}\"/>",
                100.0 - bad
            );
        }
    }
    let middle = at(start + bars / 2 * step);
    let _ = writeln!(
        out,
        "</svg><div class=\"axis\"><span>{}</span><span>{middle}</span><span>{}</span></div></div>",
        at(start),
        at(start + bars * step)
    );
    out
}

/// Services × hours of the day.
pub(super) fn map(facts: &Facts) -> String {
    let mut services = BTreeMap::<&str, [u64; 24]>::new();
    for (service, hour, calls) in &facts.hours {
        let row = services.entry(service.trim_end_matches(".amazonaws.com")).or_default();
        row[(*hour).min(23)] += calls;
    }
    let rows = services.into_iter().map(|(name, hours)| (hours.iter().sum::<u64>(), name, hours));
    let mut rows = rows.collect::<Vec<_>>();
    rows.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(b.1)));
    let others = rows.split_off(rows.len().min(SERVICES));
    let highest = rows.iter().flat_map(|row| row.2).max().unwrap_or(1).max(1);
    let heads = (0..24).map(|hour| format!("<th>{hour:02}</th>"));
    let heads = heads.collect::<String>();
    let mut out = format!(
        "<div class=\"scroll\"><table class=\"map\"><thead><tr><th></th>{heads}<th>all</th></tr></thead><tbody>\n"
    );
    for (total, name, hours) in &rows {
        row(&mut out, name, Some(name), *total, hours, highest);
    }
    if !others.is_empty() {
        let mut hours = [0; 24];
        for calls in others.iter().flat_map(|row| row.2.iter().enumerate()) {
            hours[calls.0] += calls.1;
        }
        let name = format!("{} others", others.len());
        row(
            &mut out,
            &name,
            None,
            hours.iter().sum(),
            &hours,
            highest.max(hours.into_iter().max().unwrap_or(0)),
        );
    }
    out.push_str("</tbody></table></div>\n");
    out
}

fn row(out: &mut String, name: &str, service: Option<&str>, total: u64, hours: &[u64; 24], highest: u64) {
    let name = escaped(name);
    // A text takes whatever is written.
    let _ = write!(out, "<tr><th scope=\"row\" title=\"{name}\">{name}</th>");
    for (hour, &calls) in hours.iter().enumerate() {
        if calls == 0 {
            out.push_str("<td></td>");
            continue;
        }
        let (shade, label) = (shade(calls, highest), format!("{hour:02}:00–{:02}:00 UTC", hour + 1));
        let service = service.map_or_else(String::new, |name| format!(" data-service=\"{}\"", escaped(name)));
        let _ = write!(
            out,
            "<td class=\"q{shade}\" data-hour=\"{hour:02}\" data-label=\"{label}\"{service} title=\"{name}, {label}: {} \
             events\">{}</td>",
            count(calls),
            short(calls)
        );
    }
    let _ = writeln!(out, "<td class=\"n\">{}</td></tr>", count(total));
}

/// A bar beside a number of a list.
pub(super) fn bar(part: u64, highest: u64) -> String {
    let width = share(part, highest.max(1));
    format!(
        "<svg viewBox=\"0 0 100 10\" preserveAspectRatio=\"none\" aria-hidden=\"true\">\
         <rect class=\"bar\" width=\"{width:.1}\" height=\"10\"/></svg>"
    )
}

/// In hundredths, and never so little that it cannot be seen.
fn share(part: u64, of: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a height on a screen")]
    let share = part as f64 * 100.0 / of as f64;
    if part == 0 { 0.0 } else { share.max(2.0) }
}

/// Five shades, by orders of magnitude: one busy service hides no other.
fn shade(calls: u64, highest: u64) -> u32 {
    let steps = (highest.ilog2() + 1).max(1);
    (calls.ilog2() * 5 / steps + 1).min(5)
}

fn short(calls: u64) -> String {
    match calls {
        0..1_000 => calls.to_string(),
        1_000..10_000 => format!("{}.{}k", calls / 1_000, calls % 1_000 / 100),
        10_000..1_000_000 => format!("{}k", calls / 1_000),
        _ => format!("{}M", calls / 1_000_000),
    }
}

fn at(seconds: i64) -> String {
    moment(&time::format(seconds.saturating_mul(1_000_000)))
}

/// The length of a bar in words.
fn length(seconds: i64) -> String {
    let units = [
        (31_536_000, "year"),
        (2_592_000, "30 days"),
        (604_800, "week"),
        (86_400, "day"),
        (3_600, "hour"),
        (60, "minute"),
    ];
    let (unit, name) = units.into_iter().find(|(unit, _)| seconds % unit == 0).unwrap_or((1, "second"));
    match seconds / unit {
        1 if name.starts_with(char::is_numeric) => name.to_owned(),
        1 => format!("1 {name}"),
        many => format!("{many} {name}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shades_and_numbers() {
        assert_eq!(
            [(1, 1), (1, 1000), (40, 1000), (1000, 1000)].map(|(calls, of)| shade(calls, of)),
            [1, 1, 3, 5]
        );
        assert_eq!([7, 1_234, 56_789, 3_000_000].map(short), ["7", "1.2k", "56k", "3M"]);
        assert_eq!(
            [1, 300, 3_600, 10_800, 86_400, 2_592_000].map(length),
            ["1 second", "5 minutes", "1 hour", "3 hours", "1 day", "30 days"]
        );
    }

    #[test]
    fn a_service_is_text() {
        let facts = Facts { hours: vec![("\"><script>".to_owned(), 3, 5)], ..Facts::default() };
        let map = map(&facts);
        assert!(!map.contains("<script") && map.contains("&lt;script&gt;"), "{map}");
    }
}
