//! The OTLP receiver.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use hopguard_core::Counter;
use http::Request;
use http_body_util::Full;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message as _;

use super::rig::{Rig, post, send};
use super::sink::Sink;
use crate::observe::resource::text;

const PROTOBUF: (&str, &str) = ("content-type", "application/x-protobuf");
const JSON: (&str, &str) = ("content-type", "application/json; charset=utf-8");
const GZIP: (&str, &str) = ("content-encoding", "gzip");

/// As OpenTelemetry's own SDKs for Node.js write it, from the examples of the protocol's repository.
const TRACE: &str = r#"{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"my.service"}}]},
    "scopeSpans":[{"scope":{"name":"my.library","version":"1.0.0","attributes":[{"key":"my.scope.attribute","value":{"stringValue":"some"}}]},
    "spans":[{"traceId":"5B8EFFF798038103D269B633813FC60C","spanId":"EEE19B7EC3C1B174","parentSpanId":"EEE19B7EC3C1B173","name":"I'm a server span",
    "startTimeUnixNano":"1544712660000000000","endTimeUnixNano":1544712661000000000,"kind":2,"droppedAttributesCount":0,"notYetKnown":{"a":[1]},
    "attributes":[{"key":"my.span.attr","value":{"stringValue":"some value"}},{"key":"n","value":{"intValue":"9007199254740993"}},{"key":"empty","value":{}}],
    "status":{}}]}]}]}"#;

const METRIC: &str = r#"{"resourceMetrics":[{"resource":{},"scopeMetrics":[{"scope":{},"metrics":[
    {"name":"my.counter","unit":"1","description":"I am a Counter","sum":{"aggregationTemporality":1,"isMonotonic":true,
    "dataPoints":[{"asDouble":5,"startTimeUnixNano":"1544712660300000000","timeUnixNano":"1544712660300000000"}]}},
    {"name":"my.histogram","histogram":{"aggregationTemporality":1,"dataPoints":[{"startTimeUnixNano":"1544712660300000000",
    "timeUnixNano":"1544712660300000000","count":"2","sum":2,"bucketCounts":["1","1"],"explicitBounds":[1],"min":0,"max":2}]}}]}]}]}"#;

const LOG: &str = r#"{"resourceLogs":[{"resource":{},"scopeLogs":[{"scope":{},"logRecords":[{"timeUnixNano":"1544712660300000000",
    "observedTimeUnixNano":"1544712660300000000","severityNumber":10,"severityText":"Information","traceId":"5B8EFFF798038103D269B633813FC60C",
    "spanId":"EEE19B7EC3C1B174","body":{"stringValue":"Example log record"},"attributes":[]}]}]}]}"#;

