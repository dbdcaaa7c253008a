use std::collections::HashSet;
use std::sync::Arc;

use futures_util::future::{Either, select};
use hopguard_core::admission::{BlockedRecord, Failed, Withheld};
use tokio::time::Instant;

use crate::admission::{Admitted, Arrived, BoxFuture, Invocation, Judged, time_left};
use crate::payload::Payload;
use crate::telemetry;

impl Invocation {
    /// Disposes of blocked records, and lets the handler have what is left.
    pub(super) async fn finish(self, payload: Payload, judged: Judged) -> Admitted {
        let Judged { arrivals, blocked } = judged;
        if blocked.is_empty() {
            return self.admit(Some(payload), arrivals);
        }
        telemetry::record_number(&self.span, "hopguard.blocked", blocked.len() as u64);
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
    fn without(&self, payload: &Payload, out: &HashSet<usize>) -> Option<Payload> {
        let event = self.shared.reader.read(payload.as_bytes()).without(|index| out.contains(&index))?;
        Some(Payload::Bytes(event.into()))
    }

    /// Moves blocked records to where they belong. Returns what the answer has to say of them, and the indexes of all records that
    /// the handler does not get.
    async fn dispose(
        &self,
        payload: &Payload,
        blocked: &[BlockedRecord],
        deadline: Instant,
    ) -> (Withheld, HashSet<usize>) {
        let (edge, arn) = (&self.shared.edge, &self.context.invoked_function_arn);
        let fates = edge.dispose(arn, blocked, payload.as_bytes(), deadline).await;
        let failed = Failed::new(&self.shared.reader.read(payload.as_bytes()), blocked, &fates);
        let withheld = edge.withhold(arn, &failed, deadline).await;
        (withheld, failed.out)
    }

    /// Tells the breaker, and starts a trip where one is due.
    fn trip(&self, blocked: &[BlockedRecord], deadline: Instant) -> Option<BoxFuture<()>> {
        let first = blocked.first()?;
        let trip = self.shared.edge.due(first)?;
        let (shared, arn) = (Arc::clone(&self.shared), self.context.invoked_function_arn.clone());
        let asynchronous = first.is_asynchronous();
        Some(Box::pin(async move { shared.edge.trip(&arn, &trip, asynchronous, deadline).await }))
    }
}
