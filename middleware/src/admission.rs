//! What happens to an event before the handler gets it: read, look up, judge, and take blocked records out.

use std::collections::HashSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use hopguard_core::breaker::{Block, Trip};
use hopguard_core::event::{Event, Record, Source};
use hopguard_core::propagator::{Fields, HOPGUARD, Inbound, TRACEPARENT, TRACESTATE};
use hopguard_core::{ChainId, Counter, FunctionId, Lineage, OnBlock, Reason, Token, Verdict, Xray};
use lambda_runtime::Context;
use serde_json::value::RawValue;
use tokio::time::Instant;
use tracing::{Span, warn};

use crate::scope::{Arrival, Scope};
use crate::shared::Shared;
use crate::telemetry;

pub(crate) type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// An invocation that was read: ready for its handler, or waiting for an answer from AWS.
pub(crate) enum Admission {
    Ready(Admitted),
    Waiting(BoxFuture<Admitted>),
}

/// An invocation whose handler may run.
pub(crate) struct Admitted {
    /// What the handler gets; `None` where nothing was left of it.
    pub(crate) payload: Option<Box<RawValue>>,
    pub(crate) scope: Scope,
    pub(crate) span: Span,
    pub(crate) withheld: Withheld,
    /// The trip that runs beside the handler.
    pub(crate) trip: Option<BoxFuture<()>>,
}

/// What the answer has to say of records that the handler did not get.
#[derive(Debug, Default)]
pub(crate) struct Withheld {
    /// Their identifiers, for `batchItemFailures`.
    pub(crate) failed: Vec<String>,
    /// How many were blocked, and why: the invocation has to fail, so that nothing is acknowledged that nobody processed.
    pub(crate) fail_invocation: Option<(usize, Reason)>,
    /// Whether the source takes a list of failures for its answer.
    pub(crate) batch: bool,
}

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
struct Place<'e> {
    index: usize,
    source: Source,
    json: &'e [u8],
    id: Option<&'e str>,
    group: Option<&'e str>,
    origin: Option<&'e str>,
    synchronous: bool,
}

impl Place<'_> {
    fn blocked(&self, lineage: Lineage, reason: Reason, token: Option<Token>) -> BlockedRecord {
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

/// Reads an event and judges its records.
pub(crate) fn admit(shared: &Arc<Shared>, payload: Box<RawValue>, context: &Context) -> Admission {
    let function = shared.function(&context.invoked_function_arn);
    let event = shared.reader.read(payload.get().as_bytes());
    let called = called_with(shared, context);
    let span = telemetry::invocation_span(event.source(), &context.request_id, &context.invoked_function_arn);
    if event.is_untouched() && called.is_none() {
        let scope = Scope::of_invocation(shared, function, Vec::new(), || root_of(shared, function, context));
        let lineage = scope.lineage();
        tracing::debug!(
            target: "hopguard", source = event.source().name(), chain = %lineage.chain, hop = 0, visits = 1, "chain started",
        );
        telemetry::record_lineage(&span, &lineage, function);
        return Admission::Ready(Admitted { payload: Some(payload), scope, span, withheld: Withheld::default(), trip: None });
    }

    let known = find_objects(shared, &event);
    let invocation = Invocation { shared: Arc::clone(shared), function, context: context.clone(), called, span };
    if known.iter().flatten().any(Option::is_none) {
        return Admission::Waiting(Box::pin(async move {
            let known = invocation.look_up(&payload, known).await;
            let judged = invocation.judge(&invocation.shared.reader.read(payload.get().as_bytes()), known);
            invocation.finish(payload, judged).await
        }));
    }
    let judged = invocation.judge(&event, known);
    if judged.blocked.is_empty() {
        return Admission::Ready(invocation.admit_all(Some(payload), judged.arrivals));
    }
    Admission::Waiting(Box::pin(async move { invocation.finish(payload, judged).await }))
}

/// One invocation that has something to say of its lineage.
struct Invocation {
    shared: Arc<Shared>,
    function: FunctionId,
    context: Context,
    /// What a synchronous caller wrote into the client context.
    called: Option<Inbound>,
    span: Span,
}

/// Records as judged, by their index in the event.
struct Judged {
    arrivals: Vec<(usize, Option<Box<str>>, Arrival)>,
    blocked: Vec<BlockedRecord>,
}

/// What is known of the objects that each record names; `None` where S3 has to be asked.
#[cfg(feature = "s3")]
type KnownObjects = Vec<Vec<Option<crate::write_index::Known>>>;
#[cfg(not(feature = "s3"))]
type KnownObjects = Vec<Vec<Option<()>>>;

#[cfg(feature = "s3")]
fn find_objects(shared: &Shared, event: &Event<'_>) -> KnownObjects {
    let of_record = |record: &Record<'_>| {
        let objects = record.objects.iter().filter(|object| !object.removed);
        let found = objects.map(|object| shared.index.find(object));
        found.inspect(|known| known.iter().for_each(|_| shared.count(Counter::IndexHits))).collect()
    };
    event.records().iter().map(of_record).collect()
}

