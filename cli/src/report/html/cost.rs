use maud::{Markup, html};

use crate::format;
use crate::report::view::{FunctionCost, MAX_FUNCTIONS, Report, Totals};

/// The columns: title, what it means, class.
const COLUMNS: [(&str, &str, &str); 11] = [
    ("Function", "by faas.name", ""),
    ("MB", "the memory that it is given", "n"),
    ("Runs", "invocations", "n"),
    ("Paid s", "handler and initialisation, each run rounded up to a millisecond", "n"),
    ("GB-s", "paid seconds × MB ÷ 1024", "n"),
    ("USD", "GB-s × price", "n"),
    ("Wait s", "the time with a call in flight", "n wait"),
    ("Wait USD", "wait seconds × MB ÷ 1024 × price", "n wait"),
    ("Wait", "share of what is paid", "n wait"),
    ("Paid twice", "what it paid while it waited for other functions", "n"),
    ("Could save", "calls made one after the other, run together: a candidate", "n"),
];

pub(super) fn section(report: &Report) -> Markup {
    let price = &report.price;
    let beyond = report.functions.len().saturating_sub(MAX_FUNCTIONS);
    html! {
        section id="cost" aria-labelledby="cost-h" {
            h2 id="cost-h" { "Cost by function" }
            p class="formula" {
                "USD = seconds × MB ÷ 1024 × " b { (format::price(price.usd_per_gb_second)) } " — "
                (price.source) @if !price.date.is_empty() { ", " time { (price.date) } }
            }
            div class="scroll" role="region" aria-labelledby="cost-h" tabindex="0" {
                table class="cost" role="table" {
                    thead role="rowgroup" {
                        tr role="row" { @for (title, meaning, class) in COLUMNS { th role="columnheader" scope="col" class=(class) title=(meaning) { (title) } } }
                    }
                    tbody role="rowgroup" { @for row in report.functions.iter().take(MAX_FUNCTIONS) { (line(row)) } }
                    tfoot role="rowgroup" {
                        @if beyond > 0 {
                            tr role="row" { td role="cell" colspan="11" class="beyond" { "and " (format::counted(beyond as u64, "more line, less dear", "more lines, less dear")) ": --output json has all" } }
                        }
                        @if report.functions.len() > 1 { (cells("Total", None, &report.totals)) }
                    }
                }
            }
        }
    }
}

fn line(row: &FunctionCost) -> Markup {
    cells(&row.function, row.memory_mb, &row.totals)
}

fn cells(name: &str, memory_mb: Option<u32>, totals: &Totals) -> Markup {
    let priced = totals.unpriced < totals.invocations;
    let usd = |usd: f64| if priced { format::usd(usd) } else { "–".to_owned() };
    let memory = memory_mb.map_or_else(|| "–".to_owned(), |memory| memory.to_string());
    let pair = |seconds: u64, value: f64| {
        if seconds == 0 {
            ("–".to_owned(), String::new())
        } else {
            (usd(value), format!("{} s", format::seconds(seconds)))
        }
    };
    let (twice, twice_s) = pair(totals.sync_invoke_wait.ns, totals.sync_invoke_wait.usd);
    let (saving, saving_s) = pair(totals.saving.ns, totals.saving.usd);
    html! {
        tr role="row" {
            th role="rowheader" scope="row" { (name) }
            td role="cell" class="n" data-label="MB" { (memory) }
            td role="cell" class="n" data-label="Runs" { (format::count(totals.invocations)) }
            td role="cell" class="n" data-label="Paid s" { (format::seconds(totals.paid.ns)) }
            td role="cell" class="n" data-label="GB-s" { @if priced { (format::gb_seconds(totals.paid.gb_seconds)) } @else { "–" } }
            td role="cell" class="n" data-label="USD" { (usd(totals.paid.usd)) }
            td role="cell" class="n wait" data-label="Wait s" { (format::seconds(totals.wait.ns)) }
            td role="cell" class="n wait" data-label="Wait USD" { (usd(totals.wait.usd)) }
            td role="cell" class="n share" data-label="Wait" {
                span { (format::percent(totals.wait.ns as f64, totals.paid.ns as f64)) }
                (super::bars::share(totals.wait.ns, totals.paid.ns))
            }
            td role="cell" class=(pair_class(&twice_s)) data-label="Paid twice" { (twice) @if !twice_s.is_empty() { small { (twice_s) } } }
            td role="cell" class=(pair_class(&saving_s)) data-label="Could save" { (saving) @if !saving_s.is_empty() { small { (saving_s) } } }
        }
    }
}

/// What says nothing is left out where there is little room.
const fn pair_class(seconds: &str) -> &'static str {
    if seconds.is_empty() { "n nil" } else { "n" }
}
