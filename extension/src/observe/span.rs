//! The spans that the layer makes itself.

use std::time::SystemTime;

use hopguard_core::FunctionId;
use hopguard_core::event::Source;
use hopguard_core::propagator::TraceParent;
use hopguard_core::wait::Analysis;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link, SpanKind};
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{Span, Status};

use super::invocation::{Outcome, Started};
use super::report::{Call, Try};
use super::resource::{flag, number, text, texts};
use super::waits::Closed;

/// "The parent is known to be remote" (OTLP, `SpanFlags`).
const REMOTE_PARENT: u32 = 0x300;

/// How an invocation ended, as far as its span is concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Its answer went through the proxy.
    Answered(Outcome),
    /// It never answered: the platform's `errorType`, or what is known instead.
    Lost(Box<str>),
}

/// What is known of an invocation besides what its start and its end say.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Known<'k> {
    /// The memory that the function is given, in MB.
    pub(crate) memory_mb: u32,
    /// How long the initialisation took that came before it.
    pub(crate) init_ns: Option<u64>,
    /// The size of the function's code on disk; told once.
    pub(crate) package_bytes: Option<u64>,
    /// What it waited for.
    pub(crate) analysis: Option<&'k Analysis>,
}

/// The span of an invocation.
pub(crate) fn of_invocation(closed: &Closed, known: Known<'_>) -> Span {
    let Closed { started, at, end, cold, .. } = closed;
    let Started { request_id, arn, source, lineage, sender, batch, span: own, at: start } = started;
    let resource_id = hopguard_core::unqualified_arn(arn);
    let mut attributes = vec![
        text("faas.trigger", source.trigger()),
        text("faas.invocation_id", request_id.as_str()),
        text("faas.name", hopguard_core::function_name(arn)),
        flag("faas.coldstart", *cold),
        text("cloud.resource_id", resource_id),
        text("aws.lambda.invoked_arn", arn.as_str()),
        text("hopguard.chain", lineage.chain.to_string()),
        number("hopguard.hop", lineage.hop),
        number("hopguard.visits", lineage.visits.of(FunctionId::from_arn(arn))),
    ];
    if let Some(system) = source.messaging_system() {
        attributes.push(text("messaging.system", system));
        attributes.push(text("messaging.operation.type", "process"));
    }
    if known.memory_mb > 0 {
        attributes.push(number("faas.max_memory", i64::from(known.memory_mb) * 1024 * 1024));
    }
    attributes.extend(batch.route.as_deref().map(|route| text("hopguard.route", route)));
    attributes.extend(known.init_ns.map(|init| large("hopguard.init_ns", init)));
    attributes.extend(known.package_bytes.map(|bytes| large("hopguard.package_bytes", bytes)));
    if let Some(analysis) = known.analysis {
        let calls = u64::from(analysis.calls).saturating_add(analysis.dropped);
        attributes.push(large("hopguard.calls", calls));
        attributes.push(large("hopguard.wait_ns", analysis.wait.ns));
        attributes.push(large("hopguard.sync_invoke_ns", analysis.sync_invokes.caller.ns));
        attributes.push(large("hopguard.saving_ns", analysis.saving.ns));
        attributes.push(number("hopguard.retries", analysis.retries.count));
    }
    let error = match end {
        End::Answered(Outcome::Answered) => None,
        End::Answered(Outcome::Failed) => Some("function_error"),
        End::Answered(Outcome::Blocked) => {
            attributes.push(flag("hopguard.blocked", true));
            Some("hopguard::Blocked")
        }
        End::Lost(why) => Some(&**why),
    };
    if let Some(error) = error {
        attributes.push(text("error.type", error));
    }
    let kind = kind(*source);
    let mut links = Vec::new();
    if kind == SpanKind::Consumer {
        attributes
            .push(number("messaging.batch.message_count", i64::try_from(batch.records).unwrap_or(i64::MAX)));
        links.extend(batch.senders().iter().map(link));
    }
    Span {
        trace_id: trace_id(own.trace.bits()),
        span_id: span_id(own.span),
        parent_span_id: sender.map(|sender| span_id(sender.span)).unwrap_or_default(),
        flags: u32::from(own.flags) | if sender.is_some() { REMOTE_PARENT } else { 0 },
        name: format!("{} process", source.name()),
        kind: kind.into(),
        start_time_unix_nano: nanos(*start),
        end_time_unix_nano: nanos(*at).max(nanos(*start)),
        attributes,
        links,
        status: status(error),
        ..Span::default()
    }
}

