//! What is observed of one invocation: its calls, and what it waited for. Only where somebody listens.

mod calls;
mod clock;
mod ending;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hopguard_core::Lineage;
use hopguard_core::admission::Arrival;
use hopguard_core::event::{Source, route};
use hopguard_core::propagator::TraceParent;
use lambda_runtime::Context;
use tracing::Span;

pub(crate) use calls::{Calls, Noted};
pub(crate) use clock::Clock;
pub(crate) use ending::{Ended, Ending};

use crate::reports::Reports;
use crate::shared::Shared;
use crate::telemetry;

/// One invocation under observation.
pub(crate) struct Observed {
    /// Lambda's request id.
    pub(crate) id: Box<str>,
    /// Its own span: as the user's tracing SDK names it, or made up.
    pub(crate) own: TraceParent,
    /// A tracing SDK makes its span.
    pub(crate) traced: bool,
    shared: Arc<Shared>,
    arn: Box<str>,
    seen: Seen,
    lineage: Lineage,
    sender: Option<TraceParent>,
    senders: Vec<TraceParent>,
    records: usize,
    pub(crate) clock: Clock,
    memory_mb: u32,
    /// Held only while the handler runs: work that outlives it must not keep the span open.
    span: Mutex<Option<Span>>,
    calls: Mutex<Calls>,
}

/// What is known of an invocation before its lineage is.
pub(crate) struct Seen {
    pub(crate) source: Source,
    pub(crate) route: Option<Box<str>>,
    pub(crate) cold: bool,
}

impl Seen {
    /// Looks at an event, where somebody listens.
    pub(crate) fn new(shared: &Shared, span: &Span, source: Source, event: &[u8]) -> Self {
        let cold = shared.is_first();
        let listens = !span.is_disabled() || shared.reports().is_some();
        let route = if listens { route(source, event) } else { None };
        Self { source, route: route.map(|route| route.into_owned().into_boxed_str()), cold }
    }
}

impl Observed {
    /// Begins to observe an invocation; `None` where nobody listens. `sender` is the span of whoever sent the event, and `senders` are
    /// those of its records.
    pub(crate) fn begin(
        shared: &Arc<Shared>,
        span: &Span,
        context: &Context,
        seen: Seen,
        arrival: &Arrival,
        senders: (Vec<TraceParent>, usize),
    ) -> Option<Arc<Self>> {
        if span.is_disabled() && shared.reports().is_none() {
            return None;
        }
        let (sender, chain) = (arrival.inbound.parent.as_ref(), arrival.lineage.chain);
        if let Some(sender) = sender {
            telemetry::set_parent(span, sender);
        }
        span.record("faas.coldstart", seen.cold);
        if let Some(init) = shared.init().filter(|_| seen.cold) {
            telemetry::record_number(span, "hopguard.init_ns", clock::nanos(init));
        }
        if let Some(route) = &seen.route {
            span.record("hopguard.route", &**route);
        }
        let made_up = || TraceParent {
            trace: sender.map_or(chain, |sender| sender.trace),
            span: fastrand::u64(1..),
            flags: sender.map_or(1, |sender| sender.flags),
        };
        let own = telemetry::context_of(span);
        let (senders, records) = senders;
        let observed = Arc::new(Self {
            id: context.request_id.as_str().into(),
            own: own.unwrap_or_else(made_up),
            traced: own.is_some(),
            shared: Arc::clone(shared),
            arn: context.invoked_function_arn.as_str().into(),
            seen,
            lineage: arrival.lineage,
            sender: sender.copied(),
            senders,
            records,
            clock: Clock::start(),
            memory_mb: u32::try_from(context.env_config.memory).unwrap_or_default(),
            span: Mutex::new(Some(span.clone())),
            calls: Mutex::default(),
        });
        if let Some(reports) = shared.reports() {
            observed.report_start(reports);
        }
        Some(observed)
    }

    /// Where the layer's extension is told of it, if there is one.
    pub(crate) fn reports(&self) -> Option<&Reports> {
        self.shared.reports()
    }

    /// The invocation's span, while the handler runs.
    pub(crate) fn span(&self) -> Option<Span> {
        self.span.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn calls(&self) -> MutexGuard<'_, Calls> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_span(&self) -> Option<Span> {
        self.span.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