fn protobuf(spans: usize, name: &str) -> Vec<u8> {
    let span = Span { trace_id: vec![1; 16], span_id: vec![2; 8], name: name.to_owned(), ..Span::default() };
    let scope = ScopeSpans { spans: vec![span; spans], ..ScopeSpans::default() };
    let resource = Resource { attributes: vec![text("faas.name", "theirs")], ..Resource::default() };
    let group =
        ResourceSpans { resource: Some(resource), scope_spans: vec![scope], ..ResourceSpans::default() };
    ExportTraceServiceRequest { resource_spans: vec![group] }.encode_to_vec()
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

fn said(resource: &Option<Resource>, key: &str) -> Vec<Option<Value>> {
    let attributes = resource.as_ref().unwrap().attributes.iter().filter(|attribute| attribute.key == key);
    attributes.map(|attribute| attribute.value.clone().and_then(|value| value.value)).collect()
}

#[tokio::test]
async fn protobuf_json_and_gzip_come_out_as_they_went_in_with_the_function_added() {
    let sink = Sink::start([]).await;
    let rig = Rig::start(Some(&sink.url())).await;
    for (headers, body) in [
        (vec![PROTOBUF], protobuf(1, "plain")),
        (vec![PROTOBUF, GZIP], gzip(&protobuf(2, "zipped"))),
        (vec![JSON], TRACE.as_bytes().to_vec()),
        (vec![JSON, GZIP], gzip(TRACE.as_bytes())),
    ] {
        let (status, kind, answer) = post(rig.otlp, "/v1/traces", &headers, body).await;
        assert_eq!(status, 200, "{headers:?}");
        let json = headers[0] == JSON;
        assert_eq!(
            (kind.as_str(), answer.as_slice()),
            if json { ("application/json", &b"{}"[..]) } else { (PROTOBUF.1, &b""[..]) }
        );
    }
    rig.shut_down().await;
    let requests = sink.wait_for("/v1/traces", 1).await;
    let request = ExportTraceServiceRequest::decode(requests[0].body.as_slice()).unwrap();
    let groups = &request.resource_spans;
    assert_eq!((groups.len(), sink.spans().len()), (4, 5));
    let word = |text: &str| vec![Some(Value::StringValue(text.to_owned()))];
    assert_eq!(said(&groups[0].resource, "faas.name"), word("theirs"));
    assert_eq!(said(&groups[0].resource, "service.name"), word("orders"));
    assert_eq!(said(&groups[2].resource, "service.name"), word("my.service"));
    assert_eq!(said(&groups[2].resource, "faas.name"), word("orders"));
    let span = &groups[2].scope_spans[0].spans[0];
    assert_eq!(
        (span.trace_id[0], span.span_id[0], span.kind, span.end_time_unix_nano),
        (0x5b, 0xee, 2, 1_544_712_661_000_000_000)
    );
    assert_eq!(
        span.attributes[1].value.as_ref().unwrap().value,
        Some(Value::IntValue(9_007_199_254_740_993))
    );
}

#[tokio::test]
async fn metrics_and_logs_are_passed_on_too() {
    let sink = Sink::start([]).await;
    let rig = Rig::start(Some(&sink.url())).await;
    assert_eq!(post(rig.otlp, "/v1/metrics", &[JSON], METRIC.into()).await.0, 200);
    assert_eq!(post(rig.otlp, "/v1/logs", &[JSON], LOG.into()).await.0, 200);
    rig.shut_down().await;
    let metrics = sink.wait_for("/v1/metrics", 1).await;
    let request = ExportMetricsServiceRequest::decode(metrics[0].body.as_slice()).unwrap();
    let theirs = &request.resource_metrics[0].scope_metrics[0].metrics;
    let Some(Data::Histogram(histogram)) = &theirs[1].data else { panic!("{theirs:?}") };
    assert_eq!(
        (histogram.data_points[0].bucket_counts.as_slice(), histogram.data_points[0].count),
        (&[1, 1][..], 2)
    );
    let logs = sink.wait_for("/v1/logs", 1).await;
    let request = ExportLogsServiceRequest::decode(logs[0].body.as_slice()).unwrap();
    assert_eq!(request.resource_logs[0].scope_logs[0].log_records[0].severity_number, 10);
}

#[tokio::test]
async fn what_cannot_be_taken_gets_the_right_answer_and_is_counted() {
    let rig = Rig::start(Some("http://127.0.0.1:9")).await;
    let bomb = gzip(&vec![0; 64 * 1024 * 1024]);
    assert!(bomb.len() < 100_000);
    type Case<'c> = (&'c str, &'c str, &'c [(&'c str, &'c str)], Vec<u8>, u16);
    let cases: [Case<'_>; 12] = [
        ("garbage", "/v1/traces", &[PROTOBUF], b"\xff\xff\xff\xff".to_vec(), 400),
        ("half of a request", "/v1/traces", &[PROTOBUF], protobuf(1, "x")[..20].to_vec(), 400),
        ("garbage as JSON", "/v1/traces", &[JSON], b"{\"resourceSpans\":[{]}".to_vec(), 400),
        ("JSON of another form", "/v1/metrics", &[JSON], b"[1]".to_vec(), 400),
        ("deep JSON", "/v1/logs", &[JSON], b"{\"resourceLogs\":".repeat(10_000), 400),
        ("no gzip", "/v1/traces", &[PROTOBUF, GZIP], protobuf(1, "x"), 400),
        ("too large", "/v1/traces", &[PROTOBUF], vec![0; 4 * 1024 * 1024 + 1], 413),
        ("a bomb", "/v1/traces", &[PROTOBUF, GZIP], bomb, 413),
        ("another compression", "/v1/traces", &[PROTOBUF, ("content-encoding", "br")], Vec::new(), 415),
        ("another type", "/v1/traces", &[("content-type", "text/plain")], Vec::new(), 415),
        ("no type", "/v1/traces", &[], Vec::new(), 415),
        ("another path", "/v1/profiles", &[PROTOBUF], Vec::new(), 404),
    ];
    let count = cases.len() as u64;
    for (name, path, headers, body, expected) in cases {
        let (status, kind, answer) = post(rig.otlp, path, headers, body).await;
        assert_eq!(status, expected, "{name}");
        if headers.first() == Some(&JSON) {
            let answer: serde_json::Value = serde_json::from_slice(&answer).unwrap();
            assert_eq!((kind.as_str(), answer["code"].as_i64()), ("application/json", Some(3)), "{name}");
        } else {
            // google.rpc.Status: field 1 is the code, 3.
            assert_eq!((kind.as_str(), &answer[..2]), ("application/x-protobuf", &[8, 3][..]), "{name}");
        }
    }
    let get = Request::get("/v1/traces").header("host", "x").body(Full::default()).unwrap();
    assert_eq!(send(rig.otlp, get).await.0, 405);
    assert_eq!(rig.count(Counter::RejectedRequests), count + 1);
    // The next one is taken as if nothing had been.
    assert_eq!(post(rig.otlp, "/v1/traces", &[PROTOBUF], protobuf(1, "x")).await.0, 200);
}

#[tokio::test]
async fn memory_is_bounded_and_the_sender_is_told() {
    let rig = Rig::start(Some("http://127.0.0.1:9")).await;
    let large = protobuf(4_000, "x");
    let mut refused = Vec::new();
    for _ in 0..4 {
        let (status, _, answer) = post(rig.otlp, "/v1/traces", &[PROTOBUF], large.clone()).await;
        assert_eq!(status, 200);
        let partial = ExportTraceServiceResponse::decode(answer.as_slice()).unwrap().partial_success;
        refused.push(partial.map_or(0, |partial| partial.rejected_spans));
    }
    assert_eq!(refused, [0, 0, 4_000, 4_000]);
    assert_eq!(rig.count(Counter::DroppedSpans), 8_000);
    let many_logs = format!(
        r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{}]}}]}}]}}"#,
        vec!["{}"; 10_001].join(",")
    );
    let (_, _, answer) = post(rig.otlp, "/v1/logs", &[JSON], many_logs.into_bytes()).await;
    let answer: serde_json::Value = serde_json::from_slice(&answer).unwrap();
    assert_eq!(answer["partialSuccess"]["rejectedLogRecords"], "10001");
    assert_eq!(rig.count(Counter::DroppedLogs), 10_001);
}

#[tokio::test]
async fn where_nothing_is_exported_nothing_is_kept() {
    let rig = Rig::start(None).await;
    for _ in 0..20 {
        assert_eq!(post(rig.otlp, "/v1/traces", &[PROTOBUF], protobuf(4_000, "x")).await.0, 200);
    }
    assert_eq!(rig.count(Counter::DroppedSpans), 0);
    assert!(rig.observer.0.state().buffer(crate::observe::signal::Signal::Traces).is_empty());
}
