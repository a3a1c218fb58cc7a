//! Text, line by line → statements: what ends with a `;` that is in no text and in no comment.

/// Statements that are being typed.
#[derive(Debug, Default)]
pub(super) struct Statements {
    begun: String,
}

impl Statements {
    /// Takes more text, and gives the statements that are complete, without their semicolons.
    pub(super) fn add(&mut self, text: &str) -> Vec<String> {
        self.begun.push_str(text);
        let scan = scan(&self.begun);
        let (mut from, mut done) = (0, Vec::new());
        for (end, is_statement) in scan.ends {
            if is_statement {
                done.push(self.begun[from..end].trim().to_owned());
            }
            from = end + 1;
        }
        self.begun.drain(..from);
        if !scan.begun && !scan.open {
            self.begun.clear();
        }
        done
    }

    /// What is left when nothing more comes.
    pub(super) fn end(&mut self) -> Vec<String> {
        let left = std::mem::take(&mut self.begun);
        if left.is_empty() { vec![] } else { vec![left.trim().to_owned()] }
    }

    /// Whether no statement is begun.
    pub(super) fn is_empty(&self) -> bool {
        self.begun.is_empty()
    }

    /// Bytes of the statement that is begun.
    pub(super) fn len(&self) -> usize {
        self.begun.len()
    }
}

/// Whether nothing is missing: there is no statement, or each has its end.
pub(super) fn are_complete(text: &str) -> bool {
    let scan = scan(text);
    !scan.begun && !scan.open
}

/// Whether a text stops inside of quotes, or of a comment.
pub(super) fn is_open(text: &str) -> bool {
    let scan = scan(text);
    scan.open || scan.remark
}

/// What a text is made of.
#[derive(Debug, Default)]
struct Scan {
    /// The places of semicolons, and whether a statement stands before each.
    ends: Vec<(usize, bool)>,
    /// Whether behind the last one is more than spaces and comments.
    begun: bool,
    /// Whether a text or a comment has no end yet.
    open: bool,
    /// Whether the text stops behind `--`: that ends by itself.
    remark: bool,
}

/// All marks are ASCII, so bytes will do.
fn scan(text: &str) -> Scan {
    let bytes = text.as_bytes();
    let (mut scan, mut at) = (Scan::default(), 0);
    while let Some(&byte) = bytes.get(at) {
        let rest = &bytes[at..];
        let length = match byte {
            b';' => {
                scan.ends.push((at, std::mem::take(&mut scan.begun)));
                Some(1)
            }
            b'\'' | b'"' | b'`' => {
                scan.begun = true;
                quoted(rest, byte == b'\'' && has_escapes(&bytes[..at]))
            }
            b'-' if rest.starts_with(b"--") => {
                let end = rest.iter().position(|&byte| byte == b'\n');
                scan.remark = end.is_none();
                Some(end.unwrap_or(rest.len()))
            }
            b'/' if rest.starts_with(b"/*") => comment(rest),
            byte => {
                scan.begun |= !byte.is_ascii_whitespace();
                Some(1)
            }
        };
        scan.open = length.is_none();
        at += length.unwrap_or(rest.len());
    }
    scan
}

/// Whether what stands before a quote makes it one of `E'it\'s'`.
fn has_escapes(before: &[u8]) -> bool {
    let [start @ .., b'e' | b'E'] = before else { return false };
    !start.last().is_some_and(|&byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// The length of a text in quotes; `None` if it does not end. A doubled quote ends it and begins another at once, which
/// is the same here.
fn quoted(text: &[u8], has_escapes: bool) -> Option<usize> {
    let mut at = 1;
    while let Some(&byte) = text.get(at) {
        if byte == text[0] {
            return Some(at + 1);
        }
        at += if has_escapes && byte == b'\\' { 2 } else { 1 };
    }
    None
}

/// The length of a comment, in which there may be others; `None` if it does not end.
fn comment(text: &[u8]) -> Option<usize> {
    let (mut at, mut depth) = (0, 0_u32);
    while at < text.len() {
        match &text[at..] {
            [b'/', b'*', ..] => (at, depth) = (at + 2, depth + 1),
            [b'*', b'/', ..] => (at, depth) = (at + 2, depth - 1),
            _ => at += 1,
        }
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(lines: &[&str], expected: &[&str]) {
        let mut statements = Statements::default();
        let mut all = lines.iter().flat_map(|line| statements.add(line)).collect::<Vec<_>>();
        all.extend(statements.end());
        assert_eq!(all, expected, "{lines:?}");
        // The same, however it is cut.
        let mut statements = Statements::default();
        let text = lines.concat();
        let mut all = text.chars().flat_map(|one| statements.add(&one.to_string())).collect::<Vec<_>>();
        all.extend(statements.end());
        if !text.contains("--") && !text.contains("/*") {
            assert_eq!(all, expected, "{lines:?} by characters");
        }
    }

    #[test]
    fn statements_end_with_a_semicolon() {
        check(&["select 1; select\n", "2;\n"], &["select 1", "select\n2"]);
        check(&["select 1"], &["select 1"]);
        check(&[";;", " ; \n"], &[]);
        check(&["select 'ü;漢' ;"], &["select 'ü;漢'"]);
    }

    #[test]
    fn one_in_a_text_or_a_comment_does_not_count() {
        check(
            &["select ';', \"a;b\", `;`, 'it''s;'; select 2"],
            &["select ';', \"a;b\", `;`, 'it''s;'", "select 2"],
        );
        check(&["select 1 -- a; b\n", "+ 2; -- done"], &["select 1 -- a; b\n+ 2"]);
        check(&["select /* a; /* b; */ ' */ 1;"], &["select /* a; /* b; */ ' */ 1"]);
        check(&["select E'it\\';s', e';', name';';"], &["select E'it\\';s', e';', name';'"]);
        check(&["-- nothing\n", "/* at; all */"], &[]);
        check(&["select 4 / 2 - -1;"], &["select 4 / 2 - -1"]);
    }

    #[test]
    fn what_is_complete() {
        for text in ["", "  ", "select 1;", "select 1; -- x", "select ';';", "-- x", "/* x */"] {
            assert!(are_complete(text), "{text}");
        }
        for text in ["select 1", "select 1; select", "select ';", "/* x", "select 1; /* x", "select \"a;"] {
            assert!(!are_complete(text), "{text}");
        }
    }
}
