use std::fmt::Debug;

use hopguard::core::{Counter, Token};
use hopguard::{Answer, BLOCKED, Guard};
use lambda_runtime::{
    Diagnostic, Error, FunctionResponse, IntoFunctionResponse, LambdaEvent, StreamResponse, service_fn,
};
use serde::Serialize;
use serde_json::{Value, json};

use crate::event::{ARN, attributes, looping, message, parent, sqs};
use crate::invocation::invoke;
use crate::runtime::run;
use crate::scenario::{ALIKE, By};
use crate::server::{Response, Server};

const TABLE: &str = "arn:aws:dynamodb:us-east-1:123456789012:table/orders/stream/2026-11-23T22:52:29.956";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guarded_handler_of_any_kind_answers_as_an_unguarded_one() {
    let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
    let events = [
        r#"{"orderId":1,"lines":[{"sku":"A-1"}]}"#.to_owned(),
        r#"{"orderId":1,"lines":[{"sku":"A-1"},{"sku":2}]}"#.to_owned(),
        r#"{"lines":[]}"#.to_owned(),
        r#"{"orderId":1.0e400,"lines":"ü\u0000"}"#.to_owned(),
        "[1]".to_owned(),
        "null".to_owned(),
        nested(120),
        nested(300),
        nested(10_000),
        // As a stand-in for an event looks, on its way to the handler.
        r#""hopguard event 0""#.to_owned(),
        r#"{"orderId":1,"lines":[]} x"#.to_owned(),
        // No JSON, which Lambda never sends: `lambda_runtime` finds that out before a wrapped handler, and names no place.
        r#"{"orderId":1"#.to_owned(),
    ];
    let no_json = format!("/request-{}/", events.len() - 1);
    for name in ALIKE {
        let [plain, wrapped, own] = [By::Itself, By::Wrap, By::Run].map(|by| run(name, by, 1, &events));
        let (plain, wrapped, own) = tokio::join!(plain, wrapped, own);
        assert_eq!(plain.len(), events.len(), "{name}");
        for (by, guarded) in By::GUARDED.into_iter().zip([wrapped, own]) {
            assert_eq!(plain.len(), guarded.len(), "{name}, {by:?}");
            for (plain, guarded) in plain.iter().zip(&guarded) {
                let same = plain == guarded || (by == By::Wrap && plain.target.contains(&no_json));
                assert!(same, "{name}, {by:?}: {} and {}", plain.text(), guarded.text());
            }
        }
    }
}

/// What feeds the function under test: a queue and a table's stream, whose mappings take a list of failures or not.
async fn mapping(takes_failures: bool) -> Server {
    Server::start(move |_| {
        let types: &[&str] = if takes_failures { &["ReportBatchItemFailures"] } else { &[] };
        let mappings = ["arn:aws:sqs:us-east-1:123456789012:in", TABLE].map(|source| {
            json!({"UUID": "u", "FunctionArn": ARN, "EventSourceArn": source, "FunctionResponseTypes": types})
        });
        Some(Response::new(200, json!({"EventSourceMappings": mappings}).to_string()))
    })
    .await
}

fn guard(server: &Server, on_block: &str) -> Guard {
    let variables = [("HOPGUARD_TRIP", "off"), ("HOPGUARD_ON_BLOCK", on_block)];
    Guard::builder().variables(variables).unwrap().sdk_config(server.sdk_config()).build()
}

/// Messages by their ids; a capital letter names one that is beyond its limit.
fn batch(ids: &[&str]) -> String {
    let message = |id: &&str| {
        let visits = if id.starts_with(char::is_uppercase) { 10 } else { 1 };
        message(id, "{}", attributes(&looping(9, visits), parent(9, 9)))
    };
    sqs(ids.iter().map(message))
}

/// What Lambda reads.
fn json_of<B: Serialize, S>(response: FunctionResponse<Answer<B>, S>) -> Value {
    match response {
        FunctionResponse::BufferedResponse(answer) => serde_json::to_value(answer).unwrap(),
        FunctionResponse::StreamingResponse(_) => panic!("a stream"),
    }
}

/// Invokes a handler that gives this answer, and returns the ids that it got as well.
async fn answer<R, B, S, E>(
    guard: &Guard,
    event: &str,
    answer: impl Fn() -> Result<R, E>,
) -> (Result<Value, Diagnostic>, Vec<String>)
where
    R: IntoFunctionResponse<B, S>,
    B: Serialize,
    E: Into<Diagnostic> + Debug,
{
    let got = std::sync::Mutex::new(Vec::new());
    let handler = service_fn(async |event: LambdaEvent<Value>| {
        let ids = event.payload["Records"].as_array().into_iter().flatten();
        let id = |record: &Value| {
            let id = record["messageId"].as_str().or(record["dynamodb"]["SequenceNumber"].as_str());
            id.unwrap().to_owned()
        };
        got.lock().unwrap().extend(ids.map(id));
        answer()
    });
    let response = invoke(guard.wrap(handler), event).await;
    (response.map(json_of), got.into_inner().unwrap())
}

fn failures(ids: &[&str]) -> Value {
    json!({"batchItemFailures": ids.iter().map(|id| json!({"itemIdentifier": id})).collect::<Vec<_>>()})
}

