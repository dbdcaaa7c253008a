//! The guard's spans and metrics as OTLP, with a subscriber of this thread alone.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use hopguard::core::{Counter, Measure};
use hopguard::{Guard, OtlpError};
use serde_json::Value;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::event::{attributes, looping, message, parent, sqs};
use crate::invocation::within;
use crate::server::{Request, Response, Server};

fn guard(variables: &[(&str, &str)]) -> Guard {
    Guard::builder().variables(variables.iter().copied()).unwrap().build()
}

#[tokio::test]
async fn spans_are_with_the_collector_and_in_the_file_before_the_answer() {
    let server = Server::start(|_: &Request| Some(Response::new(200, ""))).await;
    let file = std::env::temp_dir().join(format!("hopguard-crate-{}.jsonl", std::process::id()));
    let _ = std::fs::remove_file(&file);
    let guard = guard(&[("HOPGUARD_OTLP_FILE", file.to_str().unwrap())]);
    let otlp = guard.otlp_to_endpoint(format!("http://{}/v1/traces", server.address)).unwrap();
    assert!(matches!(guard.otlp_to_endpoint("http://127.0.0.1:1"), Err(OtlpError::Twice)));
    let _subscriber = tracing::subscriber::set_default(tracing_subscriber::registry().with(otlp.layer()));
    within(&guard, "{}", || async {
        tracing::info_span!("work").in_scope(|| ());
        tracing::debug_span!("left out").in_scope(|| ());
    })
    .await;
    let requests = server.take();
    let exported = |target: &str| {
        let of_target = requests.iter().filter(|request| request.target == target);
        let exported: Vec<u8> = of_target.flat_map(|request| request.body.iter().copied()).collect();
        String::from_utf8_lossy(&exported).into_owned()
    };
    let spans = exported("/v1/traces");
    assert!(spans.contains("invoke process") && spans.contains("work"), "{spans}");
    assert!(!spans.contains("left out"));
    let metrics = exported("/v1/metrics");
    assert!(metrics.contains("hopguard.chains") && metrics.contains("faas.invoke_duration"), "{metrics}");
    assert!(requests.iter().all(|request| ["/v1/traces", "/v1/metrics"].contains(&&*request.target)));
    let mut names = Vec::new();
    for line in lines(&file, "resourceSpans") {
        let group = &line["resourceSpans"][0];
        let said = |key: &str| {
            let attributes = group["resource"]["attributes"].as_array().unwrap();
            attributes.iter().find(|attribute| attribute["key"] == key).is_some()
        };
        assert!(said("cloud.platform"));
        let spans = group["scopeSpans"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|scope| scope["spans"].as_array().unwrap());
        names.extend(spans.map(|span| span["name"].as_str().unwrap().to_owned()));
    }
    std::fs::remove_file(&file).unwrap();
    names.sort();
    assert_eq!(names, ["invoke process", "work"]);
}

/// The requests of one kind in a file.
fn lines(file: &Path, kind: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| line.get(kind).is_some()).collect()
}

/// The metrics of the last request in a file, by name.
fn metrics(file: &Path) -> BTreeMap<String, Value> {
    let Some(last) = lines(file, "resourceMetrics").pop() else { return BTreeMap::new() };
    let metrics = last["resourceMetrics"][0]["scopeMetrics"][0]["metrics"].as_array().unwrap().clone();
    metrics.into_iter().map(|metric| (metric["name"].as_str().unwrap().to_owned(), metric)).collect()
}

/// The value of a counter, with this attribute where it has one.
fn count(metric: &Value, attribute: Option<(&str, &str)>) -> i64 {
    let points = metric["sum"]["dataPoints"].as_array().unwrap();
    assert_eq!((&metric["unit"], &metric["sum"]["isMonotonic"]), (&"1".into(), &true.into()), "{metric}");
    let point = points.iter().find(|point| {
        let own = &point["attributes"][0];
        attribute.is_none_or(|(key, value)| own["key"] == key && own["value"]["stringValue"] == value)
    });
    let value = &point.unwrap_or_else(|| panic!("{attribute:?} of {metric}"))["asInt"];
    value.as_i64().or_else(|| value.as_str()?.parse().ok()).unwrap()
}

