//! What happens to an event between the Runtime API and the runtime: read, looked up, judged, and blocked records taken out.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use hopguard_aws::{Known, KnownObjects};
use hopguard_core::admission::{
    Admission, Arrival, BlockedRecord, Counting, Failed, Judged, Spent, Withheld,
};
use hopguard_core::event::{Event, Source, count, field, route};
use hopguard_core::propagator::{Inbound, TraceParent};
use hopguard_core::{Counter, Lineage, Reason, SendLedger, Token, Verdict};
use memchr::memmem;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tracing::{debug, warn};

use crate::call::Call;
use crate::client_context;
use crate::fault::panic_in;
use crate::guard::Guard;
use crate::invocations::{Fed, Invocation};
use crate::observe::Batch;
use crate::panics::caught;

/// An invocation that was admitted.
pub(crate) struct Admitted {
    /// What the runtime gets; `None` where nothing was left of it, and the answer is known already.
    pub(crate) event: Option<Bytes>,
    /// The client context, where the lineage in it was advanced.
    pub(crate) client_context: Option<String>,
    pub(crate) invocation: Begun,
}

/// An invocation, as far as it has begun.
pub(crate) enum Begun {
    /// Nothing was withheld from it: who keeps it and who observes it can be told when the runtime has its event.
    Due(Box<Opening>),
    /// It is known already, since something was done in its name.
    Known(Arc<Invocation>),
}

impl Begun {
    fn due(opening: Opening) -> Self {
        Self::Due(Box::new(opening))
    }

    /// What is kept of the invocation while it runs. Whoever observes is told of it here.
    pub(crate) fn open(self, guard: &Guard, call: &Call) -> Arc<Invocation> {
        match self {
            Self::Due(opening) => Arc::new(opening.open(guard, call)),
            Self::Known(invocation) => invocation,
        }
    }
}

/// All that an invocation is made of, beside its call.
pub(crate) struct Opening {
    source: Source,
    arrival: Arrival,
    /// What its event brought, where its records were read.
    batch: Option<Batch>,
    records: u32,
    event: Bytes,
    /// Whether the records of the event were read, and counted.
    counted: bool,
}

/// Decides by its beginning that the runtime may have an event as it is; `None` where all of it has to be read.
///
/// What has no shape of AWS's own can carry lineage in hopguard's field only, which is written as the first member. One that somebody
/// has moved behind the beginning is not seen.
pub(crate) fn admit_by(guard: &Guard, call: &Call, beginning: &[u8]) -> Option<Begun> {
    let source = guard.reader.read(beginning).source();
    let shapeless = match source {
        Source::Invoke => true,
        // A list of records that are not known is a shape.
        Source::Other => beginning.trim_ascii_start().first() != Some(&b'{'),
        _ => false,
    };
    let untouched =
        call.client_context.is_none() && memmem::find(beginning, field::NAME.as_bytes()).is_none();
    (shapeless && untouched).then(|| Begun::due(root(guard, call, source, Bytes::new())))
}

