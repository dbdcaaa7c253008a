use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hopguard_core::admission::Arrival;
use hopguard_core::event::{Received, Source};
use hopguard_core::propagator::{Outbound, TraceParent};
use hopguard_core::{ChainId, FunctionId, Lineage, SendLedger, Token, Toward};
use tokio::task::futures::TaskLocalFuture;

use crate::admission::Arrived;
use crate::objects::KnownHead;
use crate::observed::Observed;
use crate::payload::Payload;
use crate::shared::Shared;
use crate::telemetry;

tokio::task_local! {
    static SCOPE: Scope;
    /// The span of the call that sends now, where no tracing SDK knows it.
    static CALLER: TraceParent;
}

/// What the code that runs now descends from: one invocation as a whole, or one record of it inside
/// [`Guard::each`](crate::Guard::each).
///
/// Every send of an SDK client with the [`Propagator`](crate::Propagator) takes the lineage of the current scope along.
/// Scopes are task-local: there is no global state, and invocations that run at once never mix.
#[derive(Clone)]
pub struct Scope(Arc<Inner>);

struct Inner {
    shared: Arc<Shared>,
    function: FunctionId,
    ledger: Mutex<SendLedger>,
    sender: Option<TraceParent>,
    parent: TraceParent,
    others: Option<Box<str>>,
    /// Whether records were read, because something in the event may be lineage.
    read: bool,
    /// The records of a whole-invocation scope by their ids; empty where none carried a lineage.
    records: HashMap<Box<str>, Known>,
    heads: Vec<KnownHead>,
    /// The event, in the scope of a whole invocation.
    received: Received<Payload>,
    /// The scope of the whole invocation, in that of a record.
    invocation: Option<Scope>,
    /// The invocation as it is observed, where anybody listens.
    observed: Option<Arc<Observed>>,
}

/// What a new scope is part of.
#[derive(Default)]
struct Within {
    read: bool,
    invocation: Option<Scope>,
    observed: Option<Arc<Observed>>,
}

/// One record on arrival, and what is known of the objects that it names.
type Known = (Arrival, Vec<KnownHead>);

impl Scope {
    /// The scope that the current task runs in, if any.
    pub fn current() -> Option<Self> {
        SCOPE.try_with(Clone::clone).ok()
    }

    /// The lineage of this scope: chain, hop, visits and credit on arrival.
    pub fn lineage(&self) -> Lineage {
        *self.ledger().lineage()
    }

    /// How many messages were sent in this scope.
    pub fn sent(&self) -> u32 {
        self.ledger().sent()
    }

    /// The function that runs.
    pub fn function(&self) -> FunctionId {
        self.0.function
    }

    /// The span of whoever sent what this scope works on.
    pub(crate) fn sender(&self) -> Option<&TraceParent> {
        self.0.sender.as_ref()
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.0.shared
    }

    /// The scope of an invocation whose event carries nothing.
    pub(crate) fn of_root(
        shared: &Arc<Shared>,
        function: FunctionId,
        root: Arrival,
        observe: impl FnOnce(&Arrival) -> Option<Arc<Observed>>,
    ) -> Self {
        let within = Within { observed: observe(&root), ..Within::default() };
        Self::new(shared, function, (root, Vec::new()), 0, HashMap::new(), within)
    }

    /// The scope of a whole invocation: merged from its records, which keep scopes of their own in `each`.
    pub(crate) fn of_invocation(
        shared: &Arc<Shared>,
        function: FunctionId,
        records: Vec<Arrived>,
        root: Arrival,
        observe: impl FnOnce(&Arrival) -> Option<Arc<Observed>>,
    ) -> Self {
        let count = u32::try_from(records.len()).unwrap_or(u32::MAX);
        let arrivals = records.iter().map(|record| &record.arrival);
        let merged = Arrival::merge(arrivals, shared.settings.policy.branch_credit).unwrap_or(root);
        let heads = records.iter().flat_map(|record| record.heads.iter().cloned()).collect();
        let by_id = |record: Arrived| Some((record.id?, (record.arrival, record.heads)));
        let records = records.into_iter().filter_map(by_id).collect();
        let within = Within { read: count > 0, observed: observe(&merged), invocation: None };
        Self::new(shared, function, (merged, heads), count, records, within)
    }

    /// The scope of one record of this invocation.
    pub(crate) fn of_record(&self, id: Option<&str>, chain: impl FnOnce() -> ChainId) -> Self {
        let arrival = match id.and_then(|id| self.0.records.get(id)) {
            Some(known) => known.clone(),
            None if self.0.read => {
                // The event's records were read and this one cannot be told apart: it shares the scope of them all. A root here
                // would switch the guard off.
                return self.clone();
            }
            None => {
                let credit = self.shared().settings.policy.branch_credit;
                (Arrival::root(chain(), self.function(), credit), Vec::new())
            }
        };
        let within = Within { read: true, observed: self.0.observed.clone(), invocation: Some(self.clone()) };
        Self::new(self.shared(), self.function(), arrival, 1, HashMap::new(), within)
    }

