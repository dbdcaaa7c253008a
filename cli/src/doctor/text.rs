use super::check::{Check, Examined, Level};
use crate::page::{BOLD, DIM, GREEN, PLAIN, Page, RED, YELLOW};

/// Where the words of a check begin.
const COLUMN: usize = 8;

pub(super) fn render(examined: &Examined, width: usize) -> String {
    let mut page = Page::new(width);
    page.line(&format!("{BOLD}{}{BOLD:#}", examined.function));
    for check in &examined.checks {
        write(&mut page, check);
    }
    page.line("");
    page.into_text()
}

fn write(page: &mut Page, check: &Check) {
    let (style, word) = match check.level {
        Level::Error => (RED, "WRONG"),
        Level::Warning => (YELLOW, "warn"),
        Level::Unknown => (DIM, "?"),
        Level::Ok => (GREEN, "ok"),
    };
    let mut words = Page::new(page.width);
    words.words(&format!("{}: {}", check.check, check.message), COLUMN, PLAIN);
    if let Some(advice) = &check.advice {
        words.words(&format!("-> {advice}"), COLUMN, DIM);
    }
    for (place, line) in words.into_text().lines().enumerate() {
        let rest = line.get(COLUMN..).unwrap_or_default();
        if place == 0 {
            page.line(&format!("  {style}{word:<6}{style:#}{rest}"));
        } else {
            page.line(line);
        }
    }
}
