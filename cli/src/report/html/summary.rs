use maud::{Markup, html};

use super::bars;
use crate::format;
use crate::report::view::Report;

/// What stands above everything: when, how much, and how much of that is waiting.
pub(super) fn header(report: &Report) -> Markup {
    let totals = &report.totals;
    let own_ns = totals.paid.ns.saturating_sub(totals.wait.ns);
    let skipped = report.input.skipped();
    html! {
        header class="top" {
            div class="masthead" {
                h1 { "hopguard report" }
                p class="when" {
                    (format::time(report.first_ns)) " to " (until(report)) " UTC"
                    @for filter in &report.filters { span class="chip" { (filter) } }
                }
                nav aria-label="Sections" {
                    a href="#findings" { "Findings" } a href="#cost" { "Cost" } a href="#chains" { "Chains" } a href="#invocations" { "Invocations" }
                }
            }
            @if !skipped.is_empty() {
                p class="skipped" role="note" { "Skipped while reading: " (skipped.join(", ")) "." }
            }
            dl class="figures" {
                (figure("Invocations", &format::count(totals.invocations), &of_functions(report), ""))
                (figure("Paid", &format::usd(totals.paid.usd), &format!("{} s", format::seconds(totals.paid.ns)), ""))
                (figure("Waiting", &format::usd(totals.wait.usd), &format!("{} s · {}", format::seconds(totals.wait.ns), format::percent(totals.wait.ns as f64, totals.paid.ns as f64)), "wait"))
                (figure("Findings", &format::count(report.findings.len() as u64), &kinds(report), ""))
                (figure("Blocked", &format::count(totals.blocked), &format!("in {}", format::counted(report.chains.total, "chain", "chains")), if totals.blocked > 0 { "loop" } else { "" }))
            }
            (bars::share(totals.wait.ns, totals.paid.ns))
            p class="key" {
                span class="swatch wait" {} "waiting " (format::percent(totals.wait.ns as f64, totals.paid.ns as f64))
                span class="swatch cpu" {} "everything else " (format::percent(own_ns as f64, totals.paid.ns as f64))
                @if totals.unpriced > 0 {
                    span class="warn" {
                        (format::counted(totals.unpriced, "invocation has", "invocations have")) " no price: their memory is not in the spans. Give it with --memory."
                    }
                }
            }
        }
    }
}

fn figure(term: &str, value: &str, more: &str, class: &str) -> Markup {
    html! {
        div class=(class) { dt { (term) } dd { span class="value" { (value) } span class="more" { (more) } } }
    }
}

fn until(report: &Report) -> String {
    let (first, last) = (format::time(report.first_ns), format::time(report.last_ns));
    match (first.split_once(' '), last.split_once(' ')) {
        (Some((day, _)), Some((same, time))) if day == same => time.to_owned(),
        _ => last,
    }
}

fn of_functions(report: &Report) -> String {
    let names: std::collections::BTreeSet<&str> =
        report.functions.iter().map(|row| row.function.as_str()).collect();
    let cold = report.totals.cold_starts;
    let of = format!("of {}", format::counted(names.len() as u64, "function", "functions"));
    if cold > 0 { format!("{of}, {} cold", format::count(cold)) } else { of }
}

fn kinds(report: &Report) -> String {
    let mut kinds: Vec<&str> = report.findings.iter().map(|finding| finding.kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    if kinds.is_empty() { "none of five kinds".to_owned() } else { kinds.join(", ") }
}
