//! Patterns of times: those of `date_format` (`MySQL`'s) and of `format_datetime` (Joda's) → those of `strftime`.

/// A pattern of `date_format` and `date_parse`.
///
/// # Errors
/// In words, which part has no counterpart.
pub(super) fn of_mysql(pattern: &str) -> Result<String, String> {
    let mut out = String::with_capacity(pattern.len());
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        if character != '%' {
            out.push(character);
            continue;
        }
        let part = characters.next().unwrap_or('%');
        out.push_str(match part {
            'a' => "%a",
            'b' => "%b",
            'c' => "%-m",
            'd' => "%d",
            'e' => "%-d",
            'f' => "%6f",
            'H' => "%H",
            'h' | 'I' => "%I",
            'i' => "%M",
            'j' => "%j",
            'k' => "%-H",
            'l' => "%-I",
            'M' => "%B",
            'm' => "%m",
            'p' => "%p",
            'r' => "%I:%M:%S %p",
            'S' | 's' => "%S",
            'T' => "%H:%M:%S",
            'v' => "%V",
            'W' => "%A",
            'x' => "%G",
            'Y' => "%Y",
            'y' => "%y",
            '%' => "%%",
            other => return Err(format!("%{other} of the pattern '{pattern}' is not supported")),
        });
    }
    Ok(out)
}

/// A pattern of `format_datetime` and `parse_datetime`.
///
/// # Errors
/// In words, which part has no counterpart.
pub(super) fn of_joda(pattern: &str) -> Result<String, String> {
    let mut out = String::with_capacity(pattern.len());
    let mut rest = pattern;
    while let Some(first) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix('\'') {
            let (text, after) = literal(after);
            out.push_str(&text.replace('%', "%%"));
            rest = after;
            continue;
        }
        let run = rest.len() - rest.trim_start_matches(first).len();
        let part = match (first, run / first.len_utf8()) {
            ('y' | 'Y' | 'u', 2) => "%y",
            ('y' | 'Y' | 'u', _) => "%Y",
            ('M', 1) => "%-m",
            ('M', 2) => "%m",
            ('M', 3) => "%b",
            ('M', _) => "%B",
            ('d', 1) => "%-d",
            ('d', _) => "%d",
            ('D', _) => "%j",
            ('E', 1..=3) => "%a",
            ('E', _) => "%A",
            ('e', _) => "%u",
            ('H', 1) => "%-H",
            ('H', _) => "%H",
            ('h', 1) => "%-I",
            ('h', _) => "%I",
            ('m', _) => "%M",
            ('s', _) => "%S",
            ('S', 1..=3) => "%3f",
            ('S', _) => "%6f",
            ('a', _) => "%p",
            ('w', _) => "%V",
            ('x', _) => "%G",
            ('Z' | 'z', _) => "%z",
            ('%', _) => "%%",
            (other, _) if other.is_ascii_alphabetic() => {
                return Err(format!("{other} of the pattern '{pattern}' is not supported"));
            }
            _ => &rest[..run],
        };
        out.push_str(part);
        rest = &rest[run..];
    }
    Ok(out)
}

/// The text of a literal part, behind the quote that begins it, and what follows. `''` is a quote, inside and outside.
fn literal(after: &str) -> (String, &str) {
    if let Some(after) = after.strip_prefix('\'') {
        return ("'".to_owned(), after);
    }
    let mut text = String::new();
    let mut rest = after;
    loop {
        let (part, after) = rest.split_once('\'').unwrap_or((rest, ""));
        text.push_str(part);
        match after.strip_prefix('\'') {
            Some(after) => {
                text.push('\'');
                rest = after;
            }
            None => return (text, after),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_said_as_strftime_does() {
        assert_eq!(of_mysql("%Y-%m-%dT%H:%i:%sZ").as_deref(), Ok("%Y-%m-%dT%H:%M:%SZ"));
        assert_eq!(of_mysql("%M %e %W 100%%").as_deref(), Ok("%B %-d %A 100%%"));
        assert!(of_mysql("%q").is_err());
        assert_eq!(of_joda("yyyy-MM-dd'T'HH:mm:ss'Z'").as_deref(), Ok("%Y-%m-%dT%H:%M:%SZ"));
        assert_eq!(of_joda("EEEE ''d 'o''clock' HH.SSS").as_deref(), Ok("%A '%-d o'clock %H.%3f"));
        assert!(of_joda("GG").is_err());
    }
}
