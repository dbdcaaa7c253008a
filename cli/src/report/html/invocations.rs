use std::collections::HashMap;

use maud::{Markup, html};

use super::bars::Scale;
use crate::format;
use crate::report::view::{Call, Invocation, Report};

pub(super) fn section(report: &Report) -> Markup {
    let mut functions: Vec<&str> = report.invocations.iter().map(|one| one.function.as_str()).collect();
    functions.dedup();
    let shown = report.invocations.len() as u64;
    let names: Names<'_> =
        report.invocations.iter().map(|one| (one.key.as_str(), one.function.as_str())).collect();
    html! {
        section id="invocations" aria-labelledby="invocations-h" {
            h2 id="invocations-h" { "Invocations" }
            p class="formula" {
                @if shown == report.invocations_total { "All " (format::count(shown)) " are shown." }
                @else {
                    (format::count(shown)) " of " (format::count(report.invocations_total))
                    " are shown: of each function the slowest, those that waited most, the blocked, looping, failed and retried, and examples of findings and chains."
                }
            }
            p class="key" {
                span { span class="swatch wait" {} "waiting" }
                span { span class="swatch cpu" {} "processor" }
                span { span class="swatch critical" {} "critical path" }
                span { span class="swatch run" {} "one after the other" }
            }
            div class="tools" hidden {
                label { "Function " select id="pick" {
                    option value="" { "all" }
                    @for function in &functions { option value=(function) { (function) } }
                } }
                button type="button" id="open" { "Open all" }
                button type="button" id="close" { "Close all" }
            }
            div class="runs" {
                @for one in &report.invocations { (invocation(one, &names)) }
            }
        }
    }
}

/// The functions of the invocations that are shown, by their keys.
type Names<'n> = HashMap<&'n str, &'n str>;

fn invocation(one: &Invocation, names: &Names<'_>) -> Markup {
    let pieces = one.calls.iter().map(|call| (call.start_ns, call.duration_ns));
    let scale = Scale::new(pieces.chain([(0, one.handler_ns)]));
    html! {
        details class="run" id=(one.key) data-function=(one.function) {
            summary {
                span class="who" { span class="of" { (one.function) } (badges(one)) }
                span class="times" {
                    span class="clock" { (format::clock(one.start_ns)) }
                    span class="took" { (format::duration(one.handler_ns)) }
                    span class="wait" { @if one.wait.ns > 0 { (format::duration(one.wait.ns)) " wait" } }
                }
                (strip(one, Scale::new([(0, one.handler_ns)].into_iter())))
            }
            div class="body" {
                (facts(one, names))
                @if one.calls.is_empty() { p class="none" { "No calls were seen." } }
                @else { (waterfall(one, scale)) }
            }
        }
    }
}

fn badges(one: &Invocation) -> Markup {
    html! {
        @if one.blocked { span class="badge blocked" { "blocked" } }
        @if one.visits > Some(1) { span class="badge loop" { "visit " (one.visits.unwrap_or_default()) } }
        @if let Some(error) = one.error.as_deref().filter(|_| !one.blocked) { span class="badge error" { (format::shortened(error, 28)) } }
        @if one.cold_start { span class="badge" { "cold" } }
        @if one.retries > 0 { span class="badge" { (format::counted(u64::from(one.retries), "retry", "retries")) } }
        @if one.timeouts > 0 { span class="badge error" { (format::counted(u64::from(one.timeouts), "timeout", "timeouts")) } }
    }
}

/// The handler's time: the processor's, and the waits in it.
fn strip(one: &Invocation, scale: Scale) -> Markup {
    html! {
        svg class="strip" width="100%" height="10" role="img" aria-label=(format!("waiting {} of {}", format::duration(one.wait.ns), format::duration(one.handler_ns))) {
            rect class="cpu" x=(scale.x(0)) width=(scale.width(one.handler_ns)) height="10" rx="1.5" {}
            @for wait in &one.waits { rect class="wait" x=(scale.x(wait.start_ns)) width=(scale.width(wait.duration_ns)) height="10" {} }
        }
    }
}