#[cfg(not(feature = "s3"))]
fn find_objects(shared: &Shared, event: &Event<'_>) -> KnownObjects {
    for _ in event.records().iter().flat_map(|record| &record.objects).filter(|object| !object.removed) {
        shared.count(Counter::Lost);
    }
    Vec::new()
}

impl Invocation {
    #[cfg(not(feature = "s3"))]
    async fn look_up(&self, _: &RawValue, known: KnownObjects) -> KnownObjects {
        known
    }

    /// Asks S3 for every object that is not known, all at once.
    #[cfg(feature = "s3")]
    async fn look_up(&self, payload: &RawValue, mut known: KnownObjects) -> KnownObjects {
        let shared = &self.shared;
        let event = shared.reader.read(payload.get().as_bytes());
        let objects = event.records().iter().flat_map(|record| record.objects.iter().filter(|object| !object.removed));
        let missing = known.iter_mut().flatten().zip(objects).filter(|(known, _)| known.is_none());
        let timeout = shared.settings.lookup_timeout.min(time_left(&self.context));
        futures_util::future::join_all(missing.map(|(slot, object)| async move {
            *slot = shared.look_up(object, timeout).await;
        }))
        .await;
        known
    }

    fn judge(&self, event: &Event<'_>, known: KnownObjects) -> Judged {
        let mut judged = Judged { arrivals: Vec::with_capacity(event.records().len()), blocked: Vec::new() };
        if let Some(called) = &self.called {
            let arrival = self.arrive(called.clone(), None, || root_chain(&self.context));
            let whole = Place { source: Source::Invoke, synchronous: true, ..Place::default() };
            self.judge_one(&mut judged, &whole, arrival, Xray::default());
            return judged;
        }
        let mut known = known.into_iter();
        for (index, record) in event.records().iter().enumerate() {
            let xray = self.xray_of(record);
            let arrival = self.arrival(record, &xray, known.next().unwrap_or_default());
            let place = Place {
                index,
                source: record.source,
                json: event.json(record),
                id: record.id.as_deref(),
                group: record.group.as_deref(),
                origin: record.origin.as_deref(),
                synchronous: record.source == Source::Http,
            };
            self.judge_one(&mut judged, &place, arrival, xray);
        }
        judged
    }

    fn judge_one(&self, judged: &mut Judged, place: &Place<'_>, arrival: Arrival, xray: Xray) {
        let Lineage { chain, hop, visits, .. } = arrival.lineage;
        let (visits, source) = (visits.of(self.function), place.source.name());
        match self.verdict(&arrival, xray) {
            Verdict::Block(reason) => {
                self.shared.count(Counter::Blocked);
                warn!(target: "hopguard", source, %chain, hop, visits, reason = reason.name(), limit = %reason, "record blocked");
                let token = arrival.inbound.lineage.map(|sent| Token::new(&sent, self.shared.settings.signing_keys.as_ref()));
                judged.blocked.push(place.blocked(arrival.lineage, reason, token));
                return;
            }
            Verdict::Warn(reason) => {
                self.shared.count(Counter::Warned);
                warn!(target: "hopguard", source, %chain, hop, visits, reason = reason.name(), limit = %reason, "record near or beyond a limit");
            }
            Verdict::Allow => {
                self.shared.count(Counter::Allowed);
                tracing::debug!(target: "hopguard", source, %chain, hop, visits, "record allowed");
            }
        }
        judged.arrivals.push((place.index, place.id.map(Box::from), arrival));
    }

