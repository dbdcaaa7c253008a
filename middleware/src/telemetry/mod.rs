//! Spans for invocations, records and calls, and their place in the senders' traces.

#[cfg(feature = "opentelemetry")]
mod otel;
#[cfg(not(feature = "opentelemetry"))]
#[path = "otel_none.rs"]
mod otel;

use hopguard_core::event::Source;
use hopguard_core::wait::Analysis;
use hopguard_core::{FunctionId, Lineage};
use lambda_runtime::Context;
use tracing::{Span, field};

pub(crate) use otel::{add_attempt, add_dependence, add_tables, context_of, current, link, set_parent};

/// The span of one invocation.
pub(crate) fn invocation_span(source: Source, context: &Context) -> Span {
    let arn = context.invoked_function_arn.as_str();
    let span = tracing::info_span!(
        target: "hopguard",
        "invocation",
        otel.name = field::Empty,
        otel.kind = kind(source),
        otel.status_code = field::Empty,
        faas.trigger = source.trigger(),
        faas.invocation_id = context.request_id,
        faas.name = hopguard_core::function_name(arn),
        faas.coldstart = field::Empty,
        faas.max_memory = field::Empty,
        cloud.resource_id = hopguard_core::unqualified_arn(arn),
        aws.lambda.invoked_arn = arn,
        messaging.system = source.messaging_system(),
        messaging.operation.type = source.messaging_system().map(|_| "process"),
        messaging.batch.message_count = field::Empty,
        error.type = field::Empty,
        hopguard.chain = field::Empty,
        hopguard.hop = field::Empty,
        hopguard.visits = field::Empty,
        hopguard.blocked = field::Empty,
        hopguard.route = field::Empty,
        hopguard.init_ns = field::Empty,
        hopguard.calls = field::Empty,
        hopguard.wait_ns = field::Empty,
        hopguard.sync_invoke_ns = field::Empty,
        hopguard.saving_ns = field::Empty,
        hopguard.retries = field::Empty,
    );
    if !span.is_disabled() {
        span.record("otel.name", field::display(format_args!("{} process", source.name())));
        let megabytes = context.env_config.memory;
        if megabytes > 0 {
            span.record("faas.max_memory", i64::from(megabytes) * 1024 * 1024);
        }
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

/// The span of one call of an SDK client.
pub(crate) fn call_span(service: &str, operation: &str, invocation: Option<&str>) -> Span {
    let span = tracing::info_span!(
        target: "hopguard",
        "call",
        otel.name = field::Empty,
        otel.kind = "client",
        otel.status_code = field::Empty,
        rpc.system = "aws-api",
        rpc.service = service,
        rpc.method = operation,
        http.response.status_code = field::Empty,
        http.request.resend_count = field::Empty,
        error.type = field::Empty,
        faas.invocation_id = invocation,
        messaging.system = called_messaging_system(service),
        messaging.destination.name = field::Empty,
        aws.s3.bucket = field::Empty,
        aws.kinesis.stream_name = field::Empty,
        faas.invoked_name = field::Empty,
        hopguard.target = field::Empty,
        hopguard.invocation_type = field::Empty,
    );
    if !span.is_disabled() {
        span.record("otel.name", field::display(format_args!("{service}.{operation}")));
    }
    span
}

/// Records where a span stands in its chain.
pub(crate) fn record_lineage(span: &Span, lineage: &Lineage, function: FunctionId) {
    if span.is_disabled() {
        return;
    }
    span.record("hopguard.chain", field::display(lineage.chain));
    record_number(span, "hopguard.hop", lineage.hop);
    record_number(span, "hopguard.visits", lineage.visits.of(function));
}

/// Records that what a span is about has failed.
pub(crate) fn record_error(span: &Span, error: &str) {
    span.record("otel.status_code", "ERROR");
    span.record("error.type", error);
}

/// Records what an invocation waited for.
pub(crate) fn record_analysis(span: &Span, analysis: &Analysis) {
    record_number(span, "hopguard.calls", u64::from(analysis.calls).saturating_add(analysis.dropped));
    record_number(span, "hopguard.wait_ns", analysis.wait.ns);
    record_number(span, "hopguard.sync_invoke_ns", analysis.sync_invokes.caller.ns);
    record_number(span, "hopguard.saving_ns", analysis.saving.ns);
    record_number(span, "hopguard.retries", analysis.retries.count);
}

/// Records a whole number as one: an unsigned one would become a text in OpenTelemetry, which knows signed ones only.
pub(crate) fn record_number(span: &Span, name: &'static str, number: impl Into<u64>) {
    span.record(name, i64::try_from(number.into()).unwrap_or(i64::MAX));
}

const fn kind(source: Source) -> &'static str {
    match source {
        Source::Sqs | Source::Sns | Source::S3 | Source::EventBridge | Source::Kinesis | Source::DynamoDb => {
            "consumer"
        }
        _ => "server",
    }
}

fn called_messaging_system(service: &str) -> Option<&'static str> {
    match service {
        "SQS" => Some("aws_sqs"),
        "SNS" => Some("aws.sns"),
        _ => None,
    }
}