/// Reads an event, and decides what the runtime may have of it.
pub(crate) async fn admit(guard: &Arc<Guard>, call: &Call, body: Bytes) -> Admitted {
    panic_in("admit");
    let admission = admission(guard, call);
    let function = admission.function;
    let event = guard.reader.read(&body);
    let source = event.source();
    let called = call.client_context.as_deref().and_then(|context| {
        client_context::extract(context, guard.settings.signing_keys.as_ref()).filter(|said| !said.is_empty())
    });
    if event.is_untouched() && called.is_none() {
        let invocation = Begun::due(root(guard, call, source, body.clone()));
        return Admitted { event: Some(body), client_context: None, invocation };
    }

    let mut batch = Batch::of(event.records().len()).by(route_of(guard, source, &body));
    let policy = &guard.settings.policy;
    if let Some(called) = called {
        let one = admission.judge_call(called);
        let spent = spend(guard, call, [(&one, 1)]).await;
        let one = one.within(policy, &spent);
        let Some(reason) = tell(guard, Source::Invoke, &one, function) else {
            let client_context = advanced_context(guard, call, &one.arrival);
            let (arrival, event) = (one.arrival, body.clone());
            let opening = Opening { source, arrival, batch: Some(batch), records: 1, event, counted: true };
            return Admitted { event: Some(body), client_context, invocation: Begun::due(opening) };
        };
        let blocked = [BlockedRecord::of_call(&one.arrival, reason, &guard.settings)];
        return Box::pin(withhold(guard, call, &event, &body, Vec::new(), &blocked, batch)).await;
    }

    let known = look_up(guard, call, &event).await;
    let spent = spend_records(guard, call, &event, &known).await;
    let (mut arrivals, mut blocked) = (Vec::with_capacity(event.records().len()), Vec::new());
    let mut known = known.into_iter();
    for (index, record) in event.records().iter().enumerate() {
        let known = known.next().unwrap_or_default().into_iter().map(|known| known.map(carried));
        let one = admission.judge(record, known, |root| guard.see(root)).within(policy, &spent);
        batch.sent_by(one.arrival.inbound.parent);
        match tell(guard, record.source, &one, function) {
            Some(reason) => {
                blocked.extend(BlockedRecord::of_record(
                    &event,
                    index,
                    &one.arrival,
                    reason,
                    &guard.settings,
                ));
            }
            None => arrivals.push((index, one.arrival)),
        }
    }
    if blocked.is_empty() {
        let event = advanced(guard, &event, &arrivals).map_or_else(|| body.clone(), Bytes::from);
        let root = admission.root();
        let invocation = Begun::due(merged(guard, source, &arrivals, batch, root, event.clone()));
        return Admitted { event: Some(event), client_context: None, invocation };
    }
    // In memory of its own: it is 25 KB and seldom, and the room for it would be moved with every event.
    Box::pin(withhold(guard, call, &event, &body, arrivals, &blocked, batch)).await
}

/// Keeps blocked records from the handler, whatever happens: where they cannot be moved, all of the batch comes back.
async fn withhold(
    guard: &Arc<Guard>,
    call: &Call,
    event: &Event<'_>,
    body: &Bytes,
    arrivals: Vec<(usize, Arrival)>,
    blocked: &[BlockedRecord],
    batch: Batch,
) -> Admitted {
    let counters = Arc::clone(&guard.counters);
    let held = caught(&counters, dispose(guard, call, event, body, arrivals, blocked, batch)).await;
    held.unwrap_or_else(|| {
        let fail_invocation = blocked.first().map(|first| (blocked.len(), first.reason));
        let withheld = Withheld { fail_invocation, ..Withheld::default() };
        let opening = root(guard, call, event.source(), Bytes::new());
        let invocation = Begun::Known(Arc::new(opening.open(guard, call).withholding(withheld, None)));
        Admitted { event: None, client_context: None, invocation }
    })
}

/// Trips, moves blocked records to where they belong, and leaves the others.
async fn dispose(
    guard: &Arc<Guard>,
    call: &Call,
    event: &Event<'_>,
    body: &Bytes,
    arrivals: Vec<(usize, Arrival)>,
    blocked: &[BlockedRecord],
    batch: Batch,
) -> Admitted {
    panic_in("withhold");
    let deadline = Instant::now() + time_left(call);
    let trip = trip(guard, call, blocked, deadline);
    let fates = guard.edge.dispose(&call.arn, blocked, body, deadline).await;
    let failed = Failed::new(event, blocked, &fates);
    let mut withheld = guard.edge.withhold(&call.arn, &failed, deadline).await;
    let left: Vec<(usize, Arrival)> =
        arrivals.into_iter().filter(|(index, _)| !failed.out.contains(index)).collect();
    let mut event_left = None;
    if let (Some(_), Some(first)) = (left.first(), blocked.first()) {
        event_left = without(guard, event, &left, &failed.out);
        if event_left.is_none() {
            // Nobody would process these records, and so nobody may acknowledge them.
            withheld.fail_invocation = Some((blocked.len(), first.reason));
        }
    }
    let event_left = event_left.map(Bytes::from);
    let fed_by = event_left.clone().unwrap_or_default();
    let root = admission(guard, call).root();
    let invocation = merged(guard, event.source(), &left, batch, root, fed_by).open(guard, call);
    let invocation = Begun::Known(Arc::new(invocation.withholding(withheld, trip)));
    Admitted { event: event_left, client_context: None, invocation }
}

