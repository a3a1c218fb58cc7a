//! `*` stands for anything: ids of rules in exceptions, tags, and events of services.

/// Whether `glob` is `text`, with anything in place of each `*`.
pub(crate) fn fits(glob: &str, text: &str) -> bool {
    let mut parts = glob.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything() {
        for (glob, text, expected) in [
            ("iam_x", "iam_x", true),
            ("iam_x", "iam_xy", false),
            ("iam_*", "iam_x", true),
            ("iam_*", "iam_", true),
            ("iam_*", "s3_iam_x", false),
            ("*", "x", true),
            ("*", "", true),
            ("", "x", false),
            ("*_mass_*", "s3_mass_delete", true),
            ("s3*delete", "s3_mass_delete", true),
            ("s3*delete", "s3_mass_deleted", false),
            ("a*b*c", "a1c2b", false),
            ("a*a", "a", false),
        ] {
            assert_eq!(fits(glob, text), expected, "{glob} {text}");
        }
    }
}
