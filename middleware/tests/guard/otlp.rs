//! The guard's spans as OTLP, with a subscriber of this thread alone.

use std::time::Duration;

use hopguard::{Guard, OtlpError};
use serde_json::Value;
use tracing_subscriber::layer::SubscriberExt as _;

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
    assert!(requests.iter().all(|request| request.target == "/v1/traces"));
    let exported: Vec<u8> = requests.iter().flat_map(|request| request.body.iter().copied()).collect();
    let exported = String::from_utf8_lossy(&exported);
    assert!(exported.contains("invoke process") && exported.contains("work"), "{exported}");
    assert!(!exported.contains("left out"));
    let mut names = Vec::new();
    for line in std::fs::read_to_string(&file).unwrap().lines() {
        let line: Value = serde_json::from_str(line).unwrap();
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
