//! Without the feature `aws` nobody can be asked for anything: blocked records fail, and nothing trips.

use hopguard_core::OnBlock;
use hopguard_core::breaker::Trip;
use tokio::time::Instant;

use crate::admission::{BlockedRecord, Fate};
use crate::shared::Shared;

#[allow(clippy::unused_async, reason = "the same shape as with the feature `aws`")]
impl Shared {
    pub(crate) async fn dispose(
        &self,
        _: &str,
        blocked: &[BlockedRecord],
        _: &[u8],
        _: Instant,
    ) -> Vec<Fate> {
        let fate = |record: &BlockedRecord| match self.chosen(record) {
            OnBlock::Drop => Fate::Dropped,
            OnBlock::Fail | OnBlock::Quarantine => Fate::Failed,
        };
        blocked.iter().map(fate).inspect(|fate| self.count_fate(*fate)).collect()
    }

    pub(crate) async fn takes_failures(&self, _: &str, _: Option<&str>, _: Instant) -> bool {
        false
    }

    pub(crate) async fn trip(&self, _: &str, _: &Trip, _: bool, _: Instant) {}
}