fn facts(one: &Invocation, names: &Names<'_>) -> Markup {
    let memory = one.memory_mb.map(|memory| format!("{memory} MB"));
    let usd = |value: f64| {
        if one.memory_mb.is_some() { format!(" · {}", format::usd(value)) } else { String::new() }
    };
    let fact = |term: &str, value: String| html! { div { dt { (term) } dd { (value) } } };
    html! {
        dl class="facts" {
            (fact("Paid", format!("{} s{}", format::seconds(one.paid.ns), usd(one.paid.usd))))
            div class="wait" { dt { "Wait" } dd { (format::seconds(one.wait.ns)) " s" (usd(one.wait.usd)) } }
            (fact("Processor", format::duration(one.cpu_ns)))
            @if one.sync_invoke_wait.ns > 0 { (fact("Paid twice", format!("{} s{}", format::seconds(one.sync_invoke_wait.ns), usd(one.sync_invoke_wait.usd)))) }
            @if one.saving.ns > 0 { (fact("Could save", format!("{}{}", format::duration(one.saving.ns), usd(one.saving.usd)))) }
            @if one.retry_wait.ns > 0 { (fact("Lost to retries", format::duration(one.retry_wait.ns))) }
            @if let Some(memory) = memory { (fact("Memory", memory)) }
            @if let Some(init) = one.init_ns { (fact("Initialisation", format::duration(init))) }
            (fact("From", from(one)))
            @if let Some(hop) = one.hop { (fact("Hop", format!("{hop}{}", one.visits.map_or_else(String::new, |visits| format!(", visit {visits}"))))) }
            @if let Some(service) = &one.service { (fact("Service", service.clone())) }
            @if let Some(error) = &one.error { (fact("Error", error.clone())) }
            div { dt { "Request" } dd class="id" { (one.request_id) } }
            div { dt { "Trace" } dd class="id" { (one.trace_id) } }
            @if one.chain_id != one.trace_id { div { dt { "Chain" } dd class="id" { (one.chain_id) } } }
            @if !one.sent_by.is_empty() {
                div { dt { "Sent by" } dd { @for key in one.sent_by.iter().take(8) { a href=(format!("#{key}")) { (names.get(key.as_str()).copied().unwrap_or("its sender")) } " " } } }
            }
            div { dt { "Shown as" } dd { (one.why.iter().map(|why| why.words()).collect::<Vec<_>>().join(", ")) } }
        }
    }
}

fn from(one: &Invocation) -> String {
    let records = one
        .records
        .filter(|records| *records > 1)
        .map_or_else(String::new, |records| format!(", {records} records"));
    let route = one.route.as_deref().map_or_else(String::new, |route| format!(" {route}"));
    format!("{}{route}{records}", one.source)
}

fn waterfall(one: &Invocation, scale: Scale) -> Markup {
    let left_out = one.calls_total.saturating_sub(one.calls.len() as u64);
    html! {
        div class="scale" aria-hidden="true" { span { "0" } span { (format::duration(one.handler_ns / 2)) } span { (format::duration(one.handler_ns)) } }
        ol class="calls" aria-label="Calls, in the order of their start" {
            li class="handler" {
                span class="what" { b { "handler" } }
                (strip(one, scale))
                span class="long" { (format::duration(one.handler_ns)) }
            }
            @for call in &one.calls { (line(one, call, scale)) }
        }
        @if left_out > 0 { p class="none" { "The " (one.calls.len()) " longest of " (format::count(one.calls_total)) " calls are shown." } }
        @for run in one.serial_runs.iter().filter(|run| run.saving_ns > 0).take(8) {
            p class="serial" {
                span class="swatch run" {} " " (run.calls) " calls one after the other took " (format::duration(run.sum_ns)) ", the longest " (format::duration(run.longest_ns))
                ": up to " b { (format::duration(run.saving_ns)) } " could be saved if none needs another."
            }
        }
    }
}

fn line(one: &Invocation, call: &Call, scale: Scale) -> Markup {
    let in_run =
        call.serial_run.and_then(|run| one.serial_runs.get(run)).is_some_and(|run| run.saving_ns > 0);
    let class = if in_run { "in-run" } else { "" };
    let bar = match (call.critical, call.error.is_some()) {
        (true, true) => "wait critical failed",
        (true, false) => "wait critical",
        (false, true) => "wait failed",
        (false, false) => "wait",
    };
    html! {
        li class=(class) {
            span class="what" {
                b { (call.service) } "." (call.operation)
                @if let Some(target) = &call.target { " " span class="target" { (target) } }
                @if let Some(key) = &call.callee { " " a href=(format!("#{key}")) { "its invocation" } }
                @if call.sync_invoke { span class="badge sync" { "paid twice" } }
                @if call.retries > 0 { span class="badge" { (format::counted(u64::from(call.retries), "retry", "retries")) } }
                @if let Some(error) = &call.error { span class="badge error" { @if call.timed_out { "timeout: " } (format::shortened(error, 32)) } }
                @if !call.depends_on.is_empty() { span class="badge" { "needs an earlier answer" } }
                @if call.critical { span class="sr" { " on the critical path" } }
            }
            svg class="bar" width="100%" height="14" aria-hidden="true" {
                rect class=(bar) x=(scale.x(call.start_ns)) y="2" width=(scale.width(call.duration_ns)) height="10" rx="1.5" {}
                @for attempt in call.attempts.iter().skip(1) { rect class="again" x=(scale.x(attempt.start_ns)) y="0" width="1.5" height="14" {} }
            }
            span class="long" { (format::duration(call.duration_ns)) @if let Some(status) = call.status.filter(|status| *status >= 400) { small { " " (status) } } }
        }
    }
}
