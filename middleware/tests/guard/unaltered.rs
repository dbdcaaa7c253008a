//! What the guard has nothing to say of, reaches the handler byte for byte, and so does what it cannot make sense of.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use aws_config::SdkConfig;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hopguard::core::Counter;
use hopguard::{Answer, Guard, Scope};
use lambda_runtime::{Context, Error, FunctionResponse, LambdaEvent, service_fn};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::event::{message, s3_put, sqs};
use crate::invocation::{context, invoke_with, raw};
use crate::server::{Request, Response, Server};

fn guard(config: SdkConfig) -> Guard {
    Guard::builder().sdk_config(config).build()
}

/// Invokes a handler that takes raw JSON and answers it; returns its scope's hop.
///
/// Asserts that it got the event byte for byte, that its answer is untouched, and that nothing was blocked.
async fn assert_unaltered(name: &str, guard: &Guard, event: &str, context: Context) -> u32 {
    let got = Mutex::new(None);
    let handler = service_fn(async |event: LambdaEvent<Box<RawValue>>| {
        *got.lock().unwrap() =
            Some((event.payload.get().to_owned(), Scope::current().unwrap().lineage().hop));
        Ok::<_, Error>(event.payload)
    });
    let response = invoke_with(guard.wrap(handler), event, context).await.unwrap();
    let (payload, hop) = got.into_inner().unwrap().unwrap();
    // Not assert_eq: some are megabytes.
    assert!(payload == event, "{name}: the event");
    let FunctionResponse::BufferedResponse(Answer::Handler(answer)) = response else {
        panic!("{name}: the answer")
    };
    assert!(answer.get() == event, "{name}: the answer");
    assert_eq!(guard.counters().value(Counter::Blocked), 0, "{name}");
    hop
}

fn json_files(folder: &Path) -> Vec<PathBuf> {
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let (folders, files): (Vec<_>, Vec<_>) = paths.partition(|path| path.is_dir());
    let files = files.into_iter().filter(|path| path.extension().is_some_and(|kind| kind == "json"));
    files.chain(folders.iter().flat_map(|folder| json_files(folder))).collect()
}

/// The example events of aws_lambda_events, from cargo's own copy of the crate.
fn published() -> Vec<PathBuf> {
    let metadata = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&metadata.stdout).unwrap();
    let mut packages = metadata["packages"].as_array().unwrap().iter();
    let package = packages.find(|package| package["name"] == "aws_lambda_events").unwrap();
    json_files(&Path::new(package["manifest_path"].as_str().unwrap()).with_file_name("src").join("fixtures"))
}

#[tokio::test]
async fn every_example_event_reaches_the_handler_as_it_is() {
    let captured = json_files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures"));
    let published = published();
    assert!(published.len() > 100 && captured.len() > 20, "{} and {}", published.len(), captured.len());
    let server = Server::start(|_| Some(Response::new(404, ""))).await;
    let config = server.sdk_config();
    for path in published.iter().chain(&captured) {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path).unwrap();
        let (event, guard) = (text.trim(), guard(config.clone()));
        assert_unaltered(&name, &guard, event, context()).await;
        let asked = server.take();
        let heads = asked.iter().filter(|request| request.method == "HEAD").count();
        assert!(heads == asked.len() && heads <= event.matches("sequencer").count(), "{name}: {asked:?}");
        assert_eq!(guard.counters().value(Counter::Rejected), 0, "{name}");

        // With a type of serde's, the handler gets and answers what it would have without the guard.
        let echo = service_fn(async |event: LambdaEvent<Value>| Ok::<_, Error>(event.payload));
        let response = invoke_with(guard.wrap(echo), event, context()).await.unwrap();
        let FunctionResponse::BufferedResponse(answer) = response else { panic!("{name}") };
        let expected: Value = serde_json::from_str(event).unwrap();
        assert_eq!(serde_json::to_string(&answer).unwrap(), expected.to_string(), "{name}");
        server.take();
    }
}

const CHAIN: &str = "0af7651916cd43dd8448eb211c80319c";