    fn verdict(&self, arrival: &Arrival, xray: Xray) -> Verdict {
        let policy = &self.shared.settings.policy;
        if arrival.carried {
            return policy.judge(&arrival.lineage, self.function);
        }
        match (xray.seen.map(|seen| policy.judge_aws_lineage(seen)), xray.root) {
            (Some(warning @ Verdict::Warn(_)), _) => warning,
            (_, Some(root)) if root == arrival.lineage.chain => policy.judge_shared_root(self.shared.see(root)),
            _ => Verdict::Allow,
        }
    }

    /// The X-Ray header that came with a record: SQS keeps each message's own, everything else has the invocation's.
    fn xray_of(&self, record: &Record<'_>) -> Xray {
        match record.source {
            Source::Sqs => record.xray,
            _ => Xray::parse(self.context.xray_trace_id.as_deref().unwrap_or_default()),
        }
    }

    fn arrival(&self, record: &Record<'_>, xray: &Xray, known: impl IntoIterator<Item = Option<KnownObject>>) -> Arrival {
        let id = record.id.as_deref();
        let chain = || xray.root.or_else(|| id.map(|id| ChainId::derived(record.source.name(), id.as_bytes())));
        let root = || chain().unwrap_or_else(|| root_chain(&self.context));
        let own = self.arrive(record.inbound.clone(), None, root);
        #[cfg(feature = "s3")]
        {
            let objects = record.objects.iter().filter(|object| !object.removed);
            let mut arrivals = vec![own];
            for (object, known) in objects.zip(known) {
                let Some(known) = known else { continue };
                let name = hopguard_aws::ObjectName {
                    bucket: object.bucket.to_string(),
                    key: object.key.to_string(),
                    version: object.version.as_deref().map(str::to_owned),
                };
                arrivals.push(self.arrive(known.inbound, known.head.map(|head| (name, head)), root));
            }
            self.merge(arrivals)
        }
        #[cfg(not(feature = "s3"))]
        {
            let _ = known.into_iter().count();
            own
        }
    }

    /// One record may name several objects: the arrivals that were carried count, merged.
    #[cfg(feature = "s3")]
    fn merge(&self, arrivals: Vec<Arrival>) -> Arrival {
        let carried: Vec<&Arrival> = arrivals.iter().filter(|arrival| arrival.carried).collect();
        let credit = self.shared.settings.policy.branch_credit;
        let merged = Lineage::merge(carried.iter().map(|arrival| &arrival.lineage), credit);
        let exceeded = carried.iter().find(|arrival| arrival.lineage.credit == hopguard_core::Credit::Exceeded);
        let marked = exceeded.map(|arrival| arrival.lineage);
        let heads: Vec<_> = arrivals.iter().flat_map(|arrival| arrival.heads.iter().cloned()).collect();
        let lineage = marked.or(merged);
        let best = carried.into_iter().max_by_key(|arrival| arrival.lineage.hop).cloned();
        let first = best.or_else(|| arrivals.into_iter().next());
        let mut arrival = first.unwrap_or_else(|| Arrival::root(root_chain(&self.context), self.function, &self.shared));
        arrival.lineage = lineage.unwrap_or(arrival.lineage);
        arrival.heads = heads;
        arrival
    }

    fn arrive(&self, inbound: Inbound, head: Option<KnownHead>, root: impl FnOnce() -> ChainId) -> Arrival {
        if let Some(rejected) = inbound.rejected {
            self.shared.count(Counter::Rejected);
            warn!(target: "hopguard", reason = rejected.reason(), error = %rejected, "lineage rejected");
        }
        let credit = self.shared.settings.policy.branch_credit;
        let mut arrival = match inbound.lineage {
            Some(lineage) => Arrival { lineage: lineage.arrive(self.function, credit), carried: true, ..Arrival::root(lineage.chain, self.function, &self.shared) },
            None => {
                let chain = inbound.parent.map_or_else(root, |parent| parent.trace);
                Arrival::root(chain, self.function, &self.shared)
            }
        };
        arrival.inbound = inbound;
        #[cfg(feature = "s3")]
        arrival.heads.extend(head);
        #[cfg(not(feature = "s3"))]
        let _ = head;
        arrival
    }

