//! Every metric of hopguard, named in one place. Chain ids are never an attribute.

mod call_durations;
mod measure;

use std::borrow::Cow;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::admission::Fate;
use crate::findings::Kind;
use crate::propagator::Injected;

pub use call_durations::{CallDurations, CallSeries, MAX_SERIES, OTHER};
pub use measure::Measure;

/// One counter of events. Its unit is always 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Counter {
    /// Records with a lineage that the handler got.
    Allowed,
    /// Records that the handler got although somebody should know.
    Warned,
    /// Records kept from the handler.
    Blocked,
    /// Blocked records that were moved to the quarantine queue.
    Quarantined,
    /// Blocked records that went back to their source.
    Failed,
    /// Blocked records that were acknowledged because the owner chose `drop`.
    Dropped,
    /// Tokens that were not believed.
    Rejected,
    /// Objects whose lineage could not be looked up.
    Lost,
    /// Lineages written as `traceparent` and `tracestate`.
    Written,
    /// Lineages written over an inherited token.
    Replaced,
    /// Lineages written as one attribute.
    Packed,
    /// Sends without room for a lineage.
    NoRoom,
    /// Sends of a kind that cannot carry a lineage.
    Unsupported,
    /// Sends outside of any invocation's scope.
    NoScope,
    /// Trips that were confirmed.
    Tripped,
    /// Attempts to trip that failed.
    TripFailed,
    /// Lookups that the write index answered without a call.
    IndexHits,
    /// HeadObject calls made.
    Lookups,
    /// Invocations that ended, or that the platform reported on.
    Invocations,
    /// Invocations that failed.
    Errors,
    /// Invocations that ran into their time limit.
    Timeouts,
    /// Environments that were initialised.
    ColdStarts,
    /// Spans that were not kept, or not delivered within the bounds of the layer's memory.
    DroppedSpans,
    /// Data points that were not kept or not delivered.
    DroppedPoints,
    /// Log records that were not kept or not delivered.
    DroppedLogs,
    /// Spans, data points and log records that a collector did not take (OTLP's partial success).
    RefusedByCollector,
    /// Export requests that were repeated.
    ExportRetries,
    /// Exports that failed, to a collector or to CloudWatch.
    ExportFailures,
    /// Reports of injectors that could not be read.
    RejectedReports,
    /// OTLP requests that could not be read.
    RejectedRequests,
    /// Events of the Telemetry API that could not be read.
    RejectedEvents,
    /// Errors inside an injector, which it has swallowed.
    InjectorFaults,
    /// Parts of the layer that panicked and were started again.
    PartRestarts,
    /// Calls that were sent again, each time.
    CallRetries,
    /// Calls that ran into a time limit.
    CallTimeouts,
    /// Calls that there was no room for in an analysis.
    DroppedCalls,
    /// Windows in which a function stood on its own path.
    FoundRecursion,
    /// Windows in which it called a function and waited for it.
    FoundSyncInvoke,
    /// Windows in which it made calls one after the other that could have run together.
    FoundSerialWait,
    /// Windows in which it led many steps.
    FoundOrchestrator,
    /// Windows in which it did the work of many.
    FoundMonolith,
    /// Invocations that began a chain: those at hop 0.
    Chains,
    /// Chains that the ledger could not count an invocation of, which was let in.
    Uncounted,
}