/// Tokens that say nothing, each with a name.
fn broken() -> Vec<(&'static str, String)> {
    let token = format!("01-{CHAIN}-3-256-68fd508a:2");
    let path = |functions: u32| (0..functions).map(|n| format!("{n:08x}:1")).collect::<Vec<_>>().join(".");
    vec![
        ("truncated", token.chars().take(40).collect()),
        ("over-long", token.repeat(30)),
        ("of a megabyte", "x".repeat(1 << 20)),
        ("non-ASCII", token.replace("68fd", "68fü")),
        ("full-width digits", token.replace("-3-", "-３-")),
        ("negative hop", token.replace("-3-", "--3-")),
        ("negative credit", token.replace("256", "-256")),
        ("overflowing hop", token.replace("-3-", "-99999999999999999999-")),
        ("overflowing visits", token.replace(":2", ":99999999999")),
        ("a zero chain", token.replace(CHAIN, &"0".repeat(32))),
        ("a function twice", format!("{token}.68fd508a:2")),
        ("too many functions", format!("01-{CHAIN}-3-256-{}", path(13))),
        ("another version", token.replacen("01", "02", 1)),
        ("quotes", token.replace(':', "\"")),
        ("control characters", format!("{token}\0\n")),
        ("format strings", "%s%n{}${jndi:x}".to_owned()),
    ]
}

/// A token in each carrier.
fn carriers(token: &str) -> Vec<(&'static str, String, Context)> {
    let text = |text: &str| json!({"stringValue": text, "dataType": "String"});
    let state = format!("vendor=a,hopguard={token}");
    let of_sns = |name: &str, text: &str| json!({name: {"Type": "String", "Value": text}});
    let notification = |attributes: Value| json!({"Type": "Notification", "MessageId": "n1", "TopicArn": "t", "Message": "x", "MessageAttributes": attributes});
    let one = |attributes| sqs([message("m1", "hello", attributes)]);
    let sns = |attributes| {
        json!({"Records": [{"EventSource": "aws:sns", "Sns": notification(attributes)}]}).to_string()
    };
    let mut called = context();
    let custom = json!({"custom": {"hopguard": token, "tracestate": state}});
    called.client_context = serde_json::from_value(custom).unwrap();
    let carriers = vec![
        ("SQS attribute", one(json!({"hopguard": text(token)}))),
        ("SQS tracestate", one(json!({"tracestate": text(&state)}))),
        ("SQS binary", one(json!({"hopguard": {"binaryValue": STANDARD.encode(token), "dataType": "Binary"}}))),
        ("SNS attribute", sns(of_sns("hopguard", token))),
        ("SNS tracestate", sns(of_sns("tracestate", &state))),
        ("SNS in SQS", sqs([message("m1", &notification(of_sns("hopguard", token)).to_string(), json!({}))])),
        ("EventBridge", json!({"version": "0", "id": "e1", "detail-type": "d", "source": "s", "detail": {"hopguard": token}}).to_string()),
        ("payload", json!({"hopguard": token}).to_string()),
        ("payload pair", json!({"hopguard": {"tracestate": state}}).to_string()),
    ];
    let carriers = carriers.into_iter().map(|(name, event)| (name, event, context()));
    carriers.chain([("client context", "{}".to_owned(), called)]).collect()
}

#[tokio::test]
async fn a_broken_token_starts_a_new_chain_in_every_carrier() {
    for (kind, token) in broken() {
        for (carrier, event, context) in carriers(&token) {
            let (name, guard) = (format!("{kind}: {carrier}"), Guard::default());
            assert_eq!(assert_unaltered(&name, &guard, &event, context).await, 0, "{name}");
            // A member with bytes that no `tracestate` may have is no member.
            let no_member = carrier.contains("tracestate") || carrier.contains("pair");
            assert!(no_member || guard.counters().value(Counter::Rejected) > 0, "{name}");
        }
    }
}

