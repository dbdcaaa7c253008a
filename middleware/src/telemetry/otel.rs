//! What only tracing-opentelemetry can say of a span, or be told.

use std::time::{Duration, SystemTime};

use hopguard_core::propagator::TraceParent;
use hopguard_core::{ChainId, wait};
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState};
use opentelemetry::{Array, Context, KeyValue, StringValue, Value};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// Links of one span to its senders' spans; OpenTelemetry's own default limit.
const MAX_LINKS: usize = 128;

/// Makes a span the child of one in another process. Only before anybody has asked for its [context](context_of).
pub(crate) fn set_parent(span: &Span, parent: &TraceParent) {
    if !span.is_disabled() {
        // Without tracing-opentelemetry there is nothing to set.
        let _ = span.set_parent(Context::new().with_remote_span_context(span_context(parent, true)));
    }
}

/// Links a span to those that sent what it works on.
pub(crate) fn link<'p>(span: &Span, parents: impl IntoIterator<Item = &'p TraceParent>) {
    if span.is_disabled() {
        return;
    }
    for parent in parents.into_iter().take(MAX_LINKS) {
        span.add_link(span_context(parent, true));
    }
}

/// Links a call's span to that of an earlier call whose output it needs.
pub(crate) fn add_dependence(span: &Span, earlier: &TraceParent) {
    let relation = KeyValue::new("hopguard.relation", "depends_on");
    span.add_link_with_attributes(span_context(earlier, false), vec![relation]);
}

/// Adds one attempt of a call to its span.
pub(crate) fn add_attempt(span: &Span, attempt: &wait::Attempt, status: Option<u16>, error: Option<&str>) {
    if span.is_disabled() {
        return;
    }
    let took = attempt.end_ns.saturating_sub(attempt.start_ns);
    let mut attributes = vec![KeyValue::new("hopguard.attempt_ns", i64::try_from(took).unwrap_or(i64::MAX))];
    attributes.extend(status.map(|status| KeyValue::new("http.response.status_code", i64::from(status))));
    attributes.extend(error.map(|error| KeyValue::new("error.type", error.to_owned())));
    let start = SystemTime::UNIX_EPOCH + Duration::from_nanos(attempt.start_ns);
    span.add_event_with_timestamp("attempt", start, attributes);
}

/// Names the tables that a call is about, which is a list even where it is one.
pub(crate) fn add_tables(span: &Span, tables: &[String]) {
    let tables: Vec<StringValue> = tables.iter().map(|table| table.clone().into()).collect();
    span.set_attribute("aws.dynamodb.table_names", Value::Array(Array::String(tables)));
}

/// A span as the user's tracing SDK names it; `None` where there is no such SDK.
pub(crate) fn context_of(span: &Span) -> Option<TraceParent> {
    if span.is_disabled() {
        return None;
    }
    let context = span.context();
    let span = context.span();
    let current = span.span_context();
    let trace = ChainId::new(u128::from_be_bytes(current.trace_id().to_bytes()))?;
    let span = u64::from_be_bytes(current.span_id().to_bytes());
    (span != 0).then_some(TraceParent { trace, span, flags: current.trace_flags().to_u8() })
}

/// The span that the user's tracing SDK says is current.
pub(crate) fn current() -> Option<TraceParent> {
    context_of(&Span::current())
}

fn span_context(parent: &TraceParent, is_remote: bool) -> SpanContext {
    SpanContext::new(
        TraceId::from(parent.trace.bits()),
        SpanId::from(parent.span),
        TraceFlags::new(parent.flags),
        is_remote,
        TraceState::NONE,
    )
}
