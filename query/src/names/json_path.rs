//! `JSONPath`, as `json_extract` and its kin take it → steps.

/// A step.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Step {
    /// A key of an object.
    Key(String),
    /// An index of an array, from 0.
    Index(u64),
    /// All items.
    All,
}

/// `$.a.b[0]["c d"]`, `lax $.a`, `a.b`; `None` if it is no path, or one that searches (`..`) or filters (`?()`).
pub(super) fn steps(path: &str) -> Option<Vec<Step>> {
    let path = path.trim();
    let path =
        path.strip_prefix("lax ").or_else(|| path.strip_prefix("strict ")).unwrap_or(path).trim_start();
    let mut rest = path.strip_prefix('$').unwrap_or(path);
    let mut steps = Vec::new();
    if rest.len() == path.len() && !rest.is_empty() && !rest.starts_with('[') {
        rest = key(rest, &mut steps)?;
    }
    while !rest.is_empty() {
        rest = match rest.strip_prefix('.') {
            Some(after) => key(after, &mut steps)?,
            None => bracketed(rest.strip_prefix('[')?, &mut steps)?,
        };
    }
    Some(steps)
}

/// A key behind a dot, perhaps in double quotes; gives what follows.
fn key<'a>(text: &'a str, steps: &mut Vec<Step>) -> Option<&'a str> {
    if let Some(quoted) = text.strip_prefix('"') {
        let (key, after) = quoted.split_once('"')?;
        steps.push(Step::Key(key.to_owned()));
        return Some(after);
    }
    let (key, after) = text.split_at(text.find(['.', '[']).unwrap_or(text.len()));
    match key {
        "" => return None,
        "*" => steps.push(Step::All),
        key if key.contains(['?', '(', '@', '*']) => return None,
        key => steps.push(Step::Key(key.to_owned())),
    }
    Some(after)
}

/// `0]`, `*]`, `"key"]` or `'key']`; gives what follows.
fn bracketed<'a>(text: &'a str, steps: &mut Vec<Step>) -> Option<&'a str> {
    let text = text.trim_start();
    if let Some(quote) = text.chars().next().filter(|first| matches!(first, '"' | '\'')) {
        let (key, after) = text[1..].split_once(quote)?;
        steps.push(Step::Key(key.to_owned()));
        return after.trim_start().strip_prefix(']');
    }
    let (step, after) = text.split_once(']')?;
    steps.push(match step.trim() {
        "*" => Step::All,
        index => Step::Index(index.parse().ok()?),
    });
    Some(after)
}

/// The path as `json_values` takes it; `None` if a key cannot be said there.
pub(super) fn fanned(steps: &[Step]) -> Option<String> {
    let mut out = String::new();
    for step in steps {
        match step {
            Step::Key(key) if key.is_empty() || key.contains(['.', '[', ']']) => return None,
            Step::Key(key) if out.is_empty() => out.push_str(key),
            Step::Key(key) => out.extend([".", key]),
            Step::Index(index) => out.extend(["[", &index.to_string(), "]"]),
            Step::All => out.push_str("[*]"),
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read() {
        let keys =
            |keys: &[&str]| Some(keys.iter().map(|key| Step::Key((*key).to_owned())).collect::<Vec<_>>());
        for (path, expected) in [
            ("$", keys(&[])),
            ("$.a.b", keys(&["a", "b"])),
            ("a.b", keys(&["a", "b"])),
            ("lax $.a", keys(&["a"])),
            (r#"$["a b"]['c.d']."e]f".AWS:x"#, keys(&["a b", "c.d", "e]f", "AWS:x"])),
            ("$.a[0][*]", Some(vec![Step::Key("a".into()), Step::Index(0), Step::All])),
            ("$..a", None),
            ("$.a[?(@.b)]", None),
            ("$.a[", None),
            ("$.", None),
            ("$a", None),
        ] {
            assert_eq!(steps(path), expected, "{path}");
        }
        assert_eq!(fanned(&steps("$.a[0].b[*].c").unwrap()).as_deref(), Some("a[0].b[*].c"));
    }
}