#[tokio::test]
async fn a_broken_token_in_an_objects_metadata_starts_a_new_chain() {
    for (kind, token) in broken() {
        // What a header can hold.
        if token.len() > 2048 || !token.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
            continue;
        }
        let head = token.clone();
        let server = Server::start(move |_: &Request| {
            Some(Response::new(200, "").header("x-amz-meta-hopguard", head.clone()))
        })
        .await;
        let guard = guard(server.sdk_config());
        assert_eq!(assert_unaltered(kind, &guard, &s3_put("b", "k", "R1"), context()).await, 0, "{kind}");
        assert_eq!(guard.counters().value(Counter::Rejected), 1, "{kind}");
        assert_eq!(server.take().len(), 1, "{kind}: one HeadObject");
    }
}

#[tokio::test]
async fn wrong_shapes_reach_the_handler_as_they_are() {
    let token = format!("01-{CHAIN}-3-256-68fd508a:2");
    let values = [
        "null",
        "7",
        "-1.5e300",
        "true",
        "[]",
        "{}",
        "\"\"",
        "\"hopguard\"",
        "[[{}]]",
        &format!("[\"{token}\"]"),
    ];
    for value in values {
        let events = [
            format!(r#"{{"Records":{value},"x":"hopguard"}}"#),
            format!(
                r#"{{"Records":[{value},{{"eventSource":"aws:sqs","messageAttributes":{{"hopguard":{value}}}}}]}}"#
            ),
            format!(
                r#"{{"Records":[{{"eventSource":"aws:sqs","messageId":{value},"body":{value},"attributes":{value},"messageAttributes":{value}}}]}}"#
            ),
            format!(r#"{{"Records":[{{"EventSource":"aws:sns","Sns":{value},"x":"hopguard"}}]}}"#),
            format!(r#"{{"Records":[{{"eventSource":"aws:s3","s3":{value},"sequencer":{value}}}]}}"#),
            format!(r#"{{"detail-type":"x","source":{value},"detail":{{"hopguard":{value}}}}}"#),
            format!(r#"{{"requestContext":{value},"headers":{{"tracestate":{value}}},"x":"hopguard"}}"#),
            format!(r#"{{"hopguard":{value},"hopguard":{{"tracestate":{value}}}}}"#),
            value.to_owned(),
        ];
        for event in events {
            assert_unaltered(&event, &Guard::default(), &event, context()).await;
        }
    }
}

#[tokio::test]
async fn large_and_deep_events_reach_the_handler_as_they_are() {
    let token = format!("01-{CHAIN}-3-256-68fd508a:2");
    let attribute = json!({"hopguard": {"stringValue": token, "dataType": "String"}});
    let large = "x".repeat(6 << 20);
    let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
    let objects = |levels: usize| "{\"a\":".repeat(levels) + "1" + &"}".repeat(levels);
    let mut events = vec![
        ("6 MB", sqs([message("m1", &large, json!({}))]), 0),
        ("6 MB with a token", sqs([message("m1", &large, attribute.clone())]), 4),
        ("6 MB of records", sqs((0..12_000).map(|n| message(&n.to_string(), "", attribute.clone()))), 4),
        ("a payload of 6 MB with a token", json!({"a": large, "hopguard": token}).to_string(), 4),
    ];
    for levels in [300, 10_000] {
        for deep in [nested(levels), objects(levels)] {
            let escaped = Value::from(deep.as_str());
            let attribute = attribute.to_string();
            events.push(("deep", deep.clone(), 0));
            events.push(("deep beside a token", format!(r#"{{"a":{deep},"hopguard":"{token}"}}"#), 4));
            events.push(("deep before an attribute", format!(r#"{{"Records":[{{"a":{deep},"eventSource":"aws:sqs","messageId":"m","messageAttributes":{attribute}}}]}}"#), 4));
            events.push(("deep in a body", format!(r#"{{"Records":[{{"body":{escaped},"eventSource":"aws:sqs","messageId":"m","messageAttributes":{attribute}}}]}}"#), 4));
            events.push(("deep in our field", format!(r#"{{"hopguard":{deep}}}"#), 0));
        }
    }
    for (name, event, hop) in events {
        assert_eq!(raw(&event).get().len(), event.len(), "{name}");
        assert_eq!(assert_unaltered(name, &Guard::default(), &event, context()).await, hop, "{name}");
    }
}
