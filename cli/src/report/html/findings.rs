use maud::{Markup, html};

use crate::report::format;
use crate::report::view::{Evidence, Finding, Report};

pub(super) fn section(report: &Report) -> Markup {
    html! {
        section id="findings" aria-labelledby="findings-h" {
            h2 id="findings-h" { "Findings" }
            @if report.findings.is_empty() {
                p class="none" { "No function shows recursion, synchronous invokes, serial waits, an orchestrator or a monolith." }
            }
            ol class="findings" {
                @for finding in &report.findings { (one(finding)) }
            }
        }
    }
}

fn one(finding: &Finding) -> Markup {
    let class = if finding.kind == "recursion" { "finding loop" } else { "finding" };
    html! {
        li class=(class) {
            div class="lead" {
                h3 { span class="kind" { (finding.kind) } " " span class="of" { (finding.function) } }
                @if let Some(cost) = &finding.cost {
                    p class="cost" {
                        strong { (format::usd(cost.usd)) } " "
                        (format::duration(cost.ns)) @if finding.kind == "serial-wait" { " could be saved" }
                    }
                }
            }
            ul class="evidence" {
                li { (format::count(finding.affected)) " of " (format::counted(finding.invocations, "invocation", "invocations")) }
                @for evidence in &finding.evidence { (of_evidence(evidence)) }
            }
            p class="suggestion" { (finding.suggestion) }
            @let shown: Vec<_> = finding.examples.iter().filter_map(|link| Some((link.key.as_deref()?, link))).collect();
            @if !shown.is_empty() {
                p class="seen" {
                    "Seen in "
                    @for (at, (key, link)) in shown.iter().enumerate() {
                        @if at > 0 { ", " }
                        a href=(format!("#{key}")) title=(link.request_id) { (format::shortened(&link.request_id, 13)) }
                    }
                }
            }
        }
    }
}

fn of_evidence(evidence: &Evidence) -> Markup {
    html! {
        li {
            (evidence.what) " " b { (number(evidence.value, evidence.unit)) }
            @if let Some(threshold) = evidence.threshold {
                span class="limit" { " (from " (number(threshold, evidence.unit)) " on)" }
            }
            @if !evidence.names.is_empty() {
                span class="names" { @for name in &evidence.names { code { (name) } " " } }
            }
        }
    }
}

/// A number of evidence in its unit.
pub(crate) fn number(value: f64, unit: &str) -> String {
    let ns = |factor: f64| format::duration((value * factor).max(0.0) as u64);
    match unit {
        "1" | "" => format::digits(value, 6),
        "%" => format!("{} %", format::digits(value, 3)),
        "ns" => ns(1.0),
        "ms" => ns(1e6),
        "s" => ns(1e9),
        "By" => format::bytes(value.max(0.0) as u64),
        "MBy" | "MB" => format!("{} MB", format::digits(value, 3)),
        "USD" | "{USD}" => format::usd(value),
        other => format!("{} {other}", format::digits(value, 4)),
    }
}