/// The span of one call that an injector reports. `invocation` is the request id of the invocation that made it, and `own` its span,
/// where they are known; `after` are the spans of the calls that it depends on.
pub(crate) fn of_call(
    call: &Call<'_>,
    invocation: Option<&str>,
    own: Option<TraceParent>,
    after: &[u64],
) -> Span {
    let known = call.parent().or_else(|| own.map(|own| (own.trace.bits(), own.span)));
    let (trace, parent) = known.unwrap_or_else(|| (fastrand::u128(1..), 0));
    let (service, operation) = (call.service(), call.operation());
    let mut attributes =
        vec![text("rpc.system", "aws-api"), text("rpc.service", service), text("rpc.method", operation)];
    if let Some(status) = call.status {
        attributes.push(number("http.response.status_code", status));
    }
    if let Some(resent) = call.resends() {
        attributes.push(number("http.request.resend_count", resent));
    }
    if let Some(invocation) = invocation {
        attributes.push(text("faas.invocation_id", invocation));
    }
    attributes.extend(call.target().map(|target| target_of(service, target)));
    attributes.extend(call.invocation_type().map(|kind| text("hopguard.invocation_type", kind)));
    if let Some(system) = called_messaging_system(service) {
        attributes.push(text("messaging.system", system));
    }
    let error = call.error();
    if let Some(error) = error {
        attributes.push(text("error.type", error));
    }
    let start = call.start_ns.get();
    Span {
        trace_id: trace_id(trace),
        span_id: span_id(call.span().unwrap_or_else(|| fastrand::u64(1..))),
        parent_span_id: if parent == 0 { Vec::new() } else { span_id(parent) },
        flags: u32::from(own.map_or(1, |own| own.flags)),
        name: format!("{service}.{operation}"),
        kind: SpanKind::Client.into(),
        start_time_unix_nano: start,
        end_time_unix_nano: call.end_ns.get().max(start),
        attributes,
        events: call.tries().map(attempt).collect(),
        links: after.iter().map(|earlier| dependence(trace, *earlier)).collect(),
        status: status(error),
        ..Span::default()
    }
}

/// Nanoseconds since 1970.
pub(crate) fn nanos(at: SystemTime) -> u64 {
    let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// One attempt of a call.
fn attempt(one: &Try<'_>) -> Event {
    let took = one.end_ns.get().saturating_sub(one.start_ns.get());
    let mut attributes = vec![large("hopguard.attempt_ns", took)];
    attributes.extend(one.status.map(|status| number("http.response.status_code", status)));
    attributes.extend(one.error().map(|error| text("error.type", error)));
    Event { time_unix_nano: one.start_ns.get(), name: "attempt".to_owned(), attributes, ..Event::default() }
}

/// A link to an earlier call of the same invocation.
fn dependence(trace: u128, earlier: u64) -> Link {
    Link {
        trace_id: trace_id(trace),
        span_id: span_id(earlier),
        attributes: vec![text("hopguard.relation", "depends_on")],
        ..Link::default()
    }
}

/// A number that may be too large for OTLP's whole numbers, which nothing that is measured is.
fn large(key: &str, value: u64) -> KeyValue {
    number(key, i64::try_from(value).unwrap_or(i64::MAX))
}

fn link(sender: &TraceParent) -> Link {
    Link {
        trace_id: trace_id(sender.trace.bits()),
        span_id: span_id(sender.span),
        flags: u32::from(sender.flags) | REMOTE_PARENT,
        ..Link::default()
    }
}

fn trace_id(trace: u128) -> Vec<u8> {
    trace.to_be_bytes().to_vec()
}

fn span_id(span: u64) -> Vec<u8> {
    span.to_be_bytes().to_vec()
}

fn status(error: Option<&str>) -> Option<Status> {
    error.map(|error| Status { code: StatusCode::Error.into(), message: error.to_owned() })
}

fn kind(source: Source) -> SpanKind {
    match source {
        Source::Sqs | Source::Sns | Source::S3 | Source::EventBridge | Source::Kinesis | Source::DynamoDb => {
            SpanKind::Consumer
        }
        _ => SpanKind::Server,
    }
}

fn called_messaging_system(service: &str) -> Option<&'static str> {
    match service {
        "SQS" => Some("aws_sqs"),
        "SNS" => Some("aws.sns"),
        _ => None,
    }
}

