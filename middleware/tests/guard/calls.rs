//! The spans of calls: of every call, with its attempts and its end, and what an invocation's calls say of its waiting.

use std::time::Duration;

use aws_sdk_lambda::primitives::Blob;
use aws_sdk_sqs::config::timeout::TimeoutConfig;
use hopguard::{Guard, InLineage as _};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use opentelemetry::trace::{SpanKind, Status};
use opentelemetry_sdk::trace::SpanData;
use serde_json::Value;

use crate::event::{attributes, looping, message, parent, sqs};
use crate::invocation::{invoke, within};
use crate::server::{Request, Response, Server};
use crate::traced::{Traced, attribute, ids, links, named, number};
use crate::wire::aws;
use crate::wire::sqs::client;

/// The guard's spans of this name: the SDK has one of the same name, of its own inside.
fn calls<'s>(spans: &'s [SpanData], name: &str) -> Vec<&'s SpanData> {
    named(spans, name).into_iter().filter(|span| span.span_kind == SpanKind::Client).collect()
}

/// Of the events of a span: their names, with two of their attributes.
fn attempts(span: &SpanData) -> Vec<(Option<i64>, Option<String>)> {
    let of = |event: &opentelemetry::trace::Event| {
        assert_eq!(event.name, "attempt");
        assert!(
            event.timestamp >= span.start_time && event.timestamp <= span.end_time,
            "{:?} in {:?} to {:?}",
            event.timestamp,
            span.start_time,
            span.end_time
        );
        let find = |name: &str| event.attributes.iter().find(|attribute| attribute.key.as_str() == name);
        let took: i64 = find("hopguard.attempt_ns").unwrap().value.to_string().parse().unwrap();
        assert!(took > 0);
        let status =
            find("http.response.status_code").map(|status| status.value.to_string().parse().unwrap());
        (status, find("error.type").map(|error| error.value.to_string()))
    };
    span.events.iter().map(of).collect()
}

/// Sends one message from a guarded invocation, and gives the spans.
async fn send(server: &Server) -> Vec<SpanData> {
    let traced = Traced::start();
    let guard = Guard::default();
    let client = client(server, Some(guard.clone()));
    within(&guard, "{}", || async {
        let _ = client.send_message().queue_url("http://q/1/orders").message_body("m").send().await;
    })
    .await;
    traced.spans()
}

#[tokio::test]
async fn a_call_says_what_it_was_and_belongs_to_its_invocation() {
    let spans = send(&Server::start(aws).await).await;
    let [invocation] = named(&spans, "invoke process")[..] else { panic!() };
    let [call] = calls(&spans, "SQS.SendMessage")[..] else { panic!() };
    let mut outwards = std::iter::successors(Some(call), |span| {
        spans.iter().find(|outer| outer.span_context.span_id() == span.parent_span_id)
    });
    assert!(outwards.any(|span| span.name == invocation.name));
    assert_eq!((&call.span_kind, &call.status), (&SpanKind::Client, &Status::Unset));
    for (name, expected) in [
        ("rpc.system", Some("aws-api")),
        ("rpc.service", Some("SQS")),
        ("rpc.method", Some("SendMessage")),
        ("faas.invocation_id", Some("8476a536-e9f4-11e8-9739-2dfe598c3fcd")),
        ("messaging.system", Some("aws_sqs")),
        ("messaging.destination.name", Some("orders")),
        ("error.type", None),
        ("faas.trigger", None),
    ] {
        assert_eq!(attribute(call, name).as_deref(), expected, "{name}");
    }
    assert_eq!(number(call, "http.response.status_code"), Some(200));
    assert_eq!(number(call, "http.request.resend_count"), None);
    assert_eq!(attempts(call), [(Some(200), None)]);
    assert!(call.start_time >= invocation.start_time && call.end_time <= invocation.end_time);
}

