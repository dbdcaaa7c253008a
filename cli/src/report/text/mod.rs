//! The report for a terminal: 80 columns and wider, waits in red.

mod bar;
mod chains;
mod cost;
mod findings;
mod summary;
mod waterfall;

use anstyle::{AnsiColor, Style};

use super::view::Report;
use crate::page::Page;

const WAIT: Style = AnsiColor::Red.on_default();
const LOOP: Style = AnsiColor::Magenta.on_default();

/// The whole report. Escape sequences for colours are in it; where they do not belong, whoever writes it strips them.
pub(crate) fn render(report: &Report, width: usize) -> String {
    let mut page = Page::new(width);
    summary::write(&mut page, report);
    findings::write(&mut page, report);
    cost::write(&mut page, report);
    chains::write(&mut page, report);
    waterfall::write(&mut page, report);
    page.into_text()
}
