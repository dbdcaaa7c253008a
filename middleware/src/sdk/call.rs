use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use aws_smithy_runtime_api::client::interceptors::context::FinalizerInterceptorContextRef;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, Metadata};
use aws_smithy_types::config_bag::{ConfigBag, Storable, StoreReplace};
use hopguard_core::ChainId;
use hopguard_core::dependence::Shown;
use hopguard_core::propagator::TraceParent;
use hopguard_core::wait::{Attempt, Call, Kind, MAX_ATTEMPTS};
use tracing::Span;

use super::{failure, target};
use crate::observed::{Clock, Noted, Observed};
use crate::reports::{self, Report, Reports};
use crate::scope::Scope;
use crate::shared::Shared;
use crate::telemetry;

/// What a call whose future was dropped failed with.
const CANCELLED: &str = "cancelled";

/// One call of an SDK client, from its typed input to its end. It travels in the call's configuration, and ends at the latest when
/// that is dropped.
pub(super) struct Calling {
    span: Span,
    /// Its span's ids: as the user's tracing SDK names it, or made up.
    own: Option<TraceParent>,
    shared: Arc<Shared>,
    traced: bool,
    kind: Option<Box<str>>,
    after: Vec<TraceParent>,
    /// Of each attempt.
    answers: Vec<(Option<u16>, Option<Cow<'static, str>>)>,
    clock: Clock,
    call: Call,
    attempt_ns: Option<u64>,
    attempts: u32,
    within: Option<(Arc<Observed>, Option<Noted>)>,
    input: Shown,
}

impl Storable for Calling {
    type Storer = StoreReplace<Self>;
}

impl Calling {
    /// Begins to observe a call; `None` where nobody listens.
    pub(super) fn begin(shared: &Arc<Shared>, scope: Option<&Scope>, cfg: &ConfigBag) -> Option<Self> {
        let metadata = cfg.load::<Metadata>()?;
        let (service, operation) = (metadata.service(), metadata.name());
        let observed = scope.and_then(Scope::observed);
        let span = span(service, operation, observed.map(|observed| &**observed));
        let reports = shared.reports();
        if span.is_disabled() && reports.is_none() {
            return None;
        }
        let own = telemetry::context_of(&span);
        let made_up = || TraceParent {
            span: fastrand::u64(1..),
            ..observed.map_or_else(stray, |observed| observed.own)
        };
        let clock = observed.map_or_else(Clock::start, |observed| observed.clock);
        let call = Call::new(service.to_owned(), operation.to_owned(), clock.now_ns(), 0);
        let within = observed.map(|observed| (Arc::clone(observed), observed.calls().begin(call.clone())));
        Some(Self {
            own: own.or_else(|| reports.map(|_| made_up())),
            shared: Arc::clone(shared),
            traced: own.is_some(),
            kind: None,
            after: Vec::new(),
            answers: Vec::new(),
            span,
            clock,
            call,
            attempt_ns: None,
            attempts: 0,
            within,
            input: Shown::default(),
        })
    }

    /// The call that travels in this configuration.
    pub(super) fn of(cfg: &mut ConfigBag) -> Option<&mut Self> {
        cfg.get_mut_from_interceptor_state()
    }

    pub(super) const fn span(&self) -> &Span {
        &self.span
    }

    /// Its span's ids.
    pub(super) const fn own(&self) -> Option<TraceParent> {
        self.own
    }

    /// Takes the request as it will be sent, still unsigned.
    pub(super) fn requested(&mut self, request: &HttpRequest, bucket: Option<String>) {
        let service = self.call.service.as_ref();
        if service == "Lambda" && self.call.operation.starts_with("Invoke") {
            let kind = request.headers().get("x-amz-invocation-type").unwrap_or("RequestResponse");
            self.span.record("hopguard.invocation_type", kind);
            self.kind = Some(kind.into());
            if kind == "RequestResponse" {
                self.call.kind = Kind::SyncInvoke { callee: None };
            }
        }
        let body = request.body().bytes().unwrap_or_default();
        if let Some(target) = target::of(service, request.uri(), body, bucket) {
            target.record(&self.span);
            self.call.target = target.into_name();
        }
        if let Some((observed, noted)) = &self.within {
            let path = request.uri().split_once("://").map_or(request.uri(), |(_, rest)| rest);
            self.input = Shown::in_body(body).and(&Shown::in_path(path));
            let mut calls = observed.calls();
            let (places, spans) = calls.shown_in(&self.input);
            self.call.depends_on = places;
            if let Some(noted) = noted {
                calls.know(*noted, &self.call);
            }
            drop(calls);
            spans.iter().for_each(|earlier| telemetry::add_dependence(&self.span, earlier));
            self.after = spans;
        }
    }

    /// One attempt begins.
    pub(super) fn attempting(&mut self) {
        self.attempt_ns = Some(self.clock.now_ns());
        self.attempts = self.attempts.saturating_add(1);
    }