/// The event without blocked records, and with the lineage of the others advanced.
fn without(
    guard: &Guard,
    event: &Event<'_>,
    left: &[(usize, Arrival)],
    out: &HashSet<usize>,
) -> Option<Vec<u8>> {
    let advanced = advanced(guard, event, left).map_or(Cow::Borrowed(event.bytes()), Cow::Owned);
    guard.reader.read(&advanced).without(|index| out.contains(&index))
}

fn advanced(guard: &Guard, event: &Event<'_>, arrivals: &[(usize, Arrival)]) -> Option<Vec<u8>> {
    let keys = guard.settings.signing_keys.as_ref();
    event.advanced(|index| {
        // They are in the event's order, and there may be 10,000.
        let place = arrivals.binary_search_by_key(&index, |(place, _)| *place).ok()?;
        arrivals.get(place).map(|(_, arrival)| Token::new(&arrival.lineage, keys))
    })
}

fn advanced_context(guard: &Guard, call: &Call, arrival: &Arrival) -> Option<String> {
    let token = Token::new(&arrival.lineage, guard.settings.signing_keys.as_ref());
    client_context::advanced(call.client_context.as_deref()?, &token)
}

/// Tells the breaker, and starts a trip where one is due: it begins at once, and goes on beside the handler. What it has counted is
/// exported with it.
fn trip(
    guard: &Arc<Guard>,
    call: &Call,
    blocked: &[BlockedRecord],
    deadline: Instant,
) -> Option<JoinHandle<()>> {
    let first = blocked.first()?;
    let trip = guard.edge.due(first)?;
    let (edge, arn, asynchronous) = (Arc::clone(&guard.edge), call.arn.clone(), first.is_asynchronous());
    let observer = guard.observer.clone();
    // The invocation is opened later, and the trip may be exported before.
    observer.locate(&arn);
    Some(tokio::spawn(async move {
        edge.trip(&arn, &trip, asynchronous, deadline).await;
        observer.tripped(deadline).await;
    }))
}

async fn look_up(guard: &Guard, call: &Call, event: &Event<'_>) -> KnownObjects {
    let known = guard.edge.known(event);
    if !known.iter().flatten().any(Option::is_none) {
        return known;
    }
    guard.edge.look_up(event, known, guard.settings.lookup_timeout.min(time_left(call))).await
}

/// Counts an invocation in the chains of what was judged, with its deliveries, where there is a ledger.
async fn spend<'j>(guard: &Guard, call: &Call, judged: impl IntoIterator<Item = (&'j Judged, u32)>) -> Spent {
    if !guard.edge.has_ledger() {
        return Spent::default();
    }
    let mut counting = Counting::default();
    judged.into_iter().for_each(|(one, attempt)| counting.add(one, attempt));
    // In memory of its own: few have a ledger.
    Box::pin(guard.edge.spend(&counting, guard.settings.lookup_timeout.min(time_left(call)))).await
}

/// The same for the records of an event, as they are judged without the ledger.
async fn spend_records(guard: &Guard, call: &Call, event: &Event<'_>, known: &KnownObjects) -> Spent {
    if !guard.edge.has_ledger() {
        return Spent::default();
    }
    let admission = admission(guard, call);
    let judge = |(index, record)| {
        let known: &[Option<Known>] = known.get(index).map(Vec::as_slice).unwrap_or_default();
        let inbound = known.iter().map(|known| known.as_ref().map(|known| known.inbound.clone()));
        admission.judge(record, inbound, |_| 0)
    };
    let judged: Vec<Judged> = event.records().iter().enumerate().map(judge).collect();
    let attempts = event.records().iter().map(|record| record.attempt);
    spend(guard, call, judged.iter().zip(attempts)).await
}

fn carried(known: Known) -> Inbound {
    known.inbound
}

fn admission<'a>(guard: &'a Guard, call: &'a Call) -> Admission<'a> {
    let function = guard.function(&call.arn);
    Admission { policy: &guard.settings.policy, function, request_id: &call.request_id, xray: call.xray }
}

/// The route of an event, which is for telemetry alone.
fn route_of<'e>(guard: &Guard, source: Source, event: &'e [u8]) -> Option<Cow<'e, str>> {
    if guard.observer.traces() { route(source, event) } else { None }
}