#[tokio::test]
async fn blocked_records_join_the_handlers_own_failures() {
    let server = mapping(true).await;
    let guard = guard(&server, "fail");
    let event = batch(&["a", "B", "c", "D"]);
    let (response, got) = answer(&guard, &event, || Ok::<_, Error>(failures(&["c"]))).await;
    assert_eq!((response.unwrap(), got), (failures(&["c", "B", "D"]), vec!["a".to_owned(), "c".to_owned()]));
    let (response, _) = answer(&guard, &event, || Ok::<_, Error>(())).await;
    assert_eq!(response.unwrap(), failures(&["B", "D"]));
    let (response, _) =
        answer(&guard, &event, || Ok::<_, Error>(json!({"batchItemFailures": [], "note": 1}))).await;
    assert_eq!(
        response.unwrap(),
        json!({"note": 1, "batchItemFailures": failures(&["B", "D"])["batchItemFailures"]})
    );
    let stream = || StreamResponse::from(futures_util::stream::iter([Ok::<_, Error>("a")]));
    let (response, _) = answer(&guard, &event, || Ok::<_, Error>(stream())).await;
    assert_eq!(response.unwrap(), failures(&["B", "D"]), "Lambda reads no list in a stream");
    let (response, _) = answer(&guard, &event, || Err::<(), Error>("no".into())).await;
    assert_eq!(response.unwrap_err().error_message, "no", "all of it is delivered again");
    assert_eq!(guard.counters().value(Counter::Failed), 10);
}

#[tokio::test]
async fn of_a_stream_the_handler_gets_what_is_before_the_lowest_failed_record() {
    let record = |id: &&str| {
        let visits = if id.starts_with(char::is_uppercase) { 10 } else { 1 };
        let token = Token::new(&looping(9, visits), None).to_string();
        let image = json!({"hopguard": {"S": format!("{token} {}", parent(9, 9))}});
        json!({"eventSource": "aws:dynamodb", "eventSourceARN": TABLE, "dynamodb": {"SequenceNumber": id, "NewImage": image}})
    };
    let batch = |ids: &[&str]| json!({"Records": ids.iter().map(record).collect::<Vec<_>>()}).to_string();
    let event = batch(&["a", "b", "C", "d", "E"]);
    let cases = [
        ("the mapping takes failures", true, "fail", Ok(failures(&["b", "C"])), vec!["a", "b"]),
        ("it does not", false, "fail", Err(BLOCKED), vec!["a", "b"]),
        ("dropped", false, "drop", Ok(failures(&["b"])), vec!["a", "b", "d"]),
    ];
    for (name, takes_failures, on_block, expected, expected_ids) in cases {
        let server = mapping(takes_failures).await;
        let guard = guard(&server, on_block);
        let (response, got) = answer(&guard, &event, || Ok::<_, Error>(failures(&["b"]))).await;
        let response = response.map_err(|error| error.error_type);
        assert_eq!(
            (response, got),
            (expected.map_err(str::to_owned), expected_ids.into_iter().map(str::to_owned).collect()),
            "{name}"
        );
    }
    let server = mapping(true).await;
    let (response, got) = answer(&guard(&server, "fail"), &batch(&["A", "b"]), || Ok::<_, Error>(())).await;
    assert_eq!((response.unwrap(), got), (failures(&["A"]), vec![]));
}

#[tokio::test]
async fn a_batch_that_is_blocked_as_a_whole_is_answered_without_the_handler() {
    let event = batch(&["A", "B"]);
    let cases = [
        ("a mapping that takes failures", true, "fail", Ok(failures(&["A", "B"]))),
        ("one that does not", false, "fail", Err(BLOCKED)),
        ("dropped", false, "drop", Ok(json!({"batchItemFailures": []}))),
    ];
    for (name, takes_failures, on_block, expected) in cases {
        let server = mapping(takes_failures).await;
        let (response, got) = answer(&guard(&server, on_block), &event, || Ok::<_, Error>(())).await;
        let response = response.map_err(|error| error.error_type);
        assert_eq!(response, expected.map_err(str::to_owned), "{name}");
        assert!(got.is_empty(), "{name}");
    }
}

#[tokio::test]
async fn without_a_list_of_failures_the_invocation_fails_after_the_others_ran() {
    let server = mapping(false).await;
    let (response, got) =
        answer(&guard(&server, "fail"), &batch(&["a", "B"]), || Ok::<_, Error>("done")).await;
    let error = response.unwrap_err();
    assert_eq!((error.error_type.as_str(), got), (BLOCKED, vec!["a".to_owned()]));
    assert!(
        error.error_message.contains("11") && error.error_message.contains("10 allowed"),
        "{}",
        error.error_message
    );
}

#[tokio::test]
async fn dropped_records_leave_the_answer_as_it_is() {
    let server = mapping(false).await;
    let guard = guard(&server, "drop");
    let (response, got) = answer(&guard, &batch(&["A", "b"]), || Ok::<_, Error>("done")).await;
    assert_eq!((response.unwrap(), got), (json!("done"), vec!["b".to_owned()]));
    assert_eq!(guard.counters().value(Counter::Dropped), 1);
}
