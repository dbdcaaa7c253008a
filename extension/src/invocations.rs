use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use hopguard_core::admission::Withheld;
use hopguard_core::event::{Received, Source};
use hopguard_core::propagator::TraceParent;
use hopguard_core::{Lineage, SendLedger, Toward};
use tokio::task::JoinHandle;

/// Invocations under way at once; Lambda Managed Instances run at most some dozens in one environment.
const MAX_UNDER_WAY: usize = 1_024;
/// How long after its deadline an invocation that never answered is remembered.
const GRACE: Duration = Duration::from_secs(5);

/// One invocation, from the moment that the runtime gets its event until its answer is out.
#[derive(Debug)]
pub(crate) struct Invocation {
    pub(crate) id: String,
    /// Its own span: the parent of what the function sends.
    pub(crate) span: TraceParent,
    /// The other members of the sender's `tracestate`.
    pub(crate) others: String,
    pub(crate) withheld: Withheld,
    pub(crate) deadline: SystemTime,
    ledger: Mutex<SendLedger>,
    fed: Fed,
    trip: Mutex<Option<JoinHandle<()>>>,
}

impl Invocation {
    pub(crate) fn new(
        id: String,
        deadline: SystemTime,
        span: TraceParent,
        others: String,
        ledger: SendLedger,
        fed: Fed,
    ) -> Self {
        Self {
            id,
            span,
            others,
            withheld: Withheld::default(),
            deadline,
            ledger: Mutex::new(ledger),
            fed,
            trip: Mutex::default(),
        }
    }

    /// The same, with what its answer has to say and the trip that runs beside it.
    pub(crate) fn withholding(mut self, withheld: Withheld, trip: Option<JoinHandle<()>>) -> Self {
        self.withheld = withheld;
        self.trip = Mutex::new(trip);
        self
    }

    /// The lineages of so many further messages, sent by one call.
    pub(crate) fn send(&self, toward: Toward, messages: u32, fan_out: u32) -> Vec<Lineage> {
        let mut ledger = self.ledger();
        match messages {
            1 => vec![ledger.send(toward, fan_out)],
            messages => ledger.send_batch(toward, messages, fan_out).collect(),
        }
    }

    /// Whether what is sent to this queue, topic, bucket, stream, table, bus or function comes back.
    pub(crate) fn toward(&self, to: Source, target: &str) -> Toward {
        if self.is_split(Toward::Elsewhere) {
            return Toward::Elsewhere;
        }
        let sources = self.fed.received.sources(&self.fed.function);
        if !sources.contain(to, target) {
            return Toward::Elsewhere;
        }
        if !self.fed.counted {
            // Nobody has counted the records of an event in which nothing was found.
            self.ledger().count_records(sources.records());
        }
        Toward::Source
    }

    /// Whether messages that go there share credit: where the path is in a loop, or to its own source.
    pub(crate) fn is_split(&self, toward: Toward) -> bool {
        self.ledger().is_split(toward)
    }

    /// How many messages were sent so far.
    pub(crate) fn sent(&self) -> u32 {
        self.ledger().sent()
    }

    /// Waits for the trip that runs beside it: once the answer is out, the environment may be frozen.
    pub(crate) async fn tripped(&self) {
        let trip = self.trip.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(trip) = trip {
            // It ends by its own deadline; a panic in it has been logged.
            let _ = trip.await;
        }
    }

    fn ledger(&self) -> MutexGuard<'_, SendLedger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What fed an invocation.
#[derive(Debug, Default)]
pub(crate) struct Fed {
    function: String,
    received: Received<Bytes>,
    /// Whether the records of the event were read, and counted.
    counted: bool,
}

impl Fed {
    /// `function` is the ARN of the function; `counted` says whether the event's records were read.
    pub(crate) fn new(function: &str, event: Bytes, counted: bool) -> Self {
        let received = Received::default();
        received.keep(event, function);
        Self { function: function.to_owned(), received, counted }
    }
}

/// The invocations under way. Bounded.
#[derive(Debug, Default)]
pub(crate) struct Invocations {
    under_way: Mutex<HashMap<String, Arc<Invocation>>>,
}

/// Why a send has no invocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unknown {
    /// None of that name, or none at all, is under way.
    None,
    /// Several are under way, and none was named.
    Several,
}

impl Invocations {
    /// Takes one more. With `alone`, the runtime asks for the next event only when it is done with the one before: whatever
    /// was under way has ended without an answer.
    pub(crate) fn start(&self, invocation: Arc<Invocation>, alone: bool) {
        let mut under_way = self.lock();
        if alone {
            under_way.clear();
        } else if under_way.len() >= MAX_UNDER_WAY {
            let now = SystemTime::now();
            under_way.retain(|_, invocation| invocation.deadline + GRACE > now);
        }
        if under_way.len() < MAX_UNDER_WAY {
            under_way.insert(invocation.id.clone(), invocation);
        }
    }

    pub(crate) fn of(&self, id: &str) -> Option<Arc<Invocation>> {
        self.lock().get(id).cloned()
    }

    /// The invocation that sends: the one named, or the only one.
    pub(crate) fn sender(&self, id: Option<&str>) -> Result<Arc<Invocation>, Unknown> {
        let under_way = self.lock();
        match id {
            Some(id) => under_way.get(id).cloned().ok_or(Unknown::None),
            None if under_way.len() > 1 => Err(Unknown::Several),
            None => under_way.values().next().cloned().ok_or(Unknown::None),
        }
    }

    pub(crate) fn end(&self, id: &str) -> Option<Arc<Invocation>> {
        self.lock().remove(id)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<Invocation>>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use hopguard_core::{ChainId, FunctionId};

    use super::*;

    fn invocation(id: &str) -> Arc<Invocation> {
        let chain = ChainId::new(1).unwrap();
        let lineage = Lineage::root(chain, FunctionId::from_bits(1), 9);
        let span = TraceParent { trace: chain, span: 1, flags: 1 };
        Arc::new(Invocation::new(
            id.to_owned(),
            SystemTime::now(),
            span,
            String::new(),
            SendLedger::new(lineage, 1),
            Fed::default(),
        ))
    }

    #[test]
    fn the_sender_is_the_one_named_or_the_only_one() {
        let invocations = Invocations::default();
        let sender = |id| invocations.sender(id).map(|found| found.id.clone());
        assert_eq!(sender(None), Err(Unknown::None));
        invocations.start(invocation("a"), false);
        assert_eq!((sender(None), sender(Some("b"))), (Ok("a".to_owned()), Err(Unknown::None)));
        invocations.start(invocation("b"), false);
        assert_eq!((sender(None), sender(Some("b"))), (Err(Unknown::Several), Ok("b".to_owned())));
        assert!(invocations.end("a").is_some() && invocations.end("a").is_none());
        assert_eq!(sender(None), Ok("b".to_owned()));
    }

    #[test]
    fn a_runtime_that_asks_for_the_next_event_is_done_with_the_one_before() {
        let invocations = Invocations::default();
        invocations.start(invocation("a"), true);
        invocations.start(invocation("b"), true);
        assert!(invocations.of("a").is_none() && invocations.of("b").is_some());
    }

    #[test]
    fn their_number_is_bounded() {
        let invocations = Invocations::default();
        for n in 0..2 * MAX_UNDER_WAY {
            invocations.start(invocation(&n.to_string()), false);
        }
        assert_eq!(invocations.lock().len(), MAX_UNDER_WAY);
    }
}
