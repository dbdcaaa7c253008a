use std::collections::BTreeSet;

use super::{LOOP, WAIT};
use crate::format;
use crate::page::{BOLD, DIM, PLAIN, Page};
use crate::report::view::Report;

pub(super) fn write(page: &mut Page, report: &Report) {
    page.heading("FINDINGS", "the dearest first");
    if report.findings.is_empty() {
        page.line("  none");
    }
    let mut said = BTreeSet::new();
    for finding in &report.findings {
        let style = if finding.kind == "recursion" { LOOP } else { WAIT };
        let cost = finding.cost.as_ref().map_or_else(String::new, |cost| {
            let saved = if finding.kind == "serial-wait" { " could be saved" } else { "" };
            format!("   {}, {}{saved}", format::usd(cost.usd), format::duration(cost.ns))
        });
        page.line(&format!(
            "  {style}{:<12}{style:#} {BOLD}{}{BOLD:#}{cost}",
            finding.kind, finding.function
        ));
        let mut evidence = vec![format!(
            "{} of {} invocations",
            format::count(finding.affected),
            format::count(finding.invocations)
        )];
        evidence.extend(finding.evidence.iter().filter(|one| one.tells()).map(|one| {
            let from = one
                .threshold
                .map_or_else(String::new, |from| format!(" (from {} on)", format::evidence(from, one.unit)));
            let names =
                if one.names.is_empty() { String::new() } else { format!(": {}", one.names.join(", ")) };
            format!("{} {}{from}{names}", one.what, format::evidence(one.value, one.unit))
        }));
        page.words(&evidence.join("; "), 15, DIM);
        // Once for each kind is enough to read.
        if said.insert(finding.kind) {
            page.words(finding.suggestion, 15, PLAIN);
        }
    }
}
