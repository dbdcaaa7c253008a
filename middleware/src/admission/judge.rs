use hopguard_core::admission::{BlockedRecord, Counting, Judged as JudgedRecord, Spent};
use hopguard_core::event::{Event, Source};
use hopguard_core::{Counter, Lineage, Reason, Verdict};
use tracing::{debug, warn};

use crate::admission::{Arrived, Invocation, Judged, lookup_timeout};
use crate::objects::{self, KnownHead, KnownObjects};

impl Invocation {
    /// Counts the invocation in its chains, where there is a ledger.
    pub(super) async fn spend(&self, event: &Event<'_>, known: &KnownObjects) -> Spent {
        if !self.shared.edge.has_ledger() {
            return Spent::default();
        }
        let (admission, mut counting) = (self.admission(), Counting::default());
        if let Some(called) = &self.called {
            counting.add(&admission.judge_call(called.clone()), 1);
        } else {
            for (index, record) in event.records().iter().enumerate() {
                let (carried, _) = objects::split(record, known.get(index).cloned().unwrap_or_default());
                counting.add(&admission.judge(record, carried, |_| 0), record.attempt);
            }
        }
        // Anew: lookups may have taken what was left.
        self.shared.edge.spend(&counting, lookup_timeout(self)).await
    }

    /// Judges every record of an event, with what is known of the objects that they name, and of their chains.
    pub(super) fn judge(&self, event: &Event<'_>, known: KnownObjects, spent: &Spent) -> Judged {
        let mut judged = Judged { arrivals: Vec::with_capacity(event.records().len()), blocked: Vec::new() };
        let (shared, admission) = (&*self.shared, self.admission());
        if let Some(called) = &self.called {
            let call = admission.judge_call(called.clone()).within(&shared.settings.policy, spent);
            match self.tell(Source::Invoke, &call) {
                Some(reason) => {
                    let blocked = BlockedRecord::of_call(&call.arrival, reason, &shared.settings);
                    judged.blocked.push(blocked);
                }
                None => judged.admit(0, None, call, Vec::new()),
            }
            return judged;
        }
        let mut known = known.into_iter();
        for (index, record) in event.records().iter().enumerate() {
            let (carried, heads) = objects::split(record, known.next().unwrap_or_default());
            let one = admission.judge(record, carried, |root| shared.see(root));
            let one = one.within(&shared.settings.policy, spent);
            match self.tell(record.source, &one) {
                Some(reason) => {
                    let blocked =
                        BlockedRecord::of_record(event, index, &one.arrival, reason, &shared.settings);
                    judged.blocked.extend(blocked);
                }
                None => judged.admit(index, record.id.as_deref(), one, heads),
            }
        }
        judged
    }

    /// Counts and logs one verdict; the reason of a block.
    fn tell(&self, source: Source, judged: &JudgedRecord) -> Option<Reason> {
        for rejected in &judged.rejected {
            self.shared.count(Counter::Rejected);
            warn!(target: "hopguard", reason = rejected.reason(), error = %rejected, "lineage rejected");
        }
        let Lineage { chain, hop, visits, .. } = judged.arrival.lineage;
        let (visits, source) = (visits.of(self.function), source.name());
        match judged.verdict {
            Verdict::Block(reason) => {
                self.shared.count(Counter::Blocked);
                warn!(target: "hopguard", source, %chain, hop, visits, reason = reason.name(), limit = %reason, "record blocked");
                return Some(reason);
            }
            Verdict::Warn(reason) => {
                self.shared.count(Counter::Warned);
                warn!(target: "hopguard", source, %chain, hop, visits, reason = reason.name(), limit = %reason, "record near or beyond a limit");
            }
            Verdict::Allow => {
                self.shared.count(Counter::Allowed);
                debug!(target: "hopguard", source, %chain, hop, visits, "record allowed");
            }
        }
        None
    }
}

impl Judged {
    fn admit(&mut self, index: usize, id: Option<&str>, judged: JudgedRecord, heads: Vec<KnownHead>) {
        let JudgedRecord { arrival, .. } = judged;
        self.arrivals.push(Arrived { index, id: id.map(Box::from), arrival, heads });
    }
}
