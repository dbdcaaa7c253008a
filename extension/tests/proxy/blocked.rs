//! What happens to records beyond the limit, and to the answers of their invocations.

use hopguard_core::Counter;
use serde_json::{Value, json};

use crate::bench::Bench;
use crate::lineage::token;

const LIMITS: [(&str, &str); 3] =
    [("HOPGUARD_MAX_VISITS", "2"), ("HOPGUARD_TRIP", "off"), ("HOPGUARD_LOOKUP_TIMEOUT", "10ms")];

fn with(more: &'static str) -> Vec<(&'static str, &'static str)> {
    LIMITS.into_iter().chain([("HOPGUARD_ON_BLOCK", more)]).collect()
}

fn record(id: &str, token: Option<String>) -> Value {
    let attributes = token.map(|token| json!({ "hopguard": { "stringValue": token, "dataType": "String" } }));
    json!({ "messageId": id, "body": id, "messageAttributes": attributes.unwrap_or_default(), "eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:q" })
}

fn batch(records: &[Value]) -> Vec<u8> {
    json!({ "Records": records }).to_string().into_bytes()
}

fn mixed() -> Vec<u8> {
    batch(&[record("a", None), record("b", Some(token(2))), record("c", Some(token(1)))])
}

fn ids(event: &Value) -> Vec<&str> {
    event["Records"].as_array().unwrap().iter().map(|record| record["messageId"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn the_handler_gets_the_others() {
    let bench = Bench::new(&with("drop")).await;
    bench.event("r-1", &mixed(), &[]);
    let mut runtime = bench.runtime().await;
    let event = runtime.next().await;
    assert_eq!(ids(&event.json()), ["a", "c"]);
    assert_eq!(event.header("Content-Length"), Some(event.body.len().to_string().as_str()));
    runtime.respond("r-1", br#"{"own": 1}"#).await;
    assert_eq!(bench.seen().pop().unwrap().body, br#"{"own": 1}"#);
    let counts =
        [Counter::Blocked, Counter::Dropped, Counter::Failed].map(|counter| bench.counters.value(counter));
    assert_eq!(counts, [1, 1, 0]);
}

#[tokio::test]
async fn what_has_nothing_left_never_reaches_the_runtime() {
    let bench = Bench::new(&with("drop")).await;
    bench.event("r-1", &batch(&[record("b", Some(token(2)))]), &[]);
    bench.answer(crate::wire::Message::new(&["HTTP/1.1 202 Accepted"], "{}"));
    bench.event("r-2", br#"{"order":1}"#, &[]);
    let event = bench.runtime().await.next().await;
    assert_eq!(event.body, br#"{"order":1}"#);
    let seen = bench.seen();
    let lines: Vec<_> = seen.iter().map(crate::wire::Message::request_line).collect();
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[1], "POST /2018-06-01/runtime/invocation/r-1/response HTTP/1.1");
    assert_eq!(seen[1].json(), json!({ "batchItemFailures": [] }));
}

#[tokio::test]
async fn where_nobody_can_say_what_the_mapping_takes_the_invocation_fails() {
    let bench = Bench::new(&with("fail")).await;
    bench.event("r-1", &mixed(), &[]);
    let mut runtime = bench.runtime().await;
    assert_eq!(ids(&runtime.next().await.json()), ["a", "c"]);
    runtime.respond("r-1", b"\"done\"").await;
    let answer = bench.seen().pop().unwrap();
    assert_eq!(answer.request_line(), "POST /2018-06-01/runtime/invocation/r-1/error HTTP/1.1");
    assert_eq!(answer.json()["errorType"], "hopguard::Blocked");
    assert!(answer.json()["errorMessage"].as_str().unwrap().contains("visit 3 of 2"), "{}", answer.head);
    assert_eq!(answer.header("Lambda-Runtime-Function-Error-Type"), Some("hopguard::Blocked"));
}

#[tokio::test]
async fn of_a_stream_nothing_after_the_failed_record_is_handed_over() {
    use base64::Engine as _;
    let base64 = base64::engine::general_purpose::STANDARD;
    let record = |id: &str, visits: u32| {
        let data = json!({ "order": 1, "hopguard": token(visits) }).to_string();
        let kinesis = json!({ "sequenceNumber": id, "data": base64.encode(data) });
        json!({ "kinesis": kinesis, "eventSource": "aws:kinesis", "eventSourceARN": "arn:aws:kinesis:us-east-1:123456789012:stream/s" })
    };
    let bench = Bench::new(&with("fail")).await;
    bench.event("r-1", &batch(&[record("1", 1), record("2", 2), record("3", 1)]), &[]);
    let mut runtime = bench.runtime().await;
    let event = runtime.next().await.json();
    let records = event["Records"].as_array().unwrap();
    let data = base64.decode(records[0]["kinesis"]["data"].as_str().unwrap()).unwrap();
    let data: Value = serde_json::from_slice(&data).unwrap();
    assert_eq!((records.len(), &records[0]["kinesis"]["sequenceNumber"]), (1, &json!("1")));
    let advanced = hopguard_core::Token::decode(data["hopguard"].as_str().unwrap().as_bytes(), None).unwrap();
    assert_eq!((advanced.visits.highest(), &data["order"]), (2, &json!(1)), "one hop further");
    runtime.respond("r-1", b"{}").await;
    assert!(
        bench.seen().pop().unwrap().request_line().ends_with("/r-1/error HTTP/1.1"),
        "all of it comes again"
    );
}

#[tokio::test]
async fn a_caller_that_waits_gets_the_error() {
    use base64::Engine as _;
    let bench = Bench::new(&with("drop")).await;
    let context = json!({ "custom": { "hopguard": token(2) } }).to_string();
    let context = base64::engine::general_purpose::STANDARD.encode(context);
    bench.event("r-1", b"{}", &[&format!("Lambda-Runtime-Client-Context: {context}")]);
    bench.answer(crate::wire::Message::new(&["HTTP/1.1 202 Accepted"], "{}"));
    bench.event("r-2", b"2", &[]);
    assert_eq!(bench.runtime().await.next().await.body, b"2");
    let seen = bench.seen();
    assert_eq!(seen[1].request_line(), "POST /2018-06-01/runtime/invocation/r-1/error HTTP/1.1");
    assert_eq!(seen[1].json()["errorType"], "hopguard::Blocked");
}

#[tokio::test]
async fn observe_blocks_nothing() {
    let mut variables = with("drop");
    variables.push(("HOPGUARD_MODE", "observe"));
    let bench = Bench::new(&variables).await;
    bench.event("r-1", &mixed(), &[]);
    let event = bench.runtime().await.next().await.json();
    assert_eq!(ids(&event), ["a", "b", "c"]);
    assert_eq!(bench.counters.value(Counter::Blocked), 0);
}
