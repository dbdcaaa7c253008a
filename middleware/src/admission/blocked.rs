use std::collections::HashSet;
use std::sync::{Arc, PoisonError};

use futures_util::future::{Either, select};
use hopguard_core::breaker::Block;
use hopguard_core::event::Source;
use hopguard_core::{Lineage, Reason, Token};
use serde_json::value::RawValue;
use tokio::time::Instant;

use crate::admission::{Admitted, Arrived, BoxFuture, Invocation, Judged, Withheld, time_left};

/// One record that the policy blocked, on its own: the event is gone by the time that it is disposed of.
pub(crate) struct BlockedRecord {
    pub(crate) source: Source,
    pub(crate) json: Vec<u8>,
    pub(crate) id: Option<String>,
    pub(crate) group: Option<String>,
    pub(crate) origin: Option<String>,
    pub(crate) lineage: Lineage,
    pub(crate) reason: Reason,
    /// The token that it came with.
    pub(crate) token: String,
    /// The sender waits for the answer: the record cannot be set aside behind its back.
    pub(crate) synchronous: bool,
    index: usize,
}

/// A record in its event.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Place<'e> {
    pub(super) index: usize,
    pub(super) source: Source,
    pub(super) json: &'e [u8],
    pub(super) id: Option<&'e str>,
    pub(super) group: Option<&'e str>,
    pub(super) origin: Option<&'e str>,
    pub(super) synchronous: bool,
}

impl Place<'_> {
    pub(super) fn blocked(&self, lineage: Lineage, reason: Reason, token: Option<Token>) -> BlockedRecord {
        BlockedRecord {
            source: self.source,
            json: self.json.to_vec(),
            id: self.id.map(str::to_owned),
            group: self.group.map(str::to_owned),
            origin: self.origin.map(str::to_owned),
            lineage,
            reason,
            token: token.map(|token| token.to_string()).unwrap_or_default(),
            synchronous: self.synchronous,
            index: self.index,
        }
    }
}

/// What became of a blocked record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Quarantined,
    Dropped,
    Failed,
}

impl Invocation {
    /// Disposes of blocked records, and lets the handler have what is left.
    pub(super) async fn finish(self, payload: Box<RawValue>, judged: Judged) -> Admitted {
        let Judged { arrivals, blocked } = judged;
        if blocked.is_empty() {
            return self.admit(Some(payload), arrivals);
        }
        self.span.record("hopguard.blocked", blocked.len());
        let deadline = Instant::now() + time_left(&self.context);
        // The trip begins at once, and goes on beside the handler.
        let trip = self.trip(&blocked, deadline);
        let disposal = Box::pin(self.dispose(&payload, &blocked, deadline));
        let ((mut withheld, out), trip) = match trip {
            None => (disposal.await, None),
            Some(trip) => match select(disposal, trip).await {
                Either::Left((disposed, trip)) => (disposed, Some(trip)),
                Either::Right(((), disposal)) => (disposal.await, None),
            },
        };
        let arrivals: Vec<Arrived> =
            arrivals.into_iter().filter(|arrived| !out.contains(&arrived.index)).collect();
        let mut left = None;
        if let (Some(_), Some(first)) = (arrivals.first(), blocked.first()) {
            left = self.without(&payload, &out);
            if left.is_none() {
                // Nobody would process these records, and so nobody may acknowledge them.
                withheld.fail_invocation = Some((blocked.len(), first.reason));
            }
        }
        Admitted { withheld, trip, ..self.admit(left, arrivals) }
    }

    /// The event without these records.
    fn without(&self, payload: &RawValue, out: &HashSet<usize>) -> Option<Box<RawValue>> {
        let event =
            self.shared.reader.read(payload.get().as_bytes()).without(|index| out.contains(&index))?;
        RawValue::from_string(String::from_utf8(event).ok()?).ok()
    }

    /// Moves blocked records to where they belong. Returns what the answer has to say of them, and the indexes of all records that
    /// the handler does not get.
    async fn dispose(
        &self,
        payload: &RawValue,
        blocked: &[BlockedRecord],
        deadline: Instant,
    ) -> (Withheld, HashSet<usize>) {
        let arn = &self.context.invoked_function_arn;
        let fates = self.shared.dispose(arn, blocked, payload.get().as_bytes(), deadline).await;
        let mut out: HashSet<usize> = blocked.iter().map(|record| record.index).collect();
        let failed: Vec<&BlockedRecord> = blocked
            .iter()
            .zip(fates)
            .filter(|(_, fate)| *fate == Fate::Failed)
            .map(|(record, _)| record)
            .collect();
        let event = self.shared.reader.read(payload.get().as_bytes());
        let mut withheld = Withheld { batch: event.source() == Source::Sqs, ..Withheld::default() };
        let Some(first) = failed.first() else { return (withheld, out) };

        // FIFO: after the first failed record of a group, the rest of that group fails too.
        let mut ids: Vec<String> = failed.iter().filter_map(|record| record.id.clone()).collect();
        for (index, record) in event.records().iter().enumerate() {
            let Some(group) = record.group.as_deref() else { continue };
            let follows =
                failed.iter().any(|failed| failed.index < index && failed.group.as_deref() == Some(group));
            if follows && out.insert(index) {
                ids.extend(record.id.as_deref().map(str::to_owned));
            }
        }
        let all_named = failed.iter().all(|record| record.id.is_some());
        if withheld.batch
            && all_named
            && self.shared.takes_failures(arn, first.origin.as_deref(), deadline).await
        {
            withheld.failed = ids;
        } else {
            withheld.fail_invocation = Some((failed.len(), first.reason));
        }
        (withheld, out)
    }

    /// Tells the breaker, and starts a trip where one is due.
    fn trip(&self, blocked: &[BlockedRecord], deadline: Instant) -> Option<BoxFuture<()>> {
        let first = blocked.first().filter(|_| self.shared.settings.trip)?;
        let block = Block { chain: first.lineage.chain, hop: first.lineage.hop, reason: first.reason };
        let now = Instant::now().into_std();
        let trip =
            self.shared.breaker.lock().unwrap_or_else(PoisonError::into_inner).handle_block(now, block)?;
        let (shared, arn) = (Arc::clone(&self.shared), self.context.invoked_function_arn.clone());
        // At 0 Lambda retries nothing of what invoked the function asynchronously.
        let asynchronous = first.source != Source::Sqs && !first.synchronous;
        Some(Box::pin(async move { shared.trip(&arn, &trip, asynchronous, deadline).await }))
    }
}
