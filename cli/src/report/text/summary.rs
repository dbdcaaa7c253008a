use super::{LOOP, WAIT, bar};
use crate::format;
use crate::page::{BOLD, DIM, Page};
use crate::report::view::Report;

pub(super) fn write(page: &mut Page, report: &Report) {
    let totals = &report.totals;
    let skipped = report.input.skipped();
    page.line(&format!(
        "{BOLD}hopguard report{BOLD:#}  {} to {} UTC",
        format::time(report.first_ns),
        format::time(report.last_ns)
    ));
    if !report.filters.is_empty() {
        page.words(&format!("only {}", report.filters.join(", ")), 0, DIM);
    }
    if !skipped.is_empty() {
        page.words(&format!("skipped while reading: {}", skipped.join(", ")), 0, DIM);
    }
    page.line("");
    let chains = format::counted(report.chains.total, "chain", "chains");
    let findings = format::counted(report.findings.len() as u64, "finding", "findings");
    let style = if totals.blocked > 0 { LOOP } else { DIM };
    page.line(&format!(
        "{} in {chains}, {findings}, {style}{} blocked{style:#}",
        format::counted(totals.invocations, "invocation", "invocations"),
        format::count(totals.blocked)
    ));
    let figure = |ns: u64, usd: f64| format!("{:>12} s   {:<14}", format::seconds(ns), format::usd(usd));
    page.line(&format!("paid {}", figure(totals.paid.ns, totals.paid.usd)));
    let (filled, rest) = bar::share(totals.wait.ns, totals.paid.ns, page.width.saturating_sub(44));
    page.line(&format!(
        "wait {WAIT}{}{:>5}  {filled}{WAIT:#}{DIM}{rest}{DIM:#}",
        figure(totals.wait.ns, totals.wait.usd),
        format::percent(totals.wait.ns as f64, totals.paid.ns as f64)
    ));
    if totals.unpriced > 0 {
        let without = format::counted(
            totals.unpriced,
            "invocation has no price: its memory is",
            "invocations have no price: their memory is",
        );
        page.words(&format!("{without} not in the spans; give it with --memory"), 0, DIM);
    }
}