impl Counter {
    /// All counters, in the order of their declaration.
    pub const ALL: [Self; 43] = [
        Self::Allowed,
        Self::Warned,
        Self::Blocked,
        Self::Quarantined,
        Self::Failed,
        Self::Dropped,
        Self::Rejected,
        Self::Lost,
        Self::Written,
        Self::Replaced,
        Self::Packed,
        Self::NoRoom,
        Self::Unsupported,
        Self::NoScope,
        Self::Tripped,
        Self::TripFailed,
        Self::IndexHits,
        Self::Lookups,
        Self::Invocations,
        Self::Errors,
        Self::Timeouts,
        Self::ColdStarts,
        Self::DroppedSpans,
        Self::DroppedPoints,
        Self::DroppedLogs,
        Self::RefusedByCollector,
        Self::ExportRetries,
        Self::ExportFailures,
        Self::RejectedReports,
        Self::RejectedRequests,
        Self::RejectedEvents,
        Self::InjectorFaults,
        Self::PartRestarts,
        Self::CallRetries,
        Self::CallTimeouts,
        Self::DroppedCalls,
        Self::FoundRecursion,
        Self::FoundSyncInvoke,
        Self::FoundSerialWait,
        Self::FoundOrchestrator,
        Self::FoundMonolith,
        Self::Chains,
        Self::Uncounted,
    ];

    /// The metric's name, and the attribute that tells counters of one metric apart.
    pub const fn metric(self) -> (&'static str, Option<(&'static str, &'static str)>) {
        match self {
            Self::Allowed => ("hopguard.records", Some(("verdict", "allow"))),
            Self::Warned => ("hopguard.records", Some(("verdict", "warn"))),
            Self::Blocked => ("hopguard.records", Some(("verdict", "block"))),
            Self::Quarantined => ("hopguard.blocked", Some(("outcome", "quarantine"))),
            Self::Failed => ("hopguard.blocked", Some(("outcome", "fail"))),
            Self::Dropped => ("hopguard.blocked", Some(("outcome", "drop"))),
            Self::Rejected => ("hopguard.lineage.rejected", None),
            Self::Lost => ("hopguard.lineage.lost", None),
            Self::Written => ("hopguard.lineage.injected", Some(("outcome", "written"))),
            Self::Replaced => ("hopguard.lineage.injected", Some(("outcome", "replaced"))),
            Self::Packed => ("hopguard.lineage.injected", Some(("outcome", "packed"))),
            Self::NoRoom => ("hopguard.lineage.no_room", None),
            Self::Unsupported => ("hopguard.lineage.unsupported", None),
            Self::NoScope => ("hopguard.lineage.no_scope", None),
            Self::Tripped => ("hopguard.trips", Some(("outcome", "tripped"))),
            Self::TripFailed => ("hopguard.trips", Some(("outcome", "failed"))),
            Self::IndexHits => ("hopguard.lookups", Some(("source", "index"))),
            Self::Lookups => ("hopguard.lookups", Some(("source", "head_object"))),
            Self::Invocations => ("faas.invocations", None),
            Self::Errors => ("faas.errors", None),
            Self::Timeouts => ("faas.timeouts", None),
            Self::ColdStarts => ("faas.coldstarts", None),
            Self::DroppedSpans => ("hopguard.telemetry.dropped", Some(("signal", "traces"))),
            Self::DroppedPoints => ("hopguard.telemetry.dropped", Some(("signal", "metrics"))),
            Self::DroppedLogs => ("hopguard.telemetry.dropped", Some(("signal", "logs"))),
            Self::RefusedByCollector => ("hopguard.export.refused", None),
            Self::ExportRetries => ("hopguard.export.retries", None),
            Self::ExportFailures => ("hopguard.export.failures", None),
            Self::RejectedReports => ("hopguard.telemetry.rejected", Some(("source", "report"))),
            Self::RejectedRequests => ("hopguard.telemetry.rejected", Some(("source", "otlp"))),
            Self::RejectedEvents => ("hopguard.telemetry.rejected", Some(("source", "platform"))),
            Self::InjectorFaults => ("hopguard.injector.faults", None),
            Self::PartRestarts => ("hopguard.layer.restarts", None),
            Self::CallRetries => ("hopguard.call.retries", None),
            Self::CallTimeouts => ("hopguard.call.timeouts", None),
            Self::DroppedCalls => ("hopguard.call.dropped", None),
            Self::FoundRecursion => ("hopguard.findings", Some(("finding", Kind::Recursion.name()))),
            Self::FoundSyncInvoke => ("hopguard.findings", Some(("finding", Kind::SyncInvoke.name()))),
            Self::FoundSerialWait => ("hopguard.findings", Some(("finding", Kind::SerialWait.name()))),
            Self::FoundOrchestrator => ("hopguard.findings", Some(("finding", Kind::Orchestrator.name()))),
            Self::FoundMonolith => ("hopguard.findings", Some(("finding", Kind::Monolith.name()))),
            Self::Chains => ("hopguard.chains", None),
            Self::Uncounted => ("hopguard.chains.uncounted", None),
        }
    }

