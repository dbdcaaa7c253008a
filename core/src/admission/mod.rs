//! What an invocation may have of its event: each record arrives, is judged, and is let in or blocked; and what the answer
//! has to say of blocked records. Asking AWS, moving records and tripping are the caller's.

mod arrival;
mod blocked;
mod ledger;

pub use arrival::Arrival;
pub use blocked::{BlockedRecord, Failed, Fate, Withheld};
pub use ledger::{Counting, MAX_COUNTED, Spent, ToCount};

use crate::chain::ChainId;
use crate::event::{Event, ObjectRef, Record, Source};
use crate::function::FunctionId;
use crate::policy::{Policy, Verdict};
use crate::propagator::Inbound;
use crate::token::Rejected;
use crate::xray::Xray;

/// One invocation, as far as the verdicts on its records depend on it.
#[derive(Clone, Copy, Debug)]
pub struct Admission<'i> {
    /// The limits.
    pub policy: &'i Policy,
    /// The function that was invoked.
    pub function: FunctionId,
    /// Its request id.
    pub request_id: &'i str,
    /// Its X-Ray header.
    pub xray: Xray,
}

/// One record as judged.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Judged {
    /// Where it stands in its chain.
    pub arrival: Arrival,
    /// Whether the handler may have it.
    pub verdict: Verdict,
    /// Tokens of it that were not believed.
    pub rejected: Vec<Rejected>,
}

impl Admission<'_> {
    /// The chain of an invocation that nothing better names: its X-Ray root, or its request id, which stays the same on a retry.
    pub fn root_chain(&self) -> ChainId {
        self.xray.root.unwrap_or_else(|| ChainId::derived("request", self.request_id.as_bytes()))
    }

    /// The arrival of an invocation whose event carries nothing.
    pub fn root(&self) -> Arrival {
        Arrival::root(self.root_chain(), self.function, self.policy.branch_credit)
    }

    /// Judges an invocation whose synchronous caller wrote this into the client context.
    pub fn judge_call(&self, called: Inbound) -> Judged {
        let rejected = called.rejected.into_iter().collect();
        let arrival = self.arrival(called, || self.root_chain());
        let verdict = match arrival.carried {
            true => self.policy.judge(&arrival.lineage, self.function),
            false => Verdict::Allow,
        };
        Judged { arrival, verdict, rejected }
    }

    /// Judges one record. `known` is what the metadata of the objects that it names carries, in the order of
    /// [`looked_up`]; `see` counts one more record without a token in a chain, and says how many there were here.
    pub fn judge(
        &self,
        record: &Record<'_>,
        known: impl IntoIterator<Item = Option<Inbound>>,
        see: impl FnOnce(ChainId) -> u32,
    ) -> Judged {
        let xray = self.xray_of(record);
        let named = || record.id.as_deref().map(|id| ChainId::derived(record.source.name(), id.as_bytes()));
        let root = || xray.root.or_else(named).unwrap_or_else(|| self.root_chain());
        let mut rejected: Vec<Rejected> = record.inbound.rejected.into_iter().collect();
        let own = self.arrival(record.inbound.clone(), root);
        let known = known.into_iter().flatten().inspect(|inbound| rejected.extend(inbound.rejected));
        let objects: Vec<Arrival> = known.map(|inbound| self.arrival(inbound, root)).collect();
        let arrival = own.with_objects(&objects, self.policy.branch_credit);
        let verdict = self.verdict(&arrival, xray, see);
        Judged { arrival, verdict, rejected }
    }

    fn arrival(&self, inbound: Inbound, root: impl FnOnce() -> ChainId) -> Arrival {
        Arrival::of(inbound, self.function, self.policy.branch_credit, root)
    }

    fn verdict(&self, arrival: &Arrival, xray: Xray, see: impl FnOnce(ChainId) -> u32) -> Verdict {
        if arrival.carried {
            return self.policy.judge(&arrival.lineage, self.function);
        }
        match (xray.seen.map(|seen| self.policy.judge_aws_lineage(seen)), xray.root) {
            (Some(warning @ Verdict::Warn(_)), _) => warning,
            (_, Some(root)) if root == arrival.lineage.chain => self.policy.judge_shared_root(see(root)),
            _ => Verdict::Allow,
        }
    }

    /// The X-Ray header that came with a record: SQS keeps each message's own, a stream none, and everything else has the
    /// invocation's. That of a batch from a stream is made by whoever polls it, and says nothing of up to 10,000 senders.
    fn xray_of(&self, record: &Record<'_>) -> Xray {
        match record.source {
            Source::Sqs => record.xray,
            source if source.is_stream() => Xray::default(),
            _ => self.xray,
        }
    }
}

