//! The report for a terminal: 80 columns and wider, waits in red.

mod bar;
mod chains;
mod cost;
mod findings;
mod summary;
mod table;
mod waterfall;

use anstyle::{AnsiColor, Style};
use unicode_width::UnicodeWidthStr as _;

use super::view::Report;

const PLAIN: Style = Style::new();
const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const WAIT: Style = AnsiColor::Red.on_default();
const LOOP: Style = AnsiColor::Magenta.on_default();

/// The whole report. Escape sequences for colours are in it; where they do not belong, whoever writes it strips them.
pub(crate) fn render(report: &Report, width: usize) -> String {
    let mut page = Page { width, text: String::new() };
    summary::write(&mut page, report);
    findings::write(&mut page, report);
    cost::write(&mut page, report);
    chains::write(&mut page, report);
    waterfall::write(&mut page, report);
    page.text
}

/// Text of a width.
struct Page {
    width: usize,
    text: String,
}

impl Page {
    fn line(&mut self, text: &str) {
        self.text.push_str(text.trim_end());
        self.text.push('\n');
    }

    fn heading(&mut self, title: &str, more: &str) {
        self.line("");
        let more = table::cut(more, self.width.saturating_sub(title.width() + 2));
        self.line(&format!("{BOLD}{title}{BOLD:#}  {DIM}{more}{DIM:#}"));
    }

    /// Words, broken into lines that begin with `indent` columns.
    fn words(&mut self, text: &str, indent: usize, style: Style) {
        let mut line = String::new();
        for word in text.split_whitespace() {
            if !line.is_empty() && indent + line.width() + 1 + word.width() > self.width {
                self.line(&format!("{:indent$}{style}{line}{style:#}", ""));
                line.clear();
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(&table::cut(word, self.width.saturating_sub(indent)));
        }
        if !line.is_empty() {
            self.line(&format!("{:indent$}{style}{line}{style:#}", ""));
        }
    }
}
