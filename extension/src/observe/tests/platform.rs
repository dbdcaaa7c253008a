//! The Telemetry API.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use hopguard_core::Counter;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use serde_json::json;

use super::reporting::{begun, told};
use super::rig::{Rig, deadline, post};
use super::sink::{Reply, Sink};
use crate::proxy::Upstream;

const JSON: (&str, &str) = ("content-type", "application/json");

fn event(kind: &str, record: impl Into<serde_json::Value>) -> serde_json::Value {
    json!({ "time": "2026-11-24T08:00:00.000Z", "type": kind, "record": record.into() })
}

fn done(id: &str, status: &str) -> serde_json::Value {
    event(
        "platform.runtimeDone",
        json!({ "requestId": id, "status": status, "metrics": { "durationMs": 250.0, "producedBytes": 1 } }),
    )
}

async fn deliver(rig: &Rig, events: &serde_json::Value) {
    let (status, _, _) = post(rig.telemetry, "/", &[JSON], events.to_string().into_bytes()).await;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn whatever_comes_is_answered_with_200() {
    let rig = Rig::start(None).await;
    let line = event("function", json!("x".repeat(1_000)));
    let batch = serde_json::Value::from(vec![line; 256]);
    assert!(batch.to_string().len() > 256 * 1024);
    deliver(&rig, &batch).await;
    assert_eq!(rig.count(Counter::RejectedEvents), 0);
    for (body, rejected) in
        [(&b"nonsense"[..], 1), (b"", 2), (b"[{\"type\":\"platform.report\",\"record\":7},{}]", 4)]
    {
        assert_eq!(post(rig.telemetry, "/any", &[], body.to_vec()).await.0, 200);
        assert_eq!(rig.count(Counter::RejectedEvents), rejected);
    }
    assert_eq!(post(rig.telemetry, "/", &[JSON], vec![b'['; 3 * 1024 * 1024]).await.0, 200, "too large");
    deliver(&rig, &json!([event("platform.new", json!({ "requestId": [1] })), done("r-1", "success")])).await;
    assert_eq!((rig.count(Counter::RejectedEvents), rig.count(Counter::Invocations)), (5, 1));
}

#[tokio::test]
async fn what_the_platform_says_becomes_metrics_and_ends_what_never_answered() {
    let sink = Sink::start([]).await;
    let rig = Rig::start(Some(&sink.url())).await;
    rig.observer.0.subscribed.store(true, Ordering::Relaxed);
    rig.start_invocation("lost");
    let report = json!({ "requestId": "lost", "status": "timeout", "metrics": {
        "durationMs": 3000.0, "billedDurationMs": 3000, "memorySizeMB": 128, "maxMemoryUsedMB": 90, "initDurationMs": 125.0 } });
    let init =
        json!({ "initializationType": "on-demand", "phase": "init", "metrics": { "durationMs": 125.0 } });
    deliver(
        &rig,
        &json!([
            event("platform.initReport", init),
            done("lost", "timeout"),
            event("platform.report", report)
        ]),
    )
    .await;
    rig.invoke("answered");
    deliver(&rig, &json!([done("answered", "success")])).await;
    rig.shut_down().await;
    let spans = sink.spans();
    let lost = &spans[0];
    assert_eq!((spans.len(), lost.end_time_unix_nano >= lost.start_time_unix_nano), (2, true));
    let error = lost.attributes.iter().find(|attribute| attribute.key == "error.type").unwrap();
    assert_eq!(error.value.as_ref().unwrap().value, Some(Value::StringValue("timeout".to_owned())));
    let metrics = sink.metrics();
    for name in [
        "faas.invoke_duration",
        "faas.init_duration",
        "faas.mem_usage",
        "hopguard.billed_duration",
        "faas.timeouts",
        "faas.coldstarts",
    ] {
        assert_eq!(metrics.iter().filter(|metric| metric.name == name).count(), 1, "{name}");
    }
    assert_eq!(
        (rig.count(Counter::Invocations), rig.count(Counter::Errors), rig.count(Counter::ColdStarts)),
        (2, 1, 1)
    );
}

/// What the crate told of the start is all that there is of an invocation whose process has died.
#[tokio::test]
async fn an_invocation_that_only_the_crate_saw_ends_by_the_platforms_word() {
    let sink = Sink::start([]).await;
    let rig = Rig::start(Some(&sink.url())).await;
    rig.observer.0.subscribed.store(true, Ordering::Relaxed);
    for (id, more) in [("late", ""), ("dead", r#","traced":true"#), ("told", ""), ("under way", "")] {
        rig.report(begun(id, more).as_bytes()).await;
    }
    rig.report(told("told", "").as_bytes()).await;
    rig.report(br#"{"begun":{"id":"unreadable"}}"#).await;
    // Each report has counted two.
    rig.wait_for(Counter::Allowed, 10).await;
    rig.wait_for(Counter::RejectedReports, 5 * 2 + 1).await;
    deliver(&rig, &json!([done("late", "timeout"), done("dead", "failure"), done("told", "success")])).await;
    rig.shut_down().await;
    let text = |span: &Span, key: &str| {
        let found = span.attributes.iter().find(|attribute| attribute.key == key);
        match found.and_then(|attribute| attribute.value.as_ref()?.value.clone()) {
            Some(Value::StringValue(text)) => text,
            _ => String::new(),
        }
    };
    let spans = sink.spans();
    let mut ended: Vec<_> =
        spans.iter().map(|span| (text(span, "faas.invocation_id"), text(span, "error.type"))).collect();
    ended.sort_unstable();
    let expected =
        [("dead", "runtime_failure"), ("late", "timeout"), ("told", ""), ("under way", "shutdown")];
    assert_eq!(ended, expected.map(|(id, error)| (id.to_owned(), error.to_owned())));
    assert!(spans.iter().all(|span| span.span_id == 0xaa_u64.to_be_bytes()), "as the crate says");
}

#[tokio::test]
async fn without_a_proxy_the_platform_says_when_an_invocation_has_ended() {
    let sink = Sink::start([]).await;
    let rig = Rig::start(Some(&sink.url())).await;
    rig.observer.0.subscribed.store(true, Ordering::Relaxed);
    let started = Instant::now();
    let (ended, ()) = tokio::join!(
        async {
            rig.observer.invoked("r-1", deadline(5_000)).await;
            started.elapsed()
        },
        async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            assert!(sink.received().is_empty(), "nothing is exported before the response");
            deliver(&rig, &json!([done("r-1", "success")])).await;
        },
    );
    assert!((Duration::from_millis(100)..Duration::from_millis(1_000)).contains(&ended), "{ended:?}");
    assert_eq!(sink.received().len(), 1);
}

async fn subscribe(rig: &Rig, api: &str) {
    rig.observer.subscribe_at(&Upstream::new(api.into()), "id-1", rig.telemetry.port()).await;
}

#[tokio::test]
async fn the_subscription_says_what_lambda_wants_to_know() {
    for (status, subscribed) in [(200, true), (202, false), (403, false)] {
        let lambda = Sink::start([Reply::Status(status, "", b"\"OK\"".to_vec())]).await;
        let rig = Rig::start(None).await;
        subscribe(&rig, &lambda.address.to_string()).await;
        assert_eq!(rig.observer.0.is_subscribed(), subscribed, "{status}");
        let [request] = lambda.received().try_into().unwrap();
        assert!(request.head.starts_with("put /2022-07-01/telemetry http/1.1\r\n"), "{}", request.head);
        assert!(request.head.contains("lambda-extension-identifier: id-1\r\n"), "{}", request.head);
        let asked: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
        let expected = json!({
            "schemaVersion": "2022-12-13",
            "types": ["platform"],
            "buffering": { "maxItems": 1000, "maxBytes": 262_144, "timeoutMs": 100 },
            "destination": { "protocol": "HTTP", "URI": format!("http://sandbox.localdomain:{}", rig.telemetry.port()) },
        });
        assert_eq!(asked, expected);
    }
}

#[tokio::test]
async fn a_telemetry_api_that_is_not_there_or_hangs_costs_a_second_at_most() {
    let rig = Rig::start(None).await;
    subscribe(&rig, "127.0.0.1:9").await;
    let hanging = Sink::start([Reply::Hang]).await;
    let started = Instant::now();
    subscribe(&rig, &hanging.address.to_string()).await;
    assert!(started.elapsed() < Duration::from_millis(1_500) && !rig.observer.0.is_subscribed());
}