#[tokio::test]
async fn what_was_counted_and_measured_is_exported_under_the_names_of_core() {
    let file = std::env::temp_dir().join(format!("hopguard-crate-metrics-{}.jsonl", std::process::id()));
    let _ = std::fs::remove_file(&file);
    let settings = [("HOPGUARD_OTLP_FILE", file.to_str().unwrap()), ("HOPGUARD_MAX_VISITS", "5")];
    let guard = guard(&settings);
    let otlp = guard.otlp_from_env().unwrap();
    let _subscriber = tracing::subscriber::set_default(tracing_subscriber::registry().with(otlp.layer()));
    let event = sqs([
        message("m", "", attributes(&looping(1, 3), parent(0xa1, 0xb1))),
        message("n", "", attributes(&looping(2, 4), parent(0xa2, 0xb2))),
    ]);
    within(&guard, &event, || async {}).await;
    within(&guard, "{}", || async {}).await;
    assert!(otlp.flush(Duration::from_secs(5)).await);
    let metrics = metrics(&file);
    std::fs::remove_file(&file).unwrap();

    assert_eq!(count(&metrics["faas.invocations"], None), 2);
    assert_eq!(count(&metrics["hopguard.chains"], None), 1, "the second began one");
    assert_eq!(count(&metrics["hopguard.records"], Some(("verdict", "allow"))), 1);
    assert_eq!(count(&metrics["hopguard.records"], Some(("verdict", "warn"))), 1, "the last visit");
    let known: BTreeSet<&str> = Counter::ALL.into_iter().map(|counter| counter.metric().0).collect();
    for (name, metric) in &metrics {
        let Some(measure) = Measure::ALL.into_iter().find(|measure| measure.name() == name) else {
            assert!(known.contains(name.as_str()), "{name}");
            continue;
        };
        let points = &metric["histogram"]["dataPoints"][0];
        let bounds: Vec<f64> = serde_json::from_value(points["explicitBounds"].clone()).unwrap();
        assert_eq!((metric["unit"].as_str(), bounds.as_slice()), (Some(measure.unit()), measure.bounds()));
    }
    for measure in [Measure::InvokeDuration, Measure::Wait, Measure::Saving, Measure::Hop, Measure::Visits] {
        let point = &metrics[measure.name()]["histogram"]["dataPoints"][0];
        assert!(point["count"] == 2 || point["count"] == "2", "{point}");
    }
    assert_eq!(metrics["hopguard.visits"]["histogram"]["dataPoints"][0]["max"].as_f64(), Some(5.0));
}

/// It exports them from what it is told.
#[tokio::test]
async fn where_the_layer_is_there_the_metrics_are_its_own() {
    let server = Server::start(|_: &Request| Some(Response::new(200, ""))).await;
    let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let guard = Guard::builder().reports_to(socket.local_addr().unwrap()).build();
    let otlp = guard.otlp_to_endpoint(format!("http://{}/v1/traces", server.address)).unwrap();
    let _subscriber = tracing::subscriber::set_default(tracing_subscriber::registry().with(otlp.layer()));
    within(&guard, "{}", || async {}).await;
    assert!(otlp.flush(Duration::from_secs(5)).await);
    let targets: Vec<_> = server.take().into_iter().map(|request| request.target).collect();
    assert!(!targets.is_empty() && targets.iter().all(|target| target == "/v1/traces"), "{targets:?}");
    assert_eq!(guard.counters().value(Counter::Invocations), 0, "the layer counts them");
}

#[tokio::test]
async fn a_collector_that_does_not_answer_costs_one_invocation_half_a_second() {
    let server = Server::start(|_: &Request| None).await;
    let guard = guard(&[]);
    let otlp = guard.otlp_to_endpoint(format!("http://{}/v1/traces", server.address)).unwrap();
    let _subscriber = tracing::subscriber::set_default(tracing_subscriber::registry().with(otlp.layer()));
    within(&guard, "{}", || async {}).await;
    let second = within(&guard, "{}", || async {});
    tokio::time::timeout(Duration::from_millis(400), second).await.expect("nobody waits a second time");
    assert!(!otlp.flush(Duration::from_millis(10)).await);
    // The exporter's thread waits for its request, and the test for that thread.
    drop(server);
}

#[tokio::test]
async fn without_a_destination_there_is_no_export() {
    let error = guard(&[]).otlp_from_env().unwrap_err();
    assert!(matches!(error, OtlpError::Nowhere), "{error}");
}
