use std::borrow::Cow;
use std::time::SystemTime;

use hopguard_core::Lineage;
use hopguard_core::event::Source;
use hopguard_core::propagator::TraceParent;

/// The start of an invocation.
#[derive(Clone, Debug)]
pub(crate) struct Started {
    /// Lambda's request id.
    pub(crate) request_id: String,
    /// The ARN that was invoked, with its qualifier.
    pub(crate) arn: String,
    /// What delivered the event.
    pub(crate) source: Source,
    /// Where it stands in its chain.
    pub(crate) lineage: Lineage,
    /// The span of whoever sent the event.
    pub(crate) sender: Option<TraceParent>,
    /// What its event brought.
    pub(crate) batch: Batch,
    /// Its own span.
    pub(crate) span: TraceParent,
    /// When the runtime got the event.
    pub(crate) at: SystemTime,
}

/// The records of an event, those included that the handler does not get.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Batch {
    /// How many they are.
    pub(crate) records: usize,
    /// The route that it took, where its source has routes.
    pub(crate) route: Option<Box<str>>,
    /// The spans that sent them, each once.
    senders: Vec<TraceParent>,
}

impl Batch {
    /// Links of one span; OpenTelemetry's own default limit.
    pub(crate) const MAX_SENDERS: usize = 128;

    /// So many records whose senders are not known. Without any sender it takes no memory.
    pub(crate) const fn of(records: usize) -> Self {
        Self { records, route: None, senders: Vec::new() }
    }

    /// The same, with its route.
    #[must_use]
    pub(crate) fn by(self, route: Option<Cow<'_, str>>) -> Self {
        Self { route: route.map(|route| route.into_owned().into_boxed_str()), ..self }
    }

    /// Takes note of who sent one of the records.
    pub(crate) fn sent_by(&mut self, sender: Option<TraceParent>) {
        if let Some(sender) = sender
            && self.senders.len() < Self::MAX_SENDERS
            && !self.senders.contains(&sender)
        {
            self.senders.push(sender);
        }
    }

    pub(crate) fn senders(&self) -> &[TraceParent] {
        &self.senders
    }
}

/// The end of an invocation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ended<'a> {
    /// Lambda's request id.
    pub(crate) request_id: &'a str,
    /// How it ended.
    pub(crate) outcome: Outcome,
    /// When its answer was out.
    pub(crate) at: SystemTime,
}

/// How an invocation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The handler answered.
    Answered,
    /// The handler failed.
    Failed,
    /// No record was left for the handler, or the invocation failed because of blocked records.
    Blocked,
}

#[cfg(test)]
mod tests {
    use hopguard_core::ChainId;

    use super::*;

    #[test]
    fn each_sender_counts_once_and_their_number_is_bounded() {
        let sender = |span| Some(TraceParent { trace: ChainId::new(1).unwrap(), span, flags: 1 });
        let mut batch = Batch::of(10_000);
        batch.sent_by(None);
        assert_eq!(batch, Batch::of(10_000));
        for span in [1, 2, 1].into_iter().chain(2..10_000) {
            batch.sent_by(sender(span));
        }
        let spans: Vec<_> = batch.senders().iter().map(|sender| sender.span).collect();
        assert_eq!(spans, (1..=128).collect::<Vec<_>>());
    }
}
