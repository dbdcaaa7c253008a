use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest as _, Sha256};

use super::{chains, cost, findings, invocations, summary};
use crate::format;
use crate::report::graph;
use crate::report::view::Report;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("page.js");

/// The page. Whatever comes from spans goes through maud, which escapes it; beyond that the policy lets nothing run or load but the
/// one style and the one script below, by their hashes.
pub(crate) fn render(report: &Report) -> String {
    let policy = format!(
        "default-src 'none'; style-src '{}'; script-src '{}'; base-uri 'none'; form-action 'none'",
        hash(STYLE),
        hash(SCRIPT)
    );
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                meta name="generator" content=(format!("hopguard {}", report.hopguard));
                title { (title(report)) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                a class="skip" href="#findings" { "Skip to the findings" }
                (graph::markers())
                (summary::header(report))
                main {
                    (findings::section(report))
                    (cost::section(report))
                    (chains::section(report))
                    (invocations::section(report))
                }
                (notes(report))
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    page.into_string()
}

fn title(report: &Report) -> String {
    let day = format::time(report.first_ns);
    format!("hopguard report, {}", day.split(' ').next().unwrap_or_default())
}

fn hash(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(text.as_bytes())))
}

fn notes(report: &Report) -> Markup {
    let price = &report.price;
    let skipped = report.input.skipped();
    html! {
        footer class="notes" id="notes" {
            h2 { "How to read this" }
            dl {
                dt { "Wait" }
                dd { "The time in which at least one call was in flight: calls that overlap count once. Where the processor's time was measured, never more than the handler was idle." }
                dt { "Paid" }
                dd { "The handler's time and, where known, its initialisation, each invocation rounded up to a whole millisecond. Lambda may bill a little more, for extensions that work after the answer." }
                dt { "USD" }
                dd {
                    (price.formula) ", at " (format::price(price.usd_per_gb_second)) " per GB-second ("
                    (price.source) @if !price.date.is_empty() { ", as of " (price.date) } "). Every figure in USD follows from the seconds and the memory beside it. "
                    "Requests come on top: " (format::count(report.totals.invocations)) " × " (format::price(price.usd_per_request)) " = " (format::usd(report.totals.requests_usd)) "."
                }
                dt { "Paid twice" }
                dd { "A function that waits for another is billed for the same time as the other one: this is the caller's part." }
                dt { "Could be saved" }
                dd { "Calls made one after the other, run together: their sum less the longest, or less those of which a later one shows an earlier one's output. A candidate: that nothing else depends is not known." }
                dt { "Input" }
                dd {
                    (format::counted(report.input.spans, "span", "spans")) " in "
                    (format::counted(report.input.requests, "request", "requests")) " of "
                    (format::counted(report.input.files, "file", "files")) ". "
                    @if report.calls_without_invocation > 0 {
                        (format::counted(report.calls_without_invocation, "call belongs", "calls belong")) " to an invocation that is not in the input. "
                    }
                    @if skipped.is_empty() { "Nothing was skipped." } @else { "Skipped: " (skipped.join(", ")) "." }
                }
            }
            p class="made" { "Made by hopguard " (report.hopguard) ". This page loads nothing." }
        }
    }
}