    /// Disposes of blocked records, and admits what is left.
    async fn finish(self, payload: Box<RawValue>, judged: Judged) -> Admitted {
        let Judged { arrivals, blocked } = judged;
        if blocked.is_empty() {
            return self.admit_all(Some(payload), arrivals);
        }
        self.span.record("hopguard.blocked", blocked.len());
        let deadline = Instant::now() + time_left(&self.context);
        let trip = self.trip(&blocked, deadline);
        let (withheld, out) = self.dispose(&payload, &blocked, deadline).await;
        let event = self.shared.reader.read(payload.get().as_bytes());
        let left = arrivals.iter().any(|(index, ..)| !out.contains(index)).then(|| event.without(|index| out.contains(&index)));
        let left = left.flatten().and_then(|event| String::from_utf8(event).ok());
        let left = left.and_then(|event| RawValue::from_string(event).ok());
        let arrivals = arrivals.into_iter().filter(|(index, ..)| !out.contains(index)).collect();
        Admitted { withheld, trip, ..self.admit_all(left, arrivals) }
    }

    /// Moves blocked records to where they belong. Returns what the answer has to say of them, and the indexes of all records that
    /// the handler does not get.
    async fn dispose(&self, payload: &RawValue, blocked: &[BlockedRecord], deadline: Instant) -> (Withheld, HashSet<usize>) {
        let arn = &self.context.invoked_function_arn;
        let fates = self.shared.dispose(arn, blocked, payload.get().as_bytes(), deadline).await;
        let mut out: HashSet<usize> = blocked.iter().map(|record| record.index).collect();
        let mut withheld = Withheld::default();
        let failed: Vec<&BlockedRecord> =
            blocked.iter().zip(fates).filter(|(_, fate)| *fate == Fate::Failed).map(|(record, _)| record).collect();
        let event = self.shared.reader.read(payload.get().as_bytes());
        withheld.batch = event.source() == Source::Sqs;
        let Some(first) = failed.first() else { return (withheld, out) };

        // FIFO: after the first failed record of a group, the rest of that group fails too.
        let mut ids: Vec<String> = failed.iter().filter_map(|record| record.id.clone()).collect();
        for (index, record) in event.records().iter().enumerate() {
            let group = record.group.as_deref();
            let follows = group.is_some() && failed.iter().any(|failed| failed.index < index && failed.group.as_deref() == group);
            if follows && out.insert(index) {
                ids.extend(record.id.as_deref().map(str::to_owned));
            }
        }
        let all_named = failed.iter().all(|record| record.id.is_some());
        if withheld.batch && all_named && self.shared.takes_failures(arn, first.origin.as_deref(), deadline).await {
            withheld.failed = ids;
        } else {
            withheld.fail_invocation = Some((failed.len(), first.reason));
        }
        (withheld, out)
    }

    /// Tells the breaker, and starts a trip where one is due.
    fn trip(&self, blocked: &[BlockedRecord], deadline: Instant) -> Option<BoxFuture<()>> {
        if !self.shared.settings.trip {
            return None;
        }
        let first = blocked.first()?;
        let block = Block { chain: first.lineage.chain, hop: first.lineage.hop, reason: first.reason };
        let now = Instant::now().into_std();
        let trip: Option<Trip> = self.shared.breaker.lock().unwrap_or_else(PoisonError::into_inner).handle_block(now, block);
        let (shared, arn) = (Arc::clone(&self.shared), self.context.invoked_function_arn.clone());
        // Lambda retries nothing of these itself once the function is at 0.
        let asynchronous = first.source != Source::Sqs && !first.synchronous;
        trip.map(|trip| -> BoxFuture<()> { Box::pin(async move { shared.trip(&arn, &trip, asynchronous, deadline).await }) })
    }

