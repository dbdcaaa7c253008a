use unicode_width::UnicodeWidthStr as _;

use super::{LOOP, WAIT, bar};
use crate::format;
use crate::page::cut;
use crate::page::{BOLD, DIM, Page};
use crate::report::view::{Call, Invocation, Report};

/// How many invocations are shown: those that waited most, each of another function.
const MAX_SHOWN: usize = 6;
/// How many calls of each.
const MAX_CALLS: usize = 16;

pub(super) fn write(page: &mut Page, report: &Report) {
    let mut longest: Vec<&Invocation> =
        report.invocations.iter().filter(|one| !one.calls.is_empty()).collect();
    longest.sort_by_key(|one| std::cmp::Reverse(one.wait.ns));
    let mut functions = std::collections::BTreeSet::new();
    longest.retain(|one| functions.insert(one.function.as_str()));
    longest.truncate(MAX_SHOWN);
    if longest.is_empty() {
        return;
    }
    page.heading("INVOCATIONS", "of each function the one that waited most; ▸ critical path");
    for one in longest {
        invocation(page, one);
    }
}

fn invocation(page: &mut Page, one: &Invocation) {
    let mut more = String::new();
    if one.visits > Some(1) {
        more.push_str(&format!("  {LOOP}visit {}{LOOP:#}", one.visits.unwrap_or_default()));
    }
    if one.blocked {
        more.push_str(&format!("  {LOOP}blocked{LOOP:#}"));
    }
    page.line(&format!(
        "  {BOLD}{}{BOLD:#}  {DIM}{}{DIM:#}  {}, {WAIT}{} wait{WAIT:#}{more}",
        cut(&one.function, page.width / 3),
        format::clock(one.start_ns),
        format::duration(one.handler_ns),
        format::duration(one.wait.ns)
    ));
    for call in one.calls.iter().take(MAX_CALLS) {
        line(page, one, call);
    }
    let left_out = one.calls_total.saturating_sub(one.calls.len().min(MAX_CALLS) as u64);
    if left_out > 0 {
        page.line(&format!("      {DIM}and {} more{DIM:#}", format::counted(left_out, "call", "calls")));
    }
    if one.saving.ns > 0 {
        page.line(&format!(
            "      {DIM}calls one after the other: up to {} could be saved{DIM:#}",
            format::duration(one.saving.ns)
        ));
    }
}

fn line(page: &mut Page, one: &Invocation, call: &Call) {
    let label_width = page.width * 2 / 5;
    let mark = if call.critical { "▸" } else { " " };
    let mut label = format!("{}.{}", call.service, call.operation);
    if let Some(target) = &call.target {
        label.push(' ');
        label.push_str(target);
    }
    let mut notes = String::new();
    if call.retries > 0 {
        notes.push_str(&format!(" ↻{}", call.retries));
    }
    if call.error.is_some() {
        notes.push_str(" ✗");
    }
    let label = format!("{}{notes}", cut(&label, label_width.saturating_sub(7 + notes.width())));
    let space = " ".repeat(label_width.saturating_sub(6 + label.width()));
    let (before, piece) = bar::piece(
        call.start_ns,
        call.duration_ns,
        one.handler_ns,
        page.width.saturating_sub(label_width + 12),
    );
    let after = " ".repeat(page.width.saturating_sub(label_width + 12 + before.width() + piece.width()));
    page.line(&format!(
        "    {mark} {label}{space}{before}{WAIT}{piece}{WAIT:#}{after} {:>10}",
        format::duration(call.duration_ns)
    ));
}
