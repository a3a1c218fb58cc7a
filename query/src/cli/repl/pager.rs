//! Answers that are longer than the screen → the pager that the person set, or `less`.
//!
//! The program is run as it is named, with its words as arguments: no shell sees the name, let alone the answer. It gets
//! text in which everything that drives a terminal is an escape already, so it needs no option that passes colours on
//! (`-R`), and `less` is told to be secure: it then runs no commands, no editor and no preprocessor. An own pager would
//! have been one more program that reads keys, without the search that everybody knows.

use crate::output::Shown;
use std::io::{self, BufWriter, Stdout, Write};
use std::process::{Child, Command, Stdio};

/// A screen with a pager.
#[derive(Clone, Debug)]
pub(super) struct Screen {
    /// Columns and rows.
    pub(super) size: (usize, usize),
    /// Program and arguments; empty when nothing is to be paged.
    pub(super) program: Vec<String>,
}

/// What a name of a program with arguments has not: then it was meant for a shell, which there is none.
const OF_SHELLS: &[char] = &['|', ';', '&', '<', '>', '$', '`', '\'', '"', '\\', '(', ')', '*', '~'];

impl Screen {
    /// Opens it for one answer.
    pub(super) fn open(&self, json: bool) -> Box<dyn Write + Send> {
        let paged = Paged { screen: self.clone(), held: Vec::new(), lines: 0, column: 0, way: Way::Held };
        Box::new(BufWriter::new(Shown::new(json, paged)))
    }
}

/// The pager that `TRAILHOUND_PAGER` or `PAGER` names.
pub(super) fn of_environment() -> Vec<String> {
    let set = ["TRAILHOUND_PAGER", "PAGER"].into_iter().find_map(|name| std::env::var(name).ok());
    program(set.as_deref())
}

/// The words of a setting.
fn program(set: Option<&str>) -> Vec<String> {
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    match set {
        // Lines are as long as rows.
        None => words("less -S"),
        Some("cat") => vec![],
        Some(text) if text.contains(OF_SHELLS) => {
            crate::cli::say("PAGER is no program with plain arguments, so answers are not paged");
            vec![]
        }
        Some(text) => words(text),
    }
}

/// An answer on its way to the screen.
struct Paged {
    screen: Screen,
    /// What was written so far, until it is clear that it does not fit.
    held: Vec<u8>,
    lines: usize,
    column: usize,
    way: Way,
}

enum Way {
    Held,
    Plain(Stdout),
    Pager(Child),
}

impl Paged {
    /// Whether it fits on the screen, above the next prompt.
    fn fits(&mut self, bytes: &[u8]) -> bool {
        let (columns, rows) = self.screen.size;
        for byte in bytes {
            match byte {
                b'\n' => (self.lines, self.column) = (self.lines + 1 + self.column / columns.max(1), 0),
                // The bytes of a character behind its first.
                0x80..0xc0 => {}
                _ => self.column += 1,
            }
        }
        self.lines + 2 < rows
    }

    fn begin(&mut self) -> io::Result<()> {
        self.way = self.pager().map_or_else(|| Way::Plain(io::stdout()), Way::Pager);
        let held = std::mem::take(&mut self.held);
        self.pass(&held)
    }

    fn pager(&self) -> Option<Child> {
        let (program, arguments) = self.screen.program.split_first()?;
        let mut command = Command::new(program);
        command.args(arguments).env("LESSSECURE", "1").env_remove("LESSOPEN").env_remove("LESSCLOSE");
        command.stdin(Stdio::piped()).spawn().ok()
    }

    fn pass(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.way {
            Way::Held => self.held.extend_from_slice(bytes),
            Way::Plain(out) => out.write_all(bytes)?,
            Way::Pager(child) => match &mut child.stdin {
                Some(pipe) => pipe.write_all(bytes)?,
                None => return Err(io::ErrorKind::BrokenPipe.into()),
            },
        }
        Ok(())
    }
}

impl Write for Paged {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if matches!(self.way, Way::Held) && !self.fits(bytes) {
            self.begin()?;
        }
        self.pass(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.way {
            Way::Plain(out) => out.flush(),
            _ => Ok(()),
        }
    }
}

impl Drop for Paged {
    /// Waits until whoever reads has seen enough.
    fn drop(&mut self) {
        if let Way::Held = self.way {
            let mut out = io::stdout();
            let _ = out.write_all(&self.held).and_then(|()| out.flush());
        }
        if let Way::Pager(child) = &mut self.way {
            drop(child.stdin.take());
            let _ = child.wait();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_shell_is_needed() {
        assert_eq!(program(Some("less -F")), ["less", "-F"]);
        for text in ["", "cat", "less; rm -rf x", "sh -c 'less'", "less | tee x", "$LESS"] {
            assert_eq!(program(Some(text)), Vec::<String>::new(), "{text}");
        }
    }

    #[test]
    fn lines_that_are_broken_count_as_several() {
        let screen = Screen { size: (10, 10), program: vec![] };
        let fits = |text: &str| {
            let mut paged =
                Paged { screen: screen.clone(), held: vec![], lines: 0, column: 0, way: Way::Held };
            paged.fits(text.as_bytes())
        };
        assert!(fits(&"a\n".repeat(7)) && !fits(&"a\n".repeat(8)));
        assert!(fits(&"ü".repeat(75)) && !fits(&format!("{}\n", "a".repeat(75))));
    }
}
