mod bounds;
mod breadth;
mod waits;

use super::*;
use crate::wait::{Amount, Call, Calls, Invocation, Kind as Called, Price, analyse};

const MS: u64 = 1_000_000;

/// One invocation of `orders`, to be observed.
#[derive(Clone, Debug, Default)]
struct Invoked {
    calls: Vec<Call>,
    handler_ms: u64,
    source: Option<&'static str>,
    route: Option<&'static str>,
    lineage: Seen,
    package_mb: Option<u64>,
    init_ms: Option<u64>,
}

/// Calls one after the other, by operation, target and milliseconds.
fn in_a_row(calls: &[(&'static str, &'static str, u64)]) -> Vec<Call> {
    let mut at = 0;
    let one = |(operation, target, ms): &(&'static str, &'static str, u64)| {
        let start = at;
        at += ms * MS;
        let kind = if *operation == "Invoke" { Called::SyncInvoke { callee: None } } else { Called::Other };
        let service = if *operation == "Invoke" { "Lambda" } else { "S3" };
        Call { kind, target: Some((*target).into()), ..Call::new(service, *operation, start, at) }
    };
    calls.iter().map(one).collect()
}

fn observe(window: &mut Window, function: &str, nth: usize, invoked: &Invoked) {
    let calls: Calls = invoked.calls.iter().cloned().collect();
    let end_ns = invoked.handler_ms * MS;
    let invocation = Invocation { end_ns, memory_mb: 1_024, ..Invocation::default() };
    let analysis = analyse(&invocation, &calls, &Price::default());
    window.observe(&Observation {
        function,
        invocation: &format!("request-{nth}"),
        trace: &format!("trace-{nth}"),
        source: invoked.source,
        route: invoked.route,
        calls: &calls,
        analysis: &analysis,
        lineage: invoked.lineage,
        package_bytes: invoked.package_mb.map(|mb| mb * 1_048_576),
        init_ns: invoked.init_ms.map(|ms| ms * MS),
    });
}

/// What a window finds in these invocations of one function.
fn found_with(thresholds: Thresholds, invocations: &[Invoked]) -> Vec<Finding> {
    let mut window = Window::new(thresholds);
    for (nth, invoked) in invocations.iter().enumerate() {
        observe(&mut window, "orders", nth, invoked);
    }
    window.findings()
}

fn found(invocations: &[Invoked]) -> Vec<Finding> {
    found_with(Thresholds::default(), invocations)
}

fn kinds(findings: &[Finding]) -> Vec<&'static str> {
    findings.iter().map(|finding| finding.kind.name()).collect()
}

/// The value of a piece of evidence.
fn value(finding: &Finding, what: &str) -> f64 {
    finding.evidence.iter().find(|one| one.what == what).map_or(f64::NAN, |one| one.value)
}

fn examples(finding: &Finding) -> Vec<&str> {
    finding.examples.iter().map(|example| &*example.invocation).collect()
}
