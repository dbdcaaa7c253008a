//! Without the feature `aws` nobody can be asked for anything: blocked records fail, and nothing trips.

use std::sync::Arc;
use std::time::Duration;

use hopguard_core::admission::{BlockedRecord, Counting, Failed, Fate, Spent, Withheld};
use hopguard_core::breaker::Trip;
use hopguard_core::{Counters, OnBlock, Settings};
use tokio::time::Instant;

#[derive(Debug)]
pub(crate) struct Edge {
    settings: Settings,
    counters: Arc<Counters>,
}

#[allow(clippy::unused_async, clippy::unused_self, reason = "the same shape as with the feature `aws`")]
impl Edge {
    pub(crate) fn new(settings: Settings, counters: Arc<Counters>) -> Self {
        Self { settings, counters }
    }

    pub(crate) async fn dispose(
        &self,
        _: &str,
        blocked: &[BlockedRecord],
        _: &[u8],
        _: Instant,
    ) -> Vec<Fate> {
        let fate = |record: &BlockedRecord| match record.chosen(&self.settings) {
            OnBlock::Drop => Fate::Dropped,
            OnBlock::Fail | OnBlock::Quarantine => Fate::Failed,
        };
        blocked.iter().map(fate).inspect(|fate| self.counters.count((*fate).into())).collect()
    }

    pub(crate) async fn withhold(&self, _: &str, failed: &Failed, _: Instant) -> Withheld {
        failed.withheld(false)
    }

    pub(crate) const fn has_ledger(&self) -> bool {
        false
    }

    pub(crate) async fn spend(&self, _: &Counting, _: Duration) -> Spent {
        Spent::default()
    }

    pub(crate) fn due(&self, _: &BlockedRecord) -> Option<Trip> {
        None
    }

    pub(crate) async fn trip(&self, _: &str, _: &Trip, _: bool, _: Instant) {}
}
