//! Every metric of hopguard, named in one place. Chain ids are never an attribute.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::admission::Fate;
use crate::propagator::Injected;

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
}

impl Counter {
    /// All counters, in the order of their declaration.
    pub const ALL: [Self; 18] = [
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

/// The counters of one guard, since it was made. Counting never waits.
#[derive(Debug, Default)]
pub struct Counters([AtomicU64; Counter::ALL.len()]);

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
        assert!(series.iter().all(|(name, _)| name.starts_with("hopguard.")));
    }
}
