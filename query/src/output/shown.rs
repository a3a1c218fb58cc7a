//! A format for programs, on a terminal after all: what would drive the terminal is shown as escapes.

use super::visible::{visible_but, visible_json};
use std::io::{self, Write};

/// A writer that lets nothing through that a person cannot see, but line feeds.
pub struct Shown<W> {
    out: W,
    /// What passes is JSON, which has escapes of its own.
    json: bool,
    /// The beginning of a character whose end has not come yet.
    begun: Vec<u8>,
}

impl<W: Write> Shown<W> {
    /// A writer in front of `out`.
    pub fn new(json: bool, out: W) -> Self {
        Self { out, json, begun: Vec::new() }
    }

    fn show(&mut self, text: &str) -> io::Result<()> {
        let shown = if self.json { visible_json(text) } else { visible_but(text, |char| char == '\n') };
        self.out.write_all(shown.as_bytes())
    }
}

impl<W: Write> Write for Shown<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut all = std::mem::take(&mut self.begun);
        all.extend_from_slice(bytes);
        let mut rest = all.as_slice();
        while !rest.is_empty() {
            match std::str::from_utf8(rest) {
                Ok(text) => {
                    self.show(text)?;
                    break;
                }
                Err(error) => {
                    let (good, bad) = rest.split_at(error.valid_up_to());
                    self.show(&String::from_utf8_lossy(good))?;
                    let Some(length) = error.error_len() else {
                        bad.clone_into(&mut self.begun);
                        break;
                    };
                    self.show("\u{fffd}")?;
                    rest = &bad[length..];
                }
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(json: bool, text: &str) -> String {
        let mut out = Vec::new();
        let mut shown = Shown::new(json, &mut out);
        // Byte by byte, so that every character is cut.
        for byte in text.bytes() {
            assert_eq!(shown.write(&[byte]).unwrap(), 1);
        }
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_terminal_is_not_driven() {
        assert_eq!(
            shown(false, "a,\u{1b}]0;x\u{7},ü漢\u{9b}2J\u{202e}\r\n"),
            "a,\\u{1b}]0;x\\u{7},ü漢\\u{9b}2J\\u{202e}\\r\n"
        );
        assert_eq!(shown(true, "{\"a\":\"\u{9b}2J\u{7f}\"}\n"), "{\"a\":\"\\u009b2J\\u007f\"}\n");
    }

    #[test]
    fn what_is_no_text_is_replaced() {
        let mut out = Vec::new();
        Shown::new(false, &mut out).write_all(b"a\xff\xfeb").unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "a\u{fffd}\u{fffd}b");
    }
}
