//! Text for a terminal: lines of at most so many columns, and styles.

mod plain;
mod table;

use anstyle::{AnsiColor, Style};
use unicode_width::UnicodeWidthStr as _;

pub(crate) use plain::{plain, styled};
pub(crate) use table::{Cell, Table, cut};

pub(crate) const PLAIN: Style = Style::new();
pub(crate) const BOLD: Style = Style::new().bold();
pub(crate) const DIM: Style = Style::new().dimmed();
pub(crate) const RED: Style = AnsiColor::Red.on_default();
pub(crate) const YELLOW: Style = AnsiColor::Yellow.on_default();
pub(crate) const GREEN: Style = AnsiColor::Green.on_default();

/// Text of a width.
pub(crate) struct Page {
    pub(crate) width: usize,
    text: String,
}

impl Page {
    pub(crate) const fn new(width: usize) -> Self {
        Self { width, text: String::new() }
    }

    pub(crate) fn into_text(self) -> String {
        self.text
    }

    pub(crate) fn line(&mut self, text: &str) {
        self.text.push_str(text.trim_end());
        self.text.push('\n');
    }

    pub(crate) fn heading(&mut self, title: &str, more: &str) {
        self.line("");
        let more = cut(more, self.width.saturating_sub(title.width() + 2));
        self.line(&format!("{BOLD}{title}{BOLD:#}  {DIM}{more}{DIM:#}"));
    }

    /// Words, broken into lines that begin with `indent` columns.
    pub(crate) fn words(&mut self, text: &str, indent: usize, style: Style) {
        let mut line = String::new();
        for word in text.split_whitespace() {
            if !line.is_empty() && indent + line.width() + 1 + word.width() > self.width {
                self.line(&format!("{:indent$}{style}{line}{style:#}", ""));
                line.clear();
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(&cut(word, self.width.saturating_sub(indent)));
        }
        if !line.is_empty() {
            self.line(&format!("{:indent$}{style}{line}{style:#}", ""));
        }
    }
}