/// The objects of a record that are worth a lookup: not those that were removed.
pub fn looked_up<'r, 'e>(record: &'r Record<'e>) -> impl Iterator<Item = &'r ObjectRef<'e>> {
    record.objects.iter().filter(|object| !object.removed)
}

/// Whether the sender of a record waits for the answer: it cannot be set aside behind its back.
pub(crate) const fn is_synchronous(record: &Record<'_>) -> bool {
    matches!(record.source, Source::Http)
}

impl Event<'_> {
    /// Whether the source takes a list of failed records for its answer.
    pub fn takes_failures(&self) -> bool {
        self.source().is_polled()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Reader;
    use crate::policy::Reason;

    const XRAY: &str = "Root=1-5759e988-bd862e3fe1be46a994272793;Lineage=a87bd80c:30";

    fn judge(event: &str, known: Vec<Option<Inbound>>, seen: u32) -> Judged {
        let policy = Policy { max_visits: 2, ..Policy::default() };
        let admission = Admission {
            policy: &policy,
            function: FunctionId::from_bits(0x68fd_508a),
            request_id: "r-1",
            xray: Xray::parse(XRAY),
        };
        let event = Reader::default().read(event.as_bytes());
        admission.judge(&event.records()[0], known, |_| seen)
    }

    fn message(token: &str) -> String {
        format!(
            r#"{{"Records":[{{"messageId":"m","body":"","messageAttributes":{{"hopguard":{{"stringValue":"{token}","dataType":"String"}}}},"eventSource":"aws:sqs"}}]}}"#
        )
    }

    #[test]
    fn a_record_beyond_the_limit_is_blocked_and_a_broken_one_is_a_root() {
        let at = |visits: u16| format!("01-0af7651916cd43dd8448eb211c80319c-3-256-68fd508a:{visits}");
        let block = Verdict::Block(Reason::Visits { visits: 3, limit: 2 });
        assert_eq!(judge(&message(&at(2)), vec![], 1).verdict, block);
        assert_eq!(judge(&message(&at(1)), vec![], 1).verdict, Verdict::Warn(Reason::LastVisit { limit: 2 }));
        let broken = judge(&message("01-x"), vec![], 1);
        assert_eq!((broken.arrival.carried, broken.rejected), (false, vec![Rejected::Malformed]));
        assert_eq!(broken.arrival.lineage.chain, ChainId::derived("sqs", b"m"));
    }

    #[test]
    fn records_of_a_stream_are_roots_of_their_own_whatever_header_their_poller_sent() {
        let event = r#"{"Records":[{"kinesis":{"sequenceNumber":"49","data":""},"eventSource":"aws:kinesis","x":"hopguard"}]}"#;
        let judged = judge(event, vec![], u32::MAX);
        assert_eq!(judged.arrival.lineage.chain, ChainId::derived("kinesis", b"49"));
        assert_eq!(judged.verdict, Verdict::Allow);
    }

    #[test]
    fn what_an_objects_metadata_carries_counts() {
        let event = r#"{"Records":[{"eventSource":"aws:s3","eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"b"},"object":{"key":"k","sequencer":"1"}}}]}"#;
        let lineage = crate::Token::decode(b"01-0af7651916cd43dd8448eb211c80319c-3-256-68fd508a:2", None);
        let known = Inbound { lineage: lineage.ok(), ..Inbound::default() };
        assert!(matches!(judge(event, vec![Some(known)], 1).verdict, Verdict::Block(_)));
        let unknown = judge(event, vec![None], 1);
        assert!(!unknown.arrival.carried);
        assert_eq!(unknown.verdict, Verdict::Warn(Reason::AwsLineage { seen: 30 }));
    }
}