    fn admit_all(self, payload: Option<Box<RawValue>>, arrivals: Vec<(usize, Option<Box<str>>, Arrival)>) -> Admitted {
        let Self { shared, function, context, span, .. } = self;
        telemetry::link(&span, arrivals.iter().filter_map(|(_, _, arrival)| arrival.inbound.parent.as_ref()));
        span.record("messaging.batch.message_count", arrivals.len());
        let arrivals = arrivals.into_iter().map(|(_, id, arrival)| (id, arrival)).collect();
        let scope = Scope::of_invocation(&shared, function, arrivals, || root_of(&shared, function, &context));
        telemetry::record_lineage(&span, &scope.lineage(), function);
        Admitted { payload, scope, span, withheld: Withheld::default(), trip: None }
    }
}

#[cfg(feature = "s3")]
type KnownObject = crate::write_index::Known;
#[cfg(not(feature = "s3"))]
type KnownObject = ();
#[cfg(feature = "s3")]
type KnownHead = (hopguard_aws::ObjectName, Arc<hopguard_aws::Head>);
#[cfg(not(feature = "s3"))]
type KnownHead = ();

fn root_of(shared: &Shared, function: FunctionId, context: &Context) -> Arrival {
    Arrival::root(root_chain(context), function, shared)
}

/// The chain of an invocation that nothing better names: its X-Ray root, or its request id, which stays the same on a retry.
fn root_chain(context: &Context) -> ChainId {
    let xray = Xray::parse(context.xray_trace_id.as_deref().unwrap_or_default());
    xray.root.unwrap_or_else(|| ChainId::derived("request", context.request_id.as_bytes()))
}

/// What a synchronous caller wrote into the client context.
fn called_with(shared: &Shared, context: &Context) -> Option<Inbound> {
    let custom = &context.client_context.as_ref()?.custom;
    let text = |name: &str| custom.get(name).map(String::as_str);
    let fields = Fields { traceparent: text(TRACEPARENT), tracestate: text(TRACESTATE), packed: text(HOPGUARD) };
    if fields.is_empty() {
        return None;
    }
    let inbound = fields.extract(shared.settings.signing_keys.as_ref());
    (!inbound.is_empty()).then_some(inbound)
}

/// The time that calls of our own may take in this invocation: until its deadline, less a tenth (100 ms to 1 s) in which it still
/// has to answer.
fn time_left(context: &Context) -> Duration {
    let left = context.deadline().duration_since(std::time::SystemTime::now()).unwrap_or_default();
    left.saturating_sub((left / 10).clamp(Duration::from_millis(100), Duration::from_secs(1)))
}

/// Without the feature `aws` nobody can be asked for anything: blocked records fail.
#[cfg(not(feature = "aws"))]
impl Shared {
    #[allow(clippy::unused_async, reason = "the same shape as with the feature `aws`")]
    async fn dispose(&self, _: &str, blocked: &[BlockedRecord], _: &[u8], _: Instant) -> Vec<Fate> {
        let fate = |record: &BlockedRecord| match self.settings.on_block {
            OnBlock::Drop if !record.synchronous => Fate::Dropped,
            _ => Fate::Failed,
        };
        blocked.iter().map(fate).inspect(|fate| self.count_fate(*fate)).collect()
    }

    #[allow(clippy::unused_async, reason = "the same shape as with the feature `aws`")]
    async fn takes_failures(&self, _: &str, _: Option<&str>, _: Instant) -> bool {
        false
    }

    #[allow(clippy::unused_async, reason = "the same shape as with the feature `aws`")]
    async fn trip(&self, _: &str, _: &Trip, _: bool, _: Instant) {}
}

impl Shared {
    pub(crate) fn count_fate(&self, fate: Fate) {
        self.count(match fate {
            Fate::Quarantined => Counter::Quarantined,
            Fate::Dropped => Counter::Dropped,
            Fate::Failed => Counter::Failed,
        });
    }

    /// What the owner chose for this record. A caller that waits for the answer has to be told.
    pub(crate) fn chosen(&self, record: &BlockedRecord) -> OnBlock {
        if record.synchronous { OnBlock::Fail } else { self.settings.on_block }
    }
}
