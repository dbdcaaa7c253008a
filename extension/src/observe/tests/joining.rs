//! What the span of an invocation says of those who sent its event.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_config::SdkConfig;
use hopguard_aws::Clients;
use hopguard_core::propagator::TraceParent;
use hopguard_core::{ChainId, FunctionId, Lineage, Settings, Token, Xray};
use opentelemetry_proto::tonic::trace::v1::Span;
use serde_json::{Value, json};

use super::rig::{ARN, Rig};
use super::sink::Sink;
use crate::admit;
use crate::call::Call;
use crate::guard::Guard;
use crate::observe::Outcome;

/// A message of a queue; its sender's span, and how often its chain has visited this function.
fn message(id: usize, sender: Option<u64>, visits: u16) -> Value {
    let mut attributes = json!({});
    if let Some(span) = sender {
        let chain = ChainId::new(0xc0ffee).unwrap();
        let id = FunctionId::from_arn(ARN);
        let lineage = (1..visits)
            .fold(Lineage::root(chain, id, 256), |lineage, _| lineage.arrive(FunctionId::from_arn(ARN), 256));
        let parent = TraceParent { trace: chain, span, flags: 1 };
        let text = |text: String| json!({ "stringValue": text, "dataType": "String" });
        attributes["traceparent"] = text(parent.to_string());
        attributes["tracestate"] = text(format!("hopguard={}", Token::new(&lineage, None)));
    }
    json!({
        "messageId": id.to_string(), "body": "x", "messageAttributes": attributes,
        "attributes": { "ApproximateReceiveCount": "1" },
        "eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:q",
    })
}

/// The span of an invocation with these messages.
async fn span(messages: &[Value]) -> Span {
    let sink = Sink::start([]).await;
    let rig = Rig::start(Some(&sink.url())).await;
    let (settings, _) = Settings::read([("HOPGUARD_ON_BLOCK", "drop"), ("HOPGUARD_TRIP", "off")]);
    let clients = Clients::from_config(SdkConfig::builder().build());
    let guard = Arc::new(Guard::new(settings, clients, Arc::clone(&rig.counters), rig.observer.clone()));
    let call = Call {
        request_id: "r-1".to_owned(),
        arn: ARN.to_owned(),
        deadline: SystemTime::now() + Duration::from_secs(5),
        xray: Xray::parse(""),
        client_context: None,
    };
    let event = json!({ "Records": messages }).to_string();
    admit::admit(&guard, &call, event.into()).await.invocation.open(&guard, &call);
    rig.end("r-1", Outcome::Answered);
    rig.shut_down().await;
    sink.spans().pop().unwrap()
}

fn links(span: &Span) -> Vec<u64> {
    let id = |bytes: &[u8]| u64::from_be_bytes(bytes.try_into().unwrap());
    span.links.iter().map(|link| id(&link.span_id)).collect()
}

fn count(span: &Span) -> String {
    let found = span.attributes.iter().find(|attribute| attribute.key == "messaging.batch.message_count");
    format!("{:?}", found.unwrap().value.as_ref().unwrap().value.as_ref().unwrap())
}

#[tokio::test]
async fn a_batch_is_linked_to_each_sender_of_a_record() {
    let messages = [(Some(1), 1), (None, 0), (Some(2), 3), (Some(1), 1)];
    let messages: Vec<_> =
        messages.into_iter().enumerate().map(|(id, (sender, visits))| message(id, sender, visits)).collect();
    let span = span(&messages).await;
    assert_eq!((links(&span), count(&span).as_str()), (vec![1, 2], "IntValue(4)"));
    // The parent is one of them: the first of the chain that the lineage is merged to.
    assert_eq!(span.parent_span_id, 1u64.to_be_bytes());
}

#[tokio::test]
async fn what_is_kept_from_the_handler_is_linked_too() {
    let looping = message(1, Some(7), 10);
    for (messages, linked, records) in [
        (vec![message(0, Some(1), 1), looping.clone()], vec![1, 7], "IntValue(2)"),
        (vec![looping], vec![7], "IntValue(1)"),
        (vec![message(0, None, 0), message(1, None, 0)], vec![], "IntValue(2)"),
    ] {
        let span = span(&messages).await;
        assert_eq!((links(&span), count(&span).as_str()), (linked, records));
    }
}

#[tokio::test]
async fn of_ten_thousand_senders_128_are_linked() {
    let messages: Vec<_> = (0..10_000).map(|id| message(id, Some(id as u64 + 1), 1)).collect();
    let span = span(&messages).await;
    assert_eq!((links(&span), count(&span).as_str()), ((1..=128).collect(), "IntValue(10000)"));
}
