//! Spans for invocations and records, and their place in the senders' traces.

use hopguard_core::event::Source;
use hopguard_core::propagator::TraceParent;
use hopguard_core::{FunctionId, Lineage};
use tracing::{Span, field};

/// Links of one span to its senders' spans; OpenTelemetry's own default limit.
#[cfg(feature = "opentelemetry")]
const MAX_LINKS: usize = 128;

/// The span of one invocation.
pub(crate) fn invocation_span(source: Source, request_id: &str, arn: &str) -> Span {
    let span = tracing::info_span!(
        target: "hopguard",
        "invocation",
        otel.name = field::Empty,
        otel.kind = "consumer",
        faas.trigger = source.trigger(),
        faas.invocation_id = request_id,
        faas.name = hopguard_core::function_name(arn),
        cloud.resource_id = hopguard_core::unqualified_arn(arn),
        messaging.system = source.messaging_system(),
        messaging.operation.type = source.messaging_system().map(|_| "process"),
        messaging.batch.message_count = field::Empty,
        hopguard.chain = field::Empty,
        hopguard.hop = field::Empty,
        hopguard.visits = field::Empty,
        hopguard.blocked = field::Empty,
    );
    if !span.is_disabled() {
        span.record("otel.name", field::display(format_args!("{} process", source.name())));
    }
    span
}

/// The span of one record.
pub(crate) fn record_span(source: Source, id: Option<&str>) -> Span {
    tracing::info_span!(
        target: "hopguard",
        "record",
        otel.kind = "consumer",
        messaging.system = source.messaging_system(),
        messaging.message.id = id,
        hopguard.chain = field::Empty,
        hopguard.hop = field::Empty,
        hopguard.visits = field::Empty,
    )
}

/// Records where a span stands in its chain.
pub(crate) fn record_lineage(span: &Span, lineage: &Lineage, function: FunctionId) {
    if span.is_disabled() {
        return;
    }
    span.record("hopguard.chain", field::display(lineage.chain));
    span.record("hopguard.hop", lineage.hop);
    span.record("hopguard.visits", lineage.visits.of(function));
}

/// Links a span to those that sent what it works on.
#[cfg(feature = "opentelemetry")]
pub(crate) fn link<'p>(span: &Span, parents: impl IntoIterator<Item = &'p TraceParent>) {
    use tracing_opentelemetry::OpenTelemetrySpanExt as _;
    if span.is_disabled() {
        return;
    }
    for parent in parents.into_iter().take(MAX_LINKS) {
        span.add_link(span_context(parent));
    }
}

#[cfg(not(feature = "opentelemetry"))]
pub(crate) fn link<'p>(_span: &Span, _parents: impl IntoIterator<Item = &'p TraceParent>) {}

#[cfg(feature = "opentelemetry")]
fn span_context(parent: &TraceParent) -> opentelemetry::trace::SpanContext {
    use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};
    SpanContext::new(
        TraceId::from(parent.trace.bits()),
        SpanId::from(parent.span),
        TraceFlags::new(parent.flags),
        true,
        TraceState::NONE,
    )
}

/// The span that the user's tracing SDK says is current.
#[cfg(feature = "opentelemetry")]
pub(crate) fn current_parent() -> Option<TraceParent> {
    use opentelemetry::trace::TraceContextExt as _;
    use tracing_opentelemetry::OpenTelemetrySpanExt as _;
    let context = Span::current().context();
    let span = context.span();
    let current = span.span_context();
    let trace = hopguard_core::ChainId::new(u128::from_be_bytes(current.trace_id().to_bytes()))?;
    let span = u64::from_be_bytes(current.span_id().to_bytes());
    (span != 0).then_some(TraceParent { trace, span, flags: current.trace_flags().to_u8() })
}

#[cfg(not(feature = "opentelemetry"))]
pub(crate) const fn current_parent() -> Option<TraceParent> {
    None
}