    /// The attempt is over.
    pub(super) fn attempted(&mut self, context: &FinalizerInterceptorContextRef<'_>) {
        let Some(start_ns) = self.attempt_ns.take() else { return };
        let error = failure::of(context);
        let attempt = Attempt { start_ns, end_ns: self.clock.now_ns(), failed: error.is_some() };
        self.answered(context.response());
        if self.call.attempts.len() < MAX_ATTEMPTS {
            telemetry::add_attempt(&self.span, &attempt, self.call.status, error.as_deref());
            self.call.attempts.push(attempt);
            self.answers.push((self.call.status, error));
        }
    }

    /// The call is over.
    pub(super) fn ended(&mut self, context: &FinalizerInterceptorContextRef<'_>) {
        self.answered(context.response());
        let output = match (&self.within, context.response().and_then(|response| response.body().bytes())) {
            (Some(_), Some(body)) => Shown::in_body(body),
            _ => Shown::default(),
        };
        self.settle(failure::of(context).as_deref(), &output);
    }

    fn answered(&mut self, response: Option<&HttpResponse>) {
        self.call.status = response.map(|response| response.status().as_u16());
    }

    /// Says of the span and to the invocation how it ended. A second time does nothing.
    fn settle(&mut self, error: Option<&str>, output: &Shown) {
        if self.call.end_ns != 0 {
            return;
        }
        let span = std::mem::replace(&mut self.span, Span::none());
        // To tracing-opentelemetry a span ends when it was left last, which was before the call was sent.
        let _entered = span.enter();
        self.call.end_ns = self.clock.now_ns().max(1);
        self.call.resends = self.attempts.saturating_sub(1);
        if let Some(status) = self.call.status {
            telemetry::record_number(&span, "http.response.status_code", status);
        }
        if self.call.resends > 0 {
            telemetry::record_number(&span, "http.request.resend_count", self.call.resends);
        }
        if let Some(error) = error {
            telemetry::record_error(&span, error);
            self.call.error = Some(error.into());
            self.call.timed_out = error == failure::TIMEOUT;
        }
        if let Some(reports) = self.shared.reports() {
            self.report(reports);
        }
        if let Some((observed, Some(noted))) = self.within.take() {
            let call = std::mem::take(&mut self.call);
            self.call.end_ns = call.end_ns;
            observed.calls().end(noted, call, self.own, &self.input, output);
        }
    }
}

impl Calling {
    /// Tells the layer's extension of it.
    fn report(&self, reports: &Reports) {
        let Some(own) = self.own else { return };
        let Self { call, .. } = self;
        let span = |parent: &TraceParent| format!("{:016x}", parent.span);
        let observed = self.within.as_ref().map(|(observed, _)| observed);
        let tries = call.attempts.iter().zip(&self.answers).map(|(attempt, (status, error))| reports::Try {
            start_ns: attempt.start_ns.to_string(),
            end_ns: attempt.end_ns.to_string(),
            status: *status,
            error: error.as_deref(),
        });
        let told = reports::Call {
            invocation: observed.map(|observed| &*observed.id),
            trace: own.trace.to_string(),
            parent: observed.map(|observed| span(&observed.own)),
            span: span(&own),
            service: &call.service,
            operation: &call.operation,
            start_ns: call.start_ns.to_string(),
            end_ns: call.end_ns.to_string(),
            attempts: self.attempts.max(1),
            status: call.status,
            error: call.error.as_deref(),
            target: call.target.as_deref(),
            kind: self.kind.as_deref(),
            after: self.after.iter().map(span).collect(),
            tries: tries.collect(),
            traced: self.traced,
        };
        reports.send(&Report { call: Some(told), ..Report::default() });
    }
}

impl Drop for Calling {
    fn drop(&mut self) {
        self.settle(Some(CANCELLED), &Shown::default());
    }
}

impl fmt::Debug for Calling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Calling").finish_non_exhaustive()
    }
}

/// The trace of a call outside of any invocation.
fn stray() -> TraceParent {
    let trace = ChainId::new(fastrand::u128(1..)).unwrap_or_else(|| ChainId::derived("call", b""));
    TraceParent { trace, span: 1, flags: 1 }
}

/// The call's span: a child of the current one, or of the invocation's where that is of another trace: a spawned task has no span, or
/// only one that the SDK opened there.
fn span(service: &str, operation: &str, observed: Option<&Observed>) -> Span {
    let make = || telemetry::call_span(service, operation, observed.map(|observed| &*observed.id));
    let strayed = |observed: &&Observed| match telemetry::current() {
        Some(current) => current.trace != observed.own.trace,
        None => Span::current().is_none(),
    };
    if let Some(invocation) = observed.filter(strayed).and_then(Observed::span) {
        return invocation.in_scope(make);
    }
    make()
}
