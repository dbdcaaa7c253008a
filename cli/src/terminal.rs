//! Where a command writes to, and what that can show.

use std::io::{self, IsTerminal as _, Write};

use anstyle::{AnsiColor, Style};

use crate::page::styled;

/// The narrowest and the widest that text is laid out for.
const WIDTHS: (usize, usize) = (80, 160);

/// Standard output and standard error, with colours where they are wanted.
#[derive(Debug, Default)]
pub struct Terminal {
    width: Option<usize>,
}

impl Terminal {
    /// This process's own.
    pub(crate) fn new() -> Self {
        let size = terminal_size::terminal_size_of(io::stdout());
        Self { width: size.map(|(width, _)| usize::from(width.0)) }
    }

    /// How many columns there are for text; 80 where that is no terminal.
    pub(crate) fn width(&self) -> usize {
        self.width.unwrap_or(WIDTHS.0).clamp(WIDTHS.0, WIDTHS.1)
    }

    /// Writes to standard output. Styles are left out where it is no terminal or `NO_COLOR` is set, and whatever else would act on a
    /// terminal is never there.
    pub(crate) fn say(&mut self, text: &str) -> io::Result<()> {
        self.document(&styled(text))
    }

    /// Writes what is for a program, as it is.
    pub(crate) fn document(&mut self, text: &str) -> io::Result<()> {
        let mut output = anstream::stdout().lock();
        let written = output.write_all(text.as_bytes()).and_then(|()| output.flush());
        // Whoever reads may have seen enough: `hopguard report … | head`.
        written.or_else(|error| if error.kind() == io::ErrorKind::BrokenPipe { Ok(()) } else { Err(error) })
    }

    /// Writes a document for machines.
    pub(crate) fn json(&mut self, document: &impl serde::Serialize) -> io::Result<()> {
        let text = serde_json::to_string_pretty(document)?;
        self.document(&format!("{text}\n"))
    }

    /// Writes a line to standard error.
    pub(crate) fn note(&mut self, text: &str) {
        drop(writeln!(anstream::stderr(), "{}", styled(text)));
    }

    /// Says what went wrong.
    pub(crate) fn complain(&mut self, text: &str) {
        let red = Style::new().fg_color(Some(AnsiColor::Red.into())).bold();
        self.note(&format!("{red}error:{red:#} {text}"));
    }

    /// Whether standard output is shown to somebody.
    pub(crate) fn is_watched(&self) -> bool {
        io::stdout().is_terminal()
    }
}
