//! What happens to an event before the handler gets it: read, looked up, judged, and blocked records taken out.

mod blocked;
mod judge;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use hopguard_core::admission::{Admission as Admissible, Arrival, BlockedRecord, Spent, Withheld};
use hopguard_core::propagator::{Fields, HOPGUARD, Inbound, TRACEPARENT, TRACESTATE};
use hopguard_core::{FunctionId, Xray};
use lambda_runtime::Context;
use tracing::Span;

use crate::objects::{self, KnownHead};
use crate::observed::{Observed, Seen};
use crate::payload::Payload;
use crate::scope::Scope;
use crate::shared::Shared;
use crate::telemetry;

/// Senders of records that a layer's extension is told of: its reports are short.
const MAX_SENDERS: usize = 64;

pub(crate) type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// An invocation that was read: ready for its handler, or waiting for an answer from AWS.
pub(crate) enum Admission {
    Ready(Admitted),
    Waiting(BoxFuture<Admitted>),
}

/// An invocation whose handler may run.
pub(crate) struct Admitted {
    /// What the handler gets; `None` where nothing was left of it.
    pub(crate) payload: Option<Payload>,
    pub(crate) scope: Scope,
    pub(crate) span: Span,
    pub(crate) withheld: Withheld,
    /// The trip that runs beside the handler.
    pub(crate) trip: Option<BoxFuture<()>>,
}

/// Reads an event and judges its records.
pub(crate) fn admit(shared: &Arc<Shared>, payload: Payload, context: &Context) -> Admission {
    shared.start();
    let function = shared.function(&context.invoked_function_arn);
    let event = shared.reader.read(payload.as_bytes());
    let called = called_with(shared, context);
    let span = telemetry::invocation_span(event.source(), context);
    let seen = Seen::new(shared, &span, event.source(), payload.as_bytes());
    if event.is_untouched() && called.is_none() {
        let observe = |root: &Arrival| Observed::begin(shared, &span, context, seen, root, (Vec::new(), 0));
        let scope = Scope::of_root(shared, function, admission(shared, function, context).root(), observe);
        let (source, chain) = (event.source().name(), scope.lineage().chain);
        tracing::debug!(target: "hopguard", source, %chain, hop = 0, visits = 1, "chain started");
        telemetry::record_lineage(&span, &scope.lineage(), function);
        return Admission::Ready(Admitted {
            payload: Some(payload),
            scope,
            span,
            withheld: Withheld::default(),
            trip: None,
        });
    }

    let known = objects::find(shared, &event);
    let invocation =
        Invocation { shared: Arc::clone(shared), function, context: context.clone(), called, span, seen };
    if known.iter().flatten().any(Option::is_none) || shared.edge.has_ledger() {
        return Admission::Waiting(Box::pin(async move {
            let timeout = lookup_timeout(&invocation);
            let event = invocation.shared.reader.read(payload.as_bytes());
            let known = objects::look_up(&invocation.shared, &event, known, timeout).await;
            let spent = invocation.spend(&event, &known).await;
            let judged = invocation.judge(&event, known, &spent);
            drop(event);
            invocation.finish(payload, judged).await
        }));
    }
    let judged = invocation.judge(&event, known, &Spent::default());
    if judged.blocked.is_empty() {
        return Admission::Ready(invocation.admit(Some(payload), judged.arrivals));
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
    seen: Seen,
}

/// Records as judged.
struct Judged {
    arrivals: Vec<Arrived>,
    blocked: Vec<BlockedRecord>,
}

/// A record that the handler may have.
pub(crate) struct Arrived {
    /// Its place in the event.
    index: usize,
    pub(crate) id: Option<Box<str>>,
    pub(crate) arrival: Arrival,
    /// What is known of the objects that it names.
    pub(crate) heads: Vec<KnownHead>,
}

impl Invocation {
    fn admission(&self) -> Admissible<'_> {
        admission(&self.shared, self.function, &self.context)
    }

    /// Lets the handler have these records.
    fn admit(self, payload: Option<Payload>, arrivals: Vec<Arrived>) -> Admitted {
        let root = self.admission().root();
        let Self { shared, function, context, span, seen, .. } = self;
        telemetry::link(&span, arrivals.iter().filter_map(|arrived| arrived.arrival.inbound.parent.as_ref()));
        telemetry::record_number(&span, "messaging.batch.message_count", arrivals.len() as u64);
        let senders = arrivals.iter().filter_map(|arrived| arrived.arrival.inbound.parent);
        let senders = (senders.take(MAX_SENDERS).collect(), arrivals.len());
        let observe = |merged: &Arrival| Observed::begin(&shared, &span, &context, seen, merged, senders);
        let scope = Scope::of_invocation(&shared, function, arrivals, root, observe);
        telemetry::record_lineage(&span, &scope.lineage(), function);
        Admitted { payload, scope, span, withheld: Withheld::default(), trip: None }
    }
}

/// What the verdicts on an invocation's records depend on.
fn admission<'i>(shared: &'i Shared, function: FunctionId, context: &'i Context) -> Admissible<'i> {
    Admissible {
        policy: &shared.settings.policy,
        function,
        request_id: &context.request_id,
        xray: Xray::parse(context.xray_trace_id.as_deref().unwrap_or_default()),
    }
}

/// What a synchronous caller wrote into the client context.
fn called_with(shared: &Shared, context: &Context) -> Option<Inbound> {
    let custom = &context.client_context.as_ref()?.custom;
    let text = |name: &str| custom.get(name).map(String::as_str);
    let fields =
        Fields { traceparent: text(TRACEPARENT), tracestate: text(TRACESTATE), packed: text(HOPGUARD) };
    if fields.is_empty() {
        return None;
    }
    let inbound = fields.extract(shared.settings.signing_keys.as_ref());
    (!inbound.is_empty()).then_some(inbound)
}

/// How long lookups may take from now on, or the ledger.
fn lookup_timeout(invocation: &Invocation) -> Duration {
    invocation.shared.settings.lookup_timeout.min(time_left(&invocation.context))
}

/// The time that calls of our own may take in this invocation: until its deadline, less a tenth (100 ms to 1 s) in which it still
/// has to answer.
fn time_left(context: &Context) -> Duration {
    let left = context.deadline().duration_since(SystemTime::now()).unwrap_or_default();
    left.saturating_sub((left / 10).clamp(Duration::from_millis(100), Duration::from_secs(1)))
}
