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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_functions_variables_acts_on_the_terminal() {
        let next = Check::ok("wrapper", "/opt/hopguard/wrap, then \u{1b}]0;owned\u{7}\u{1b}[2J/opt/other");
        let examined = Examined { function: "worker".to_owned(), checks: vec![next] };
        let text = render(&examined, 80);
        assert!(text.contains("then \u{fffd}]0;owned\u{fffd}\u{fffd}[2J/opt/other"), "{text:?}");
        assert!(text.contains("\u{1b}[1mworker"), "styles stay: {text:?}");
        assert!(!text.contains("\u{1b}]") && !text.contains("\u{1b}[2J"), "{text:?}");
    }
}
