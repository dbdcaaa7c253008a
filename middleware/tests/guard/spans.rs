//! What tracing-opentelemetry makes of the guard's spans, with a subscriber of this thread alone.

use aws_lambda_events::sqs::{SqsEvent, SqsMessage};
use hopguard::Guard;
use hopguard::core::propagator::TraceParent;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use opentelemetry::trace::{SpanId, SpanKind};
use opentelemetry_sdk::trace::SpanData;
use serde_json::json;
use tracing::Instrument as _;

use crate::event::{ARN, attributes, chain, looping, message, parent, sqs, sqs_of};
use crate::invocation::{invoke, within};
use crate::server::Server;
use crate::traced::{Traced, attribute, ids, links, named, number};
use crate::wire::sqs::{attributes_of, client};
use crate::wire::{aws, lineage_in};

#[tokio::test]
async fn an_invocation_and_its_records_have_spans_that_link_to_their_senders() {
    let traced = Traced::start();
    let guard = Guard::default();
    let senders = [parent(0xa1, 0xb1), parent(0xa2, 0xb2)];
    let lineages = [looping(0xc1, 1), looping(0xc2, 4)];
    let carried = (0..2).map(|nth| message(&format!("m{nth}"), "", attributes(&lineages[nth], senders[nth])));
    let event = sqs(carried.chain([message("m2", "", json!({}))]));
    let handler = service_fn(async |event: LambdaEvent<SqsEvent>| {
        Ok::<_, Error>(guard.each(event.payload.records, async |_: SqsMessage| Ok::<_, Error>(())).await)
    });
    invoke(guard.wrap(handler), &event).await.unwrap();

    let spans = traced.spans();
    let [invocation] = named(&spans, "sqs process")[..] else { panic!("{spans:#?}") };
    assert_eq!(invocation.span_kind, SpanKind::Consumer);
    assert_eq!(links(invocation), senders.map(ids));
    let expected = [
        ("faas.trigger", "pubsub"),
        ("faas.invocation_id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd"),
        ("faas.name", "orders"),
        ("cloud.resource_id", ARN),
        ("messaging.system", "aws_sqs"),
        ("messaging.operation.type", "process"),
        ("hopguard.chain", "000000000000000000000000000000c2"),
    ];
    for (name, value) in expected {
        assert_eq!(attribute(invocation, name).as_deref(), Some(value), "{name}");
    }
    for (name, value) in [("messaging.batch.message_count", 3), ("hopguard.hop", 4), ("hopguard.visits", 5)] {
        assert_eq!(number(invocation, name), Some(value), "{name}");
    }
    // The highest hop is the second sender's.
    let (trace, parent) = ids(senders[1]);
    assert_eq!((invocation.span_context.trace_id(), invocation.parent_span_id), (trace, parent));

    let mut records = named(&spans, "record");
    records.sort_by_key(|record| attribute(record, "messaging.message.id"));
    assert_eq!(records.len(), 3);
    for (nth, record) in records.iter().enumerate() {
        assert_eq!(record.parent_span_id, invocation.span_context.span_id());
        assert_eq!(record.span_context.trace_id(), invocation.span_context.trace_id());
        assert_eq!(record.span_kind, SpanKind::Consumer);
        assert_eq!(attribute(record, "messaging.message.id"), Some(format!("m{nth}")));
        let sender = senders.get(nth).map(|sender| ids(*sender));
        assert_eq!(links(record), sender.into_iter().collect::<Vec<_>>(), "record {nth}");
        let hop = lineages.get(nth).map_or(0, |lineage| lineage.hop + 1);
        assert_eq!(number(record, "hopguard.hop"), Some(hop.into()));
    }
}

#[tokio::test]
async fn what_a_handler_opens_is_inside_of_the_invocation() {
    let traced = Traced::start();
    let work = || async {
        tracing::info_span!("before").in_scope(|| ());
        tokio::task::yield_now().await;
        async { tokio::task::yield_now().await }.instrument(tracing::info_span!("after")).await;
    };
    within(&Guard::default(), "{}", work).await;
    let spans = traced.spans();
    let [invocation] = named(&spans, "invoke process")[..] else { panic!("{spans:#?}") };
    for name in ["before", "after"] {
        assert_eq!(named(&spans, name)[0].parent_span_id, invocation.span_context.span_id(), "{name}");
    }
    assert!(links(invocation).is_empty());
    assert_eq!(attribute(invocation, "faas.trigger").as_deref(), Some("other"));
}