    /// The name where there are no attributes (CloudWatch, in whose namespace `hopguard` the only dimension is the function): that of
    /// the metric, and the attribute's value after a dot.
    pub fn flat_name(self) -> Cow<'static, str> {
        match self.metric() {
            (name, None) => Cow::Borrowed(name),
            (name, Some((_, value))) => Cow::Owned(format!("{name}.{value}")),
        }
    }
}

impl From<Injected> for Counter {
    fn from(injected: Injected) -> Self {
        match injected {
            Injected::Written => Self::Written,
            Injected::Replaced => Self::Replaced,
            Injected::Packed => Self::Packed,
            Injected::NoRoom => Self::NoRoom,
            Injected::Unsupported => Self::Unsupported,
        }
    }
}

impl From<Fate> for Counter {
    fn from(fate: Fate) -> Self {
        match fate {
            Fate::Quarantined => Self::Quarantined,
            Fate::Dropped => Self::Dropped,
            Fate::Failed => Self::Failed,
        }
    }
}

impl From<Kind> for Counter {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Recursion => Self::FoundRecursion,
            Kind::SyncInvoke => Self::FoundSyncInvoke,
            Kind::SerialWait => Self::FoundSerialWait,
            Kind::Orchestrator => Self::FoundOrchestrator,
            Kind::Monolith => Self::FoundMonolith,
        }
    }
}

/// The counters of one guard, since it was made. Counting never waits.
#[derive(Debug)]
pub struct Counters([AtomicU64; Counter::ALL.len()]);

impl Default for Counters {
    fn default() -> Self {
        Self([const { AtomicU64::new(0) }; Counter::ALL.len()])
    }
}

impl Counters {
    /// Counts one event.
    pub fn count(&self, counter: Counter) {
        self.add(counter, 1);
    }

    /// Counts several events.
    pub fn add(&self, counter: Counter, events: u64) {
        if let Some(cell) = self.0.get(counter as usize) {
            cell.fetch_add(events, Ordering::Relaxed);
        }
    }

    /// How many there were.
    pub fn value(&self, counter: Counter) -> u64 {
        self.0.get(counter as usize).map_or(0, |cell| cell.load(Ordering::Relaxed))
    }

    /// Every counter that is not at 0.
    pub fn snapshot(&self) -> Vec<(Counter, u64)> {
        Counter::ALL
            .iter()
            .map(|counter| (*counter, self.value(*counter)))
            .filter(|(_, value)| *value > 0)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_counter_has_its_own_cell_and_series() {
        let counters = Counters::default();
        for (nth, counter) in Counter::ALL.into_iter().enumerate() {
            assert_eq!(counter as usize, nth);
            counters.add(counter, nth as u64);
        }
        assert_eq!(counters.snapshot().len(), Counter::ALL.len() - 1);
        assert_eq!(counters.value(Counter::Lookups), 17);
        let series: HashSet<_> = Counter::ALL.into_iter().map(Counter::metric).collect();
        assert_eq!(series.len(), Counter::ALL.len());
        assert!(series.iter().all(|(name, _)| name.starts_with("hopguard.") || name.starts_with("faas.")));
        let flat: HashSet<_> = Counter::ALL.into_iter().map(Counter::flat_name).collect();
        assert_eq!(flat.len(), Counter::ALL.len());
        assert_eq!(Counter::Blocked.flat_name(), "hopguard.records.block");
    }
}