/// An invocation that starts a chain.
fn root(guard: &Guard, call: &Call, source: Source, event: Bytes) -> Opening {
    let arrival = admission(guard, call).root();
    debug!(target: "hopguard", source = source.name(), chain = %arrival.lineage.chain, hop = 0, visits = 1, "chain started");
    Opening { source, arrival, batch: None, records: 1, event, counted: false }
}

/// An invocation whose lineage is merged from these records.
fn merged(
    guard: &Guard,
    source: Source,
    arrivals: &[(usize, Arrival)],
    batch: Batch,
    root: Arrival,
    event: Bytes,
) -> Opening {
    let records = u32::try_from(arrivals.len()).unwrap_or(u32::MAX);
    let all = arrivals.iter().map(|(_, arrival)| arrival);
    let arrival = Arrival::merge(all, guard.settings.policy.branch_credit).unwrap_or(root);
    Opening { source, arrival, batch: Some(batch), records, event, counted: true }
}

impl Opening {
    fn open(self, guard: &Guard, call: &Call) -> Invocation {
        let Self { source, arrival, batch, records, event, counted } = self;
        let sender = arrival.inbound.parent;
        let span = TraceParent {
            trace: sender.map_or(arrival.lineage.chain, |sender| sender.trace),
            span: fastrand::u64(1..),
            // A root has no sender: "sampled", since "not sampled" would switch tracing off in every parent-based service behind us.
            flags: sender.map_or(1, |sender| sender.flags),
        };
        let batch = batch.unwrap_or_else(|| unread(guard, source, &event));
        guard.observer.started(&call.started(source, &arrival, batch, sender, span));
        let others = arrival.inbound.others.map(String::from).unwrap_or_default();
        let ledger = SendLedger::new(arrival.lineage, records);
        let fed = Fed::new(&call.arn, event, counted);
        Invocation::new(call.request_id.clone(), call.deadline, span, others, ledger, fed)
    }
}

/// What an event brought in which nothing was found. That is for the span alone.
fn unread(guard: &Guard, source: Source, event: &[u8]) -> Batch {
    if event.is_empty() || !guard.observer.traces() {
        return Batch::default();
    }
    Batch::of(count(source, event)).by(route(source, event))
}

/// The time that calls of our own may take in this invocation: until its deadline, less a tenth (100 ms to 1 s) in which the handler
/// still has to answer.
fn time_left(call: &Call) -> Duration {
    let left = call.deadline.duration_since(SystemTime::now()).unwrap_or_default();
    left.saturating_sub((left / 10).clamp(Duration::from_millis(100), Duration::from_secs(1)))
}

/// Counts and logs one verdict; the reason of a block.
fn tell(
    guard: &Guard,
    source: Source,
    judged: &Judged,
    function: hopguard_core::FunctionId,
) -> Option<Reason> {
    for rejected in &judged.rejected {
        guard.count(Counter::Rejected);
        warn!(target: "hopguard", reason = rejected.reason(), error = %rejected, "lineage rejected");
    }
    let Lineage { chain, hop, visits, .. } = judged.arrival.lineage;
    let (visits, source) = (visits.of(function), source.name());
    match judged.verdict {
        Verdict::Block(reason) => {
            guard.count(Counter::Blocked);
            warn!(target: "hopguard", source, %chain, hop, visits, reason = reason.name(), limit = %reason, "record blocked");
            return Some(reason);
        }
        Verdict::Warn(reason) => {
            guard.count(Counter::Warned);
            warn!(target: "hopguard", source, %chain, hop, visits, reason = reason.name(), limit = %reason, "record near or beyond a limit");
        }
        Verdict::Allow => {
            guard.count(Counter::Allowed);
            debug!(target: "hopguard", source, %chain, hop, visits, "record allowed");
        }
    }
    None
}

/// What an invocation answers whose records were all blocked.
pub(crate) fn nothing_left(withheld: &Withheld) -> Result<Vec<u8>, (usize, Reason)> {
    if let Some(failure) = withheld.fail_invocation {
        return Err(failure);
    }
    let answer = match withheld.batch {
        true => hopguard_core::answer::with_failures(
            serde_json::Value::Null,
            withheld.failed.iter().map(String::as_str),
        ),
        false => serde_json::Value::Null,
    };
    Ok(answer.to_string().into_bytes())
}