#[tokio::test]
async fn a_large_batch_has_as_many_links_as_a_span_may_have() {
    let traced = Traced::start();
    let messages = (1..=200)
        .map(|nth| message(&nth.to_string(), "", attributes(&looping(nth.into(), 1), parent(1, nth))));
    within(&Guard::default(), &sqs(messages), || async {}).await;
    let spans = traced.spans();
    let links = links(named(&spans, "sqs process")[0]);
    assert_eq!((links.len(), links[127].1), (128, SpanId::from(128)));
}

/// Sends a message in a scope that descends from `sent_by`, inside of a span named `work`; returns its `traceparent`.
async fn send(sent_by: TraceParent) -> (TraceParent, String) {
    let server = Server::start(aws).await;
    let guard = Guard::default();
    let client = client(&server, Some(guard.clone()));
    let event = sqs([message("m", "", attributes(&looping(5, 1), sent_by))]);
    let send = || {
        let send = client.send_message().queue_url("http://q/1/q").message_body("m").send();
        async { send.await.unwrap() }.instrument(tracing::info_span!("work"))
    };
    within(&guard, &event, send).await;
    let attributes = attributes_of(&server.take()[0]);
    assert_eq!(
        lineage_in(&attributes).unwrap().chain,
        chain(5),
        "the chain is the token's, whatever the trace"
    );
    let text = |name: &str| attributes[name].1.clone();
    (TraceParent::parse(&text("traceparent")).unwrap(), text("tracestate"))
}

#[tokio::test]
async fn a_send_names_its_calls_span_as_its_parent() {
    let traced = Traced::start();
    let (parent, state) = send(parent(0xa1, 0xb1)).await;
    let spans = traced.spans();
    let by_id = |id: SpanId| spans.iter().find(|span| span.span_context.span_id() == id);
    let current = by_id(ids(parent).1).expect("a span of ours");
    assert_eq!(current.name, "SQS.SendMessage");
    // The SDK opens spans of its own inside of the user's.
    let mut outwards = std::iter::successors(Some(current), |span| by_id(span.parent_span_id));
    assert!(outwards.any(|span| span.name == "work"), "{}", current.name);
    assert_eq!((current.span_context.trace_id(), parent.flags), (ids(parent).0, 1));
    assert!(!state.contains("vendor="), "the inbound members belong to another span: {state}");
}

#[tokio::test]
async fn without_a_tracing_sdk_a_send_passes_its_senders_span_on() {
    let inbound = parent(0xa1, 0xb1);
    let (parent, state) = send(inbound).await;
    assert_eq!(parent, inbound);
    assert!(state.ends_with(",vendor=a"), "{state}");
}

#[tokio::test]
async fn two_invocations_at_once_have_spans_of_their_own() {
    let traced = Traced::start();
    let guard = Guard::default();
    let both = tokio::sync::Barrier::new(2);
    let run = async |bits: u128| {
        let work = || async {
            both.wait().await;
            let span = tracing::info_span!("work", bits = u64::try_from(bits).unwrap());
            async { both.wait().await }.instrument(span).await;
        };
        within(&guard, &sqs_of(&looping(bits, 1)), work).await;
    };
    tokio::join!(run(1), run(2));
    let spans = traced.spans();
    for invocation in named(&spans, "sqs process") {
        let of_it = |work: &&&SpanData| work.parent_span_id == invocation.span_context.span_id();
        let work = named(&spans, "work");
        let work: Vec<_> = work.iter().filter(of_it).collect();
        let bits = attribute(work[0], "bits").unwrap();
        assert_eq!((work.len(), attribute(invocation, "hopguard.chain")), (1, Some(format!("{bits:0>32}"))));
    }
}