    fn new(
        shared: &Arc<Shared>,
        function: FunctionId,
        (arrival, heads): Known,
        records: u32,
        by_id: HashMap<Box<str>, Known>,
        Within { read, invocation, observed }: Within,
    ) -> Self {
        let chain = arrival.lineage.chain;
        // Without a tracing SDK the sender's span is passed on as it came. A root has none: its first span is made up here, with the
        // "sampled" flag, since "not sampled" would switch tracing off in every parent-based service behind us.
        let made_up = || TraceParent { trace: chain, span: fastrand::u64(1..), flags: 1 };
        let parent = arrival.inbound.parent.unwrap_or_else(made_up);
        Self(Arc::new(Inner {
            shared: Arc::clone(shared),
            function,
            ledger: Mutex::new(SendLedger::new(arrival.lineage, records)),
            read,
            sender: arrival.inbound.parent,
            parent,
            others: arrival.inbound.others,
            records: by_id,
            heads,
            received: Received::default(),
            invocation,
            observed,
        }))
    }

    /// The invocation as it is observed, where anybody listens.
    pub(crate) fn observed(&self) -> Option<&Arc<Observed>> {
        self.0.observed.as_ref()
    }

    /// Runs `send`, which a call with this span does.
    pub(crate) fn called_by<R>(caller: Option<TraceParent>, send: impl FnOnce() -> R) -> R {
        match caller {
            Some(caller) => CALLER.sync_scope(caller, send),
            None => send(),
        }
    }

    /// Keeps the event that the handler got.
    pub(crate) fn keep(&self, event: Payload) {
        self.0.received.keep(event, self.shared().function_arn());
    }

    /// What one more message takes along, to a queue, topic, bucket or function of this URL, ARN or name.
    pub(crate) fn send(&self, to: Source, target: Option<&str>) -> Sending<'_> {
        let toward = self.toward(to, target);
        let lineage = self.ledger().send(toward, self.shared().fan_out());
        self.sending(lineage)
    }

    /// What the messages of a batch take along, to the same.
    pub(crate) fn send_batch(
        &self,
        to: Source,
        target: Option<&str>,
        count: usize,
    ) -> impl Iterator<Item = Sending<'_>> {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        let toward = self.toward(to, target);
        let lineages = self.ledger().send_batch(toward, count, self.shared().fan_out());
        lineages.map(|lineage| self.sending(lineage))
    }

    fn toward(&self, to: Source, target: Option<&str>) -> Toward {
        let in_loop = self.ledger().is_split(Toward::Elsewhere);
        let Some(target) = target.filter(|_| !in_loop) else { return Toward::Elsewhere };
        let invocation = self.0.invocation.as_ref().unwrap_or(self);
        let sources = invocation.0.received.sources(self.shared().function_arn());
        if !sources.contain(to, target) {
            return Toward::Elsewhere;
        }
        if !self.0.read {
            // Nobody has counted the records of an event in which nothing was found.
            self.ledger().count_records(sources.records());
        }
        Toward::Source
    }

    fn sending(&self, lineage: Lineage) -> Sending<'_> {
        let (parent, others) = match telemetry::current() {
            // The user's tracing SDK knows better which span sends; its tracestate is the one that belongs to it.
            Some(current) => (current, ""),
            None => {
                let parent = CALLER.try_with(|caller| *caller).unwrap_or(self.0.parent);
                (parent, self.0.others.as_deref().unwrap_or_default())
            }
        };
        let token = Token::new(&lineage, self.shared().settings.signing_keys.as_ref());
        Sending { lineage, outbound: Outbound { token, parent, others } }
    }

    /// What is known of an object that one of this scope's records names.
    #[cfg(feature = "s3")]
    pub(crate) fn head(&self, bucket: &str, key: &str) -> Option<Arc<hopguard_aws::Head>> {
        let found = self.0.heads.iter().find(|(name, _)| name.bucket == bucket && name.key == key);
        found.map(|(_, head)| Arc::clone(head))
    }

    pub(crate) fn run<F: Future>(self, future: F) -> TaskLocalFuture<Self, F> {
        SCOPE.scope(self, future)
    }

    pub(crate) fn run_sync<R>(self, f: impl FnOnce() -> R) -> R {
        SCOPE.sync_scope(self, f)
    }

    fn ledger(&self) -> MutexGuard<'_, SendLedger> {
        self.0.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scope")
            .field("lineage", &self.lineage())
            .field("sent", &self.sent())
            .finish_non_exhaustive()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let sent = self.ledger.get_mut().unwrap_or_else(PoisonError::into_inner).sent();
        if sent > 0 {
            self.shared.observe_fan_out(sent);
        }
    }
}

/// One message's lineage, ready to be written.
pub(crate) struct Sending<'s> {
    pub(crate) lineage: Lineage,
    pub(crate) outbound: Outbound<'s>,
}

/// Lets work that is spawned elsewhere keep the lineage of the task that spawned it.
pub trait InLineage: Future + Sized {
    /// Runs this future in the current scope, on whatever task it is polled. Outside of a scope it changes nothing.
    ///
    /// ```
    /// use hopguard::InLineage as _;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// // A spawned task has no scope of its own: without `in_lineage` its sends would carry no lineage.
    /// let task = tokio::spawn(async { /* client.send_message()… */ }.in_lineage());
    /// # task.await.unwrap();
    /// # }
    /// ```
    fn in_lineage(self) -> impl Future<Output = Self::Output>;
}

impl<F: Future> InLineage for F {
    fn in_lineage(self) -> impl Future<Output = Self::Output> {
        let scope = Scope::current();
        async move {
            match scope {
                Some(scope) => scope.run(self).await,
                None => self.await,
            }
        }
    }
}
