//! Spans of one thread, kept in memory.

use hopguard::core::propagator::TraceParent;
use opentelemetry::Value;
use opentelemetry::trace::{SpanId, TraceId, TracerProvider as _};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::layer::SubscriberExt as _;

/// Exports the spans of this thread to memory until it is dropped.
pub struct Traced {
    exporter: InMemorySpanExporter,
    provider: SdkTracerProvider,
    _subscriber: DefaultGuard,
}

impl Traced {
    pub fn start() -> Self {
        let exporter = InMemorySpanExporter::default();
        let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
        let _subscriber = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));
        Self { exporter, provider, _subscriber }
    }

    pub fn spans(&self) -> Vec<SpanData> {
        self.provider.force_flush().unwrap();
        self.exporter.get_finished_spans().unwrap()
    }
}

pub fn named<'s>(spans: &'s [SpanData], name: &str) -> Vec<&'s SpanData> {
    spans.iter().filter(|span| span.name == name).collect()
}

pub fn attribute(span: &SpanData, name: &str) -> Option<String> {
    span.attributes
        .iter()
        .find(|attribute| attribute.key.as_str() == name)
        .map(|attribute| attribute.value.to_string())
}

/// Trace and span ids of a span's links.
pub fn links(span: &SpanData) -> Vec<(TraceId, SpanId)> {
    span.links.iter().map(|link| (link.span_context.trace_id(), link.span_context.span_id())).collect()
}

pub fn ids(parent: TraceParent) -> (TraceId, SpanId) {
    (TraceId::from(parent.trace.bits()), SpanId::from(parent.span))
}

/// An attribute that is a whole number, and no text of one.
pub fn number(span: &SpanData, name: &str) -> Option<i64> {
    let attribute = span.attributes.iter().find(|attribute| attribute.key.as_str() == name)?;
    match attribute.value {
        Value::I64(number) => Some(number),
        _ => None,
    }
}
