use maud::{Markup, html};

use crate::format;
use crate::report::view::{Evidence, Finding, Report};

pub(super) fn section(report: &Report) -> Markup {
    html! {
        section id="findings" aria-labelledby="findings-h" {
            h2 id="findings-h" { "Findings" }
            @if report.findings.is_empty() {
                p class="none" { "No function shows recursion, synchronous invokes, serial waits, an orchestrator or a monolith." }
            }
            @for (kind, findings) in by_kind(&report.findings) { (group(kind, &findings)) }
        }
    }
}

/// The findings of each kind, the dearest kind first.
fn by_kind(findings: &[Finding]) -> Vec<(&'static str, Vec<&Finding>)> {
    let mut kinds: Vec<(&'static str, Vec<&Finding>)> = Vec::new();
    for finding in findings {
        match kinds.iter_mut().find(|(kind, _)| *kind == finding.kind) {
            Some((_, of_kind)) => of_kind.push(finding),
            None => kinds.push((finding.kind, vec![finding])),
        }
    }
    kinds
}

fn group(kind: &str, findings: &[&Finding]) -> Markup {
    let class = if kind == "recursion" { "kind loop" } else { "kind" };
    html! {
        div class=(class) {
            div class="lead" {
                h3 { (kind) }
                @if let Some(first) = findings.first() { p class="suggestion" { (first.suggestion) } }
            }
            ol { @for finding in findings { (one(finding)) } }
        }
    }
}

fn one(finding: &Finding) -> Markup {
    html! {
        li class="finding" {
            h4 {
                span class="of" { (finding.function) }
                @if let Some(cost) = &finding.cost {
                    span class="cost" {
                        strong { (format::usd(cost.usd)) } " "
                        (format::duration(cost.ns)) @if finding.kind == "serial-wait" { " could be saved" }
                    }
                }
            }
            ul class="evidence" {
                li { b { (format::count(finding.affected)) } " of " (format::counted(finding.invocations, "invocation", "invocations")) }
                @for evidence in finding.evidence.iter().filter(|one| one.tells()) { (of_evidence(evidence)) }
            }
            @let shown: Vec<_> = finding.examples.iter().filter_map(|link| Some((link.key.as_deref()?, link))).collect();
            @if !shown.is_empty() {
                p class="seen" {
                    "Seen in "
                    @for (at, (key, link)) in shown.iter().enumerate() {
                        @if at > 0 { ", " }
                        a href=(format!("#{key}")) title=(link.request_id) { (format::shortened(&link.request_id, 9)) }
                    }
                }
            }
        }
    }
}

fn of_evidence(evidence: &Evidence) -> Markup {
    html! {
        li {
            (evidence.what) " " b { (format::evidence(evidence.value, evidence.unit)) }
            @if let Some(threshold) = evidence.threshold {
                span class="limit" { " (from " (format::evidence(threshold, evidence.unit)) " on)" }
            }
            @if !evidence.names.is_empty() {
                span class="names" { @for name in &evidence.names { code { (name) } " " } }
            }
        }
    }
}
