use anstyle::Style;

use super::{WAIT, bar};
use crate::format;
use crate::page::{BOLD, DIM, PLAIN, Page};
use crate::page::{Cell, Table};
use crate::report::view::{FunctionCost, MAX_FUNCTIONS, Report, Totals};

pub(super) fn write(page: &mut Page, report: &Report) {
    let price = &report.price;
    let as_of = if price.date.is_empty() { String::new() } else { format!(", {}", price.date) };
    page.heading("COST", "USD = seconds × MB ÷ 1024 × price");
    page.words(
        &format!("price {} per GB-second: {}{as_of}", format::price(price.usd_per_gb_second), price.source),
        2,
        DIM,
    );
    let rows: Vec<&FunctionCost> = report.functions.iter().take(MAX_FUNCTIONS).collect();
    let mut money = Table::default();
    money.row(
        ["  function", "MB", "runs", "paid s", "GB-s", "USD", "wait s", "wait USD"]
            .map(|title| Cell::new(title, DIM)),
    );
    for row in &rows {
        money.row(first(&row.function, row.memory_mb, &row.totals, PLAIN));
    }
    if report.functions.len() > 1 {
        money.row(first("total", None, &report.totals, BOLD));
    }
    for line in money.lines(page.width) {
        page.line(&line);
    }
    if report.functions.len() > rows.len() {
        page.line(&format!(
            "  and {} more, less dear: --output json has all",
            report.functions.len() - rows.len()
        ));
    }
    page.heading("WAIT", "of what is paid; twice: while waiting for functions; save: a candidate");
    let mut waits = Table::default();
    let titles = ["  function", "", "wait", "twice s", "twice USD", "save s", "save USD"];
    waits.row(titles.map(|title| Cell::new(title, DIM)));
    for row in rows.iter().filter(|row| row.totals.wait.ns > 0) {
        waits.row(second(&row.function, &row.totals, page.width));
    }
    for line in waits.lines(page.width) {
        page.line(&line);
    }
}

fn first(name: &str, memory_mb: Option<u32>, totals: &Totals, style: Style) -> [Cell; 8] {
    let cell = |text: String| Cell::new(text, style);
    [
        cell(format!("  {name}")),
        cell(memory_mb.map_or_else(|| "–".to_owned(), |memory| memory.to_string())),
        cell(format::count(totals.invocations)),
        cell(format::seconds(totals.paid.ns)),
        cell(priced(totals, format::gb_seconds(totals.paid.gb_seconds))),
        cell(priced(totals, format::usd(totals.paid.usd))),
        Cell::new(format::seconds(totals.wait.ns), WAIT),
        Cell::new(priced(totals, format::usd(totals.wait.usd)), WAIT),
    ]
}

fn second(name: &str, totals: &Totals, width: usize) -> [Cell; 7] {
    let (filled, _) = bar::share(totals.wait.ns, totals.paid.ns, if width >= 100 { 24 } else { 10 });
    let padded = format!("{filled:<width$}", width = if width >= 100 { 24 } else { 10 });
    let seconds = |ns: u64| if ns == 0 { "–".to_owned() } else { format::seconds(ns) };
    let usd = |ns: u64, usd: f64| if ns == 0 { "–".to_owned() } else { priced(totals, format::usd(usd)) };
    [
        format!("  {name}").into(),
        Cell::new(padded, WAIT),
        format::percent(totals.wait.ns as f64, totals.paid.ns as f64).into(),
        seconds(totals.sync_invoke_wait.ns).into(),
        usd(totals.sync_invoke_wait.ns, totals.sync_invoke_wait.usd).into(),
        seconds(totals.saving.ns).into(),
        usd(totals.saving.ns, totals.saving.usd).into(),
    ]
}

fn priced(totals: &Totals, text: String) -> String {
    if totals.unpriced < totals.invocations { text } else { "–".to_owned() }
}