/// The thing that a service's call is about, by OpenTelemetry's name for it.
fn target_of(service: &str, target: &str) -> KeyValue {
    let name = match service {
        "SQS" | "SNS" => "messaging.destination.name",
        "S3" => "aws.s3.bucket",
        "DynamoDB" => return texts("aws.dynamodb.table_names", [target]),
        "Kinesis" => "aws.kinesis.stream_name",
        "Lambda" => "faas.invoked_name",
        _ => "hopguard.target",
    };
    text(name, target)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use hopguard_core::{ChainId, Lineage};
    use opentelemetry_proto::tonic::common::v1::any_value::Value;

    use super::*;
    use crate::observe::invocation::Batch;
    use crate::observe::report::Report;

    const ARN: &str = "arn:aws:lambda:eu-central-1:123456789012:function:orders:live";

    fn started(source: Source, senders: &[u64]) -> Started {
        let chain = ChainId::new(7).unwrap();
        let parent = TraceParent { trace: chain, span: 9, flags: 1 };
        let mut batch = Batch::of(3);
        senders.iter().for_each(|span| batch.sent_by(Some(TraceParent { span: *span, ..parent })));
        Started {
            request_id: "r-1".to_owned(),
            arn: ARN.to_owned(),
            source,
            lineage: Lineage::root(chain, FunctionId::from_arn(ARN), 9),
            sender: batch.senders().first().copied(),
            batch,
            span: parent,
            at: SystemTime::UNIX_EPOCH + Duration::from_secs(1),
        }
    }

    fn said<'s>(span: &'s Span, key: &str) -> Option<&'s Value> {
        span.attributes.iter().find(|attribute| attribute.key == key)?.value.as_ref()?.value.as_ref()
    }

    fn word(text: &str) -> Value {
        Value::StringValue(text.to_owned())
    }

    #[test]
    fn an_invocation_stands_in_its_senders_trace() {
        let end = SystemTime::UNIX_EPOCH + Duration::from_secs(3);
        let closed = Closed {
            started: started(Source::Sqs, &[8, 7]),
            at: end,
            end: End::Answered(Outcome::Answered),
            cold: true,
            busy_ns: None,
            init_ns: None,
        };
        let span = of_invocation(&closed, Known::default());
        assert_eq!((span.kind(), span.name.as_str()), (SpanKind::Consumer, "sqs process"));
        assert_eq!(span.parent_span_id, 8u64.to_be_bytes());
        let links: Vec<_> = span.links.iter().map(|link| link.span_id.as_slice()).collect();
        assert_eq!(links, [8u64.to_be_bytes(), 7u64.to_be_bytes()]);
        assert_eq!(said(&span, "messaging.batch.message_count"), Some(&Value::IntValue(3)));
        assert_eq!((span.start_time_unix_nano, span.end_time_unix_nano), (1_000_000_000, 3_000_000_000));
        assert_eq!(
            said(&span, "cloud.resource_id"),
            Some(&word("arn:aws:lambda:eu-central-1:123456789012:function:orders"))
        );
        assert_eq!(said(&span, "messaging.system"), Some(&word("aws_sqs")));
        assert_eq!(
            (said(&span, "hopguard.hop"), said(&span, "hopguard.visits")),
            (Some(&Value::IntValue(0)), Some(&Value::IntValue(1)))
        );
        assert_eq!((said(&span, "faas.coldstart"), &span.status), (Some(&Value::BoolValue(true)), &None));
    }

    #[test]
    fn what_is_known_besides_is_told() {
        let batch = Batch::of(1).by(Some("GET /orders/{id}".into()));
        let closed = Closed {
            started: Started { batch, ..started(Source::Http, &[]) },
            at: SystemTime::now(),
            end: End::Answered(Outcome::Answered),
            cold: true,
            busy_ns: None,
            init_ns: None,
        };
        let analysis = Analysis { calls: 2, dropped: 1, ..Analysis::default() };
        let known = Known {
            memory_mb: 128,
            init_ns: Some(125_330_000),
            package_bytes: Some(4_096),
            analysis: Some(&analysis),
        };
        let span = of_invocation(&closed, known);
        for (key, expected) in [
            ("faas.max_memory", Value::IntValue(134_217_728)),
            ("hopguard.route", word("GET /orders/{id}")),
            ("hopguard.init_ns", Value::IntValue(125_330_000)),
            ("hopguard.package_bytes", Value::IntValue(4_096)),
            ("hopguard.calls", Value::IntValue(3)),
            ("hopguard.wait_ns", Value::IntValue(0)),
            ("hopguard.saving_ns", Value::IntValue(0)),
        ] {
            assert_eq!(said(&span, key), Some(&expected), "{key}");
        }
        assert_eq!(said(&of_invocation(&closed, Known::default()), "hopguard.calls"), None);
    }

    #[test]
    fn the_end_decides_about_the_status() {
        let root = started(Source::Http, &[]);
        let before = SystemTime::UNIX_EPOCH;
        for (end, expected) in [
            (End::Answered(Outcome::Failed), "function_error"),
            (End::Answered(Outcome::Blocked), "hopguard::Blocked"),
            (End::Lost("Runtime.ExitError".into()), "Runtime.ExitError"),
        ] {
            let closed =
                Closed { started: root.clone(), at: before, end, cold: false, busy_ns: None, init_ns: None };
            let span = of_invocation(&closed, Known::default());
            assert_eq!((span.kind(), span.parent_span_id.len(), span.links.len()), (SpanKind::Server, 0, 0));
            assert_eq!(said(&span, "messaging.batch.message_count"), None);
            assert_eq!(
                (said(&span, "error.type"), span.status.as_ref().unwrap().code()),
                (Some(&word(expected)), StatusCode::Error)
            );
            assert!(span.end_time_unix_nano >= span.start_time_unix_nano, "a clock that was set back");
        }
    }

    #[test]
    fn a_call_is_a_child_of_the_invocation_that_made_it() {
        let json = r#"{"call":{"service":"S3","operation":"PutObject","start_ns":"5","end_ns":"4","attempts":3,"status":503,"error":"SlowDown","target":"b",
            "tries":[{"start_ns":"5","end_ns":"25","status":503,"error":"SlowDown"}]}}"#;
        let call = Report::read(json.as_bytes()).call.unwrap();
        let own = TraceParent { trace: ChainId::new(7).unwrap(), span: 9, flags: 1 };
        let span = of_call(&call, Some("r-1"), Some(own), &[3]);
        assert_eq!(
            (span.trace_id.as_slice(), span.parent_span_id.as_slice()),
            (7u128.to_be_bytes().as_slice(), 9u64.to_be_bytes().as_slice())
        );
        assert_eq!(
            (span.name.as_str(), span.kind(), span.end_time_unix_nano),
            ("S3.PutObject", SpanKind::Client, 5)
        );
        for (key, expected) in [
            ("rpc.system", word("aws-api")),
            ("rpc.service", word("S3")),
            ("rpc.method", word("PutObject")),
            ("http.response.status_code", Value::IntValue(503)),
            ("http.request.resend_count", Value::IntValue(2)),
            ("aws.s3.bucket", word("b")),
            ("error.type", word("SlowDown")),
        ] {
            assert_eq!(said(&span, key), Some(&expected), "{key}");
        }
        let [event] = span.events.as_slice() else { panic!() };
        assert_eq!((event.name.as_str(), event.time_unix_nano), ("attempt", 5));
        let words: Vec<_> = event.attributes.iter().map(|attribute| attribute.key.as_str()).collect();
        assert_eq!(words, ["hopguard.attempt_ns", "http.response.status_code", "error.type"]);
        let [link] = span.links.as_slice() else { panic!() };
        assert_eq!((&link.trace_id, link.span_id.as_slice()), (&span.trace_id, &3u64.to_be_bytes()[..]));
        assert_eq!(link.attributes, [text("hopguard.relation", "depends_on")]);
        let orphan = of_call(&call, None, None, &[]);
        assert!(orphan.parent_span_id.is_empty() && orphan.trace_id.iter().any(|byte| *byte != 0));
    }
}
