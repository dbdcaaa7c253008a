//! What injectors are told, and what a handler that passes things on passes on.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hopguard_core::{FunctionId, Token};
use serde_json::json;

use crate::bench::{ARN, Bench};

const CHAIN: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "00-11111111111111111111111111111111-b7ad6b7169203331-01";

/// A token of a chain in which this function stands so often already.
pub(crate) fn token(visits: u32) -> String {
    let visits =
        if visits == 0 { "00000001:1".to_owned() } else { format!("{}:{visits}", FunctionId::from_arn(ARN)) };
    format!("01-{CHAIN}-{}-256-{visits}", visits.len())
}

fn message(token: &str) -> Vec<u8> {
    let text = |value: &str| json!({ "stringValue": value, "dataType": "String" });
    let attributes =
        json!({ "traceparent": text(PARENT), "tracestate": text(&format!("a=1,hopguard={token}")) });
    let record = json!({ "messageId": "m", "body": "b", "messageAttributes": attributes, "eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:q" });
    json!({ "Records": [record] }).to_string().into_bytes()
}

#[tokio::test]
async fn a_root_hands_out_one_token_for_all_its_messages() {
    let bench = Bench::new(&[]).await;
    bench.event("r-1", br#"{"order":1}"#, &[]);
    let mut runtime = bench.runtime().await;
    runtime.next().await;
    let mut injector = bench.runtime().await;
    let answer = injector.ask(r#"{"invocation":"r-1","sends":3}"#).await.json();
    let tokens = answer["tokens"].as_array().unwrap();
    assert_eq!((tokens.len(), &answer["reusable"], &answer["others"]), (1, &json!(true), &json!("")));
    let lineage = Token::decode(tokens[0].as_str().unwrap().as_bytes(), None).unwrap();
    assert_eq!((lineage.hop, lineage.visits.of(FunctionId::from_arn(ARN))), (0, 1));
    assert_eq!(answer["trace"], lineage.chain.to_string());
    assert_eq!(answer["parent"].as_str().map(str::len), Some(16));
    assert_eq!(injector.ask(r#"{"invocation":null,"sends":1}"#).await.json()["tokens"], answer["tokens"]);
}

#[tokio::test]
async fn inside_a_loop_messages_share_the_credit() {
    let bench = Bench::new(&[]).await;
    bench.event("r-1", &message(&token(1)), &[]);
    let mut runtime = bench.runtime().await;
    let event = runtime.next().await.json();
    let state = &event["Records"][0]["messageAttributes"]["tracestate"]["stringValue"];
    let advanced = state.as_str().unwrap().strip_prefix("a=1,hopguard=").unwrap();
    let lineage = Token::decode(advanced.as_bytes(), None).unwrap();
    assert_eq!(lineage.visits.of(FunctionId::from_arn(ARN)), 2);

    let answer = bench.runtime().await.ask(r#"{"sends":4}"#).await.json();
    let tokens: Vec<_> =
        answer["tokens"].as_array().unwrap().iter().map(|token| token.as_str().unwrap()).collect();
    assert_eq!((tokens.len(), &answer["reusable"]), (4, &json!(false)));
    let credits = tokens.iter().map(|token| Token::decode(token.as_bytes(), None).unwrap().credit.left());
    let spent: u32 = credits.sum();
    assert!(spent <= 256 - 3, "three further messages are paid for: {spent}");
    assert_eq!(
        (&answer["trace"], &answer["others"]),
        (&json!("11111111111111111111111111111111"), &json!("a=1"))
    );
}

#[tokio::test]
async fn what_goes_to_its_own_source_shares_the_credit_from_the_root_on() {
    let bench = Bench::new(&[("HOPGUARD_BRANCH_CREDIT", "20")]).await;
    let own = json!({ "messageId": "m", "body": "b", "eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:q" });
    let bus = json!({ "version": "0", "id": "1", "detail-type": "d", "source": "shop", "detail": {} });
    let events = [json!({ "Records": [own.clone(), own] }), json!({ "order": 1 }), bus];
    // Of 20 ten are kept to pay with: of a batch of three each has a third of the rest, or less where something was paid.
    let cases = [
        (0, json!({ "service": "SQS", "target": "q" }), Some([3; 3])),
        (
            0,
            json!({ "service": "SQS", "target": "https://sqs.us-east-1.amazonaws.com/123456789012/q" }),
            Some([3; 3]),
        ),
        (0, json!({ "service": "SQS", "target": "other" }), None),
        (0, json!({ "service": "SNS", "target": "q" }), None),
        (0, json!({ "service": "Lambda", "target": "orders" }), Some([3; 3])),
        (0, json!({ "service": "SQS" }), None),
        (0, json!({ "target": "q" }), None),
        (0, json!({}), None),
        (0, json!({ "service": null, "target": null }), None),
        (1, json!({ "service": "SQS", "target": "q" }), None),
        (1, json!({ "service": "Lambda", "target": "orders" }), Some([2; 3])),
        (1, json!({ "service": "EventBridge" }), None),
        (2, json!({ "service": "EventBridge", "target": "any" }), Some([2; 3])),
        (2, json!({ "service": "EventBridge" }), Some([2; 3])),
    ];
    for (nth, (event, mut question, shares)) in cases.into_iter().enumerate() {
        let id = format!("r-{nth}");
        bench.event(&id, events[event].to_string().as_bytes(), &[]);
        let mut runtime = bench.runtime().await;
        runtime.next().await;
        question["invocation"] = json!(id);
        question["sends"] = json!(3);
        let answer = bench.runtime().await.ask(&question.to_string()).await.json();
        let credits: Vec<_> = answer["tokens"]
            .as_array()
            .unwrap()
            .iter()
            .map(|token| credit(token.as_str().unwrap()))
            .collect();
        let expected = shares.map_or(vec![20], Vec::from);
        assert_eq!((credits, &answer["reusable"]), (expected, &json!(shares.is_none())), "{question}");
        runtime.respond(&id, b"{}").await;
    }
}

fn credit(token: &str) -> u32 {
    Token::decode(token.as_bytes(), None).unwrap().credit.left()
}

#[tokio::test]
async fn a_question_that_makes_no_sense_is_refused() {
    let bench = Bench::new(&[]).await;
    let mut injector = bench.runtime().await;
    let cases = [
        (r#"{"invocation":null,"sends":1}"#, "404"),
        (r#"{"invocation":"other","sends":1}"#, "404"),
        (r#"{"sends":0}"#, "400"),
        (r#"{"sends":1001}"#, "400"),
        (r#"{"sends":-1}"#, "400"),
        ("[", "400"),
        ("", "400"),
    ];
    for (question, status) in cases {
        let answer = injector.ask(question).await;
        assert!(answer.request_line().contains(status), "{question}: {}", answer.head);
        assert!(answer.json()["error"].is_string());
    }
    let long = format!(r#"{{"invocation":"{}"}}"#, "x".repeat(10_000));
    assert!(bench.runtime().await.ask(&long).await.request_line().contains("400"));
}

#[tokio::test]
async fn an_invocation_that_has_ended_sends_nothing() {
    let bench = Bench::new(&[]).await;
    bench.event("r-1", b"{}", &[]);
    let mut runtime = bench.runtime().await;
    runtime.next().await;
    runtime.respond("r-1", b"{}").await;
    let answer = bench.runtime().await.ask(r#"{"invocation":"r-1","sends":1}"#).await;
    assert!(answer.request_line().contains("404"));
}

#[tokio::test]
async fn a_synchronous_callers_lineage_comes_in_the_client_context() {
    let bench = Bench::new(&[]).await;
    let context =
        json!({ "client": { "app_title": "x" }, "custom": { "hopguard": token(1), "own": "kept" } });
    let header = format!("Lambda-Runtime-Client-Context: {}", STANDARD.encode(context.to_string()));
    bench.event("r-1", b"{}", &[&header]);
    let mut runtime = bench.runtime().await;
    let got = runtime.next().await;
    let context = STANDARD.decode(got.header("Lambda-Runtime-Client-Context").unwrap()).unwrap();
    let context: serde_json::Value = serde_json::from_slice(&context).unwrap();
    assert_eq!((&context["client"]["app_title"], &context["custom"]["own"]), (&json!("x"), &json!("kept")));
    let advanced = Token::decode(context["custom"]["hopguard"].as_str().unwrap().as_bytes(), None).unwrap();
    assert_eq!(advanced.visits.of(FunctionId::from_arn(ARN)), 2);
    assert_eq!(got.body, b"{}");
}
