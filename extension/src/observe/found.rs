use std::collections::HashSet;

use hopguard_core::findings::{Evidence, Finding, Kind, Observation, Seen, Thresholds, Window};
use hopguard_core::wait::{Analysis, Calls};
use hopguard_core::{FunctionId, function_name};

use super::invocation::Outcome;
use super::span::{End, Known};
use super::waits::Closed;

/// Invocations of one window: what is mended by then is found no more, and what is not is told again.
const WINDOW: u64 = 1_000;

/// The anti-patterns that this environment's function shows, each told once in a window.
#[derive(Debug)]
pub(crate) struct Found {
    window: Window,
    told: HashSet<Kind>,
    seen: u64,
}

impl Found {
    pub(crate) fn new(thresholds: Thresholds) -> Self {
        Self { window: Window::new(thresholds), told: HashSet::new(), seen: 0 }
    }

    /// Takes an invocation into account. Returns what was found with it and not before in this window.
    pub(crate) fn observe(
        &mut self,
        closed: &Closed,
        known: Known<'_>,
        calls: &Calls,
        analysis: &Analysis,
    ) -> Vec<Finding> {
        if self.seen >= WINDOW {
            self.window.clear();
            self.told.clear();
            self.seen = 0;
        }
        self.seen += 1;
        let started = &closed.started;
        let trace = started.span.trace.to_string();
        self.window.observe(&Observation {
            function: function_name(&started.arn),
            invocation: &started.request_id,
            trace: &trace,
            source: Some(started.source.name()),
            route: started.batch.route.as_deref(),
            calls,
            analysis,
            lineage: Seen {
                hop: started.lineage.hop,
                visits: started.lineage.visits.of(FunctionId::from_arn(&started.arn)).into(),
                blocked: closed.end == End::Answered(Outcome::Blocked),
                tripped: false,
            },
            package_bytes: known.package_bytes,
            init_ns: known.init_ns,
        });
        // Often at first, and then seldom: what comes to light only slowly can wait for some invocations.
        if !self.seen.is_power_of_two() && !self.seen.is_multiple_of(64) {
            return Vec::new();
        }
        let found = self.window.findings().into_iter();
        found.filter(|finding| self.told.insert(finding.kind)).collect()
    }
}

/// The evidence in one line of the log.
pub(crate) fn evidence(finding: &Finding) -> String {
    let one = |evidence: &Evidence| match evidence.unit {
        "1" => format!("{}: {}", evidence.what, evidence.value),
        unit => format!("{}: {:.1} {unit}", evidence.what, evidence.value),
    };
    finding.evidence.iter().map(one).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use hopguard_core::event::Source;
    use hopguard_core::propagator::TraceParent;
    use hopguard_core::wait::{Call, Invocation, Kind as Called, Price, analyse};
    use hopguard_core::{ChainId, Lineage};

    use super::*;
    use crate::observe::Started;
    use crate::observe::invocation::Batch;

    const ARN: &str = "arn:aws:lambda:eu-central-1:123456789012:function:orders:live";

    fn closed(number: u64) -> Closed {
        let chain = ChainId::new(7).unwrap();
        let at = SystemTime::UNIX_EPOCH;
        Closed {
            started: Started {
                request_id: number.to_string(),
                arn: ARN.to_owned(),
                source: Source::Sqs,
                lineage: Lineage::root(chain, FunctionId::from_arn(ARN), 9),
                sender: None,
                batch: Batch::default(),
                span: TraceParent { trace: chain, span: 1, flags: 1 },
                at,
            },
            at: at + Duration::from_secs(1),
            end: End::Answered(Outcome::Answered),
            cold: false,
            busy_ns: None,
            init_ns: None,
        }
    }

    fn kinds(found: &mut Found, number: u64) -> Vec<Kind> {
        let mut calls = Calls::default();
        let kind = Called::SyncInvoke { callee: None };
        calls.push(Call { kind, ..Call::new("Lambda", "Invoke", 0, 900_000_000) });
        let invocation =
            Invocation { start_ns: 0, end_ns: 1_000_000_000, memory_mb: 128, ..Invocation::default() };
        let analysis = analyse(&invocation, &calls, &Price::default());
        let findings = found.observe(&closed(number), Known::default(), &calls, &analysis);
        findings.iter().map(|finding| finding.kind).collect()
    }

    #[test]
    fn a_finding_is_told_once_in_a_window() {
        let mut found = Found::new(Thresholds::default());
        assert_eq!(kinds(&mut found, 0), [Kind::SyncInvoke]);
        for number in 1..WINDOW {
            assert_eq!(kinds(&mut found, number), [], "{number}");
        }
        assert_eq!(kinds(&mut found, WINDOW), [Kind::SyncInvoke], "nobody has mended it");
    }
}