#[tokio::test]
async fn every_attempt_is_told_of() {
    let busy = std::sync::atomic::AtomicU32::new(1);
    let server = Server::start(move |request: &Request| {
        let is_busy = busy.fetch_update(
            std::sync::atomic::Ordering::SeqCst,
            std::sync::atomic::Ordering::SeqCst,
            |left| left.checked_sub(1),
        );
        match is_busy {
            Ok(_) => Some(Response::new(503, r#"{"__type":"com.amazonaws.sqs#RequestThrottled"}"#)),
            Err(_) => aws(request),
        }
    })
    .await;
    let spans = send(&server).await;
    let call = calls(&spans, "SQS.SendMessage")[0];
    assert_eq!(number(call, "http.request.resend_count"), Some(1));
    assert_eq!(attempts(call), [(Some(503), Some("RequestThrottled".to_owned())), (Some(200), None)]);
    let invocation = named(&spans, "invoke process")[0];
    assert_eq!(
        (number(invocation, "hopguard.calls"), number(invocation, "hopguard.retries")),
        (Some(1), Some(1))
    );
}

#[tokio::test]
async fn a_call_that_fails_says_why() {
    let missing = r#"{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"none"}"#;
    let spans = send(&Server::start(move |_: &Request| Some(Response::new(400, missing))).await).await;
    let call = calls(&spans, "SQS.SendMessage")[0];
    assert_eq!(attribute(call, "error.type").as_deref(), Some("QueueDoesNotExist"));
    assert_eq!(number(call, "http.response.status_code"), Some(400));
    assert!(matches!(call.status, Status::Error { .. }));
}

#[tokio::test]
async fn a_call_that_nobody_answers_or_waits_for_ends_when_it_is_over() {
    let traced = Traced::start();
    let server = Server::start(|_: &Request| None).await;
    let guard = Guard::default();
    let patient = client(&server, Some(guard.clone()));
    let timeouts = TimeoutConfig::builder().operation_timeout(Duration::from_millis(50)).build();
    let config = patient.config().to_builder().timeout_config(timeouts).build();
    let impatient = aws_sdk_sqs::Client::from_conf(config);
    within(&guard, "{}", || async {
        let _ = impatient.send_message().queue_url("http://q/1/q").message_body("m").send().await;
        let dropped = patient.receive_message().queue_url("http://q/1/q").send();
        let _ = tokio::time::timeout(Duration::from_millis(50), dropped).await;
        tracing::info_span!("after").in_scope(|| ());
    })
    .await;
    let spans = traced.spans();
    let call = calls(&spans, "SQS.SendMessage")[0];
    assert_eq!(attribute(call, "error.type").as_deref(), Some("timeout"));
    assert_eq!(attempts(call), [(None, Some("timeout".to_owned()))]);
    let call = calls(&spans, "SQS.ReceiveMessage")[0];
    assert_eq!(attribute(call, "error.type").as_deref(), Some("cancelled"));
    assert!(call.end_time <= named(&spans, "after")[0].start_time, "its span outlived it");
    let invocation = named(&spans, "invoke process")[0];
    let took = invocation.end_time.duration_since(invocation.start_time).unwrap().as_nanos();
    let wait = number(invocation, "hopguard.wait_ns").unwrap();
    assert!(wait > 50_000_000 && u128::try_from(wait).unwrap() <= took, "{wait} of {took}");
    // What tracing-opentelemetry measures itself.
    assert!(number(invocation, "busy_ns").is_some() && number(invocation, "idle_ns").is_some());
}

/// Two invokes, one after the other, where the second has `second` as its payload; the spans.
async fn two_invokes(second: &'static str) -> Vec<SpanData> {
    let traced = Traced::start();
    let server = Server::start(|_: &Request| Some(Response::new(200, r#"{"order":"order-17"}"#))).await;
    let guard = Guard::default();
    let config = aws_sdk_lambda::config::Builder::from(&server.sdk_config());
    let client = aws_sdk_lambda::Client::from_conf(config.interceptor(guard.propagator()).build());
    within(&guard, "{}", || async {
        for (function, payload) in [("price:live", r#"{"cart":"cart-17"}"#), ("invoice", second)] {
            client.invoke().function_name(function).payload(Blob::new(payload)).send().await.unwrap();
        }
    })
    .await;
    traced.spans()
}

#[tokio::test]
async fn a_call_links_to_the_one_whose_output_it_shows() {
    let spans = two_invokes(r#"{"order":"order-17"}"#).await;
    let [first, second] = calls(&spans, "Lambda.Invoke")[..] else { panic!() };
    assert_eq!(attribute(first, "faas.invoked_name").as_deref(), Some("price"));
    assert_eq!(attribute(first, "hopguard.invocation_type").as_deref(), Some("RequestResponse"));
    assert!(links(first).is_empty());
    assert_eq!(links(second), [(first.span_context.trace_id(), first.span_context.span_id())]);
    let relation = &second.links[0].attributes[0];
    assert_eq!(
        (relation.key.as_str(), relation.value.as_str().as_ref()),
        ("hopguard.relation", "depends_on")
    );
    let invocation = named(&spans, "invoke process")[0];
    assert_eq!(number(invocation, "hopguard.saving_ns"), Some(0));
    let sync = number(invocation, "hopguard.sync_invoke_ns").unwrap();
    assert!(sync > 0 && Some(sync) == number(invocation, "hopguard.wait_ns"));
}

#[tokio::test]
async fn calls_that_need_nothing_of_each_other_could_run_together() {
    // The cart is no output: the first call had it from its caller.
    for unrelated in [r#"{"cart":"cart-17"}"#, r#"{"order":"order-18"}"#] {
        let spans = two_invokes(unrelated).await;
        assert!(calls(&spans, "Lambda.Invoke").iter().all(|call| call.links.iter().len() == 0));
        let invocation = named(&spans, "invoke process")[0];
        assert!(number(invocation, "hopguard.saving_ns") > Some(0), "{unrelated}");
    }
}

#[tokio::test]
async fn a_client_of_any_service_will_do_and_calls_that_carry_nothing_too() {
    let traced = Traced::start();
    let server =
        Server::start(|_: &Request| Some(Response::new(404, "<Error><Code>NoSuchKey</Code></Error>"))).await;
    let guard = Guard::default();
    let config = aws_sdk_s3::config::Builder::from(&server.sdk_config()).force_path_style(true);
    let client = aws_sdk_s3::Client::from_conf(config.interceptor(guard.propagator()).build());
    let get = || client.get_object().bucket("carts").key("17").send();
    within(&guard, "{}", || async { get().await.unwrap_err() }).await;
    get().await.unwrap_err();
    let spans = traced.spans();
    let [inside, outside] = calls(&spans, "S3.GetObject")[..] else { panic!() };
    for call in [inside, outside] {
        assert_eq!(attribute(call, "aws.s3.bucket").as_deref(), Some("carts"));
        assert_eq!(attribute(call, "error.type").as_deref(), Some("NoSuchKey"));
    }
    assert_eq!(attribute(outside, "faas.invocation_id"), None);
}

#[tokio::test]
async fn spawned_work_that_keeps_its_lineage_keeps_its_place_in_the_trace() {
    let traced = Traced::start();
    let server = Server::start(aws).await;
    let guard = Guard::default();
    let client = client(&server, Some(guard.clone()));
    within(&guard, "{}", || {
        let send = client.send_message().queue_url("http://q/1/q").message_body("m").send();
        async { drop(tokio::spawn(send.in_lineage()).await.unwrap()) }
    })
    .await;
    let spans = traced.spans();
    let invocation = named(&spans, "invoke process")[0];
    let call = calls(&spans, "SQS.SendMessage")[0];
    assert_eq!(call.span_context.trace_id(), invocation.span_context.trace_id());
}

#[tokio::test]
async fn the_first_invocation_is_a_cold_start_and_a_failure_has_a_type() {
    let traced = Traced::start();
    let guard = Guard::default();
    let sender = parent(0xa1, 0xb1);
    let event = sqs([message("m", "", attributes(&looping(5, 1), sender))]);
    let handler = service_fn(async |_: LambdaEvent<Value>| Err::<(), Error>("no".into()));
    assert!(invoke(guard.wrap(handler), &event).await.is_err());
    within(&guard, r#"{"routeKey":"GET /orders/{id}","headers":{},"requestContext":{}}"#, || async {}).await;
    let spans = traced.spans();
    let [cold] = named(&spans, "sqs process")[..] else { panic!() };
    let [warm] = named(&spans, "http process")[..] else { panic!() };
    assert_eq!(
        (attribute(cold, "faas.coldstart"), attribute(warm, "faas.coldstart")),
        (Some("true".to_owned()), Some("false".to_owned()))
    );
    assert!(number(cold, "hopguard.init_ns").is_some() && number(warm, "hopguard.init_ns").is_none());
    assert!(attribute(cold, "error.type").is_some() && matches!(cold.status, Status::Error { .. }));
    assert_eq!(
        (attribute(warm, "error.type"), &warm.status, &warm.span_kind),
        (None, &Status::Unset, &SpanKind::Server)
    );
    assert_eq!(attribute(warm, "hopguard.route").as_deref(), Some("GET /orders/{id}"));
    assert_eq!(number(warm, "hopguard.calls"), Some(0));
    assert_eq!((cold.span_context.trace_id(), cold.parent_span_id), ids(sender));
}

#[tokio::test]
async fn an_invocation_that_is_dropped_ends_then() {
    let traced = Traced::start();
    let guard = Guard::default();
    let endless = within(&guard, "{}", std::future::pending::<()>);
    tokio::time::timeout(Duration::from_millis(10), endless).await.unwrap_err();
    let spans = traced.spans();
    assert_eq!(attribute(named(&spans, "invoke process")[0], "error.type").as_deref(), Some("cancelled"));
}
