use aws_sdk_sqs::Client;
use aws_sdk_sqs::primitives::Blob;
use aws_sdk_sqs::types::{MessageAttributeValue, SendMessageBatchRequestEntry};
use hopguard::Guard;
use hopguard::core::{Counter, Lineage};
use serde_json::Value;

use crate::event::{PARENT, STALE};
use crate::server::{Request, Server};
use crate::wire::message::Message;
use crate::wire::{Attributes, Sent, assert_carried, aws, binary, send_both, size};

const MIB: usize = 1024 * 1024;

pub fn client(server: &Server, guard: Option<Guard>) -> Client {
    let config = aws_sdk_sqs::config::Builder::from(&server.sdk_config());
    let config = match guard {
        Some(guard) => config.interceptor(guard.propagator()),
        None => config,
    };
    Client::from_conf(config.build())
}

fn value(kind: &str, text: &str) -> MessageAttributeValue {
    let value = MessageAttributeValue::builder().data_type(kind);
    let value = if kind.starts_with("Binary") {
        value.binary_value(Blob::new(text))
    } else {
        value.string_value(text)
    };
    value.build().unwrap()
}

/// Attributes of one message, and everything else in it.
fn split(mut message: Value) -> (Attributes, Value) {
    let attributes = message.as_object_mut().unwrap().remove("MessageAttributes").unwrap_or_default();
    let text = |value: &Value| match value["StringValue"].as_str() {
        Some(text) => text.to_owned(),
        None => binary(value["BinaryValue"].as_str().unwrap()),
    };
    let attributes = attributes.as_object().into_iter().flatten();
    let attributes = attributes
        .map(|(name, value)| (name.clone(), (value["DataType"].as_str().unwrap().to_owned(), text(value))));
    (attributes.collect(), message)
}

/// The attributes of a SendMessage.
pub fn attributes_of(request: &Request) -> Attributes {
    split(serde_json::from_slice(&request.body).unwrap()).0
}

fn headers(request: &Request) -> Request {
    let mut request = Request { body: Vec::new(), ..request.clone() };
    request.headers.remove("content-length");
    request
}

async fn send(server: &Server, message: &Message) -> Sent {
    send_both(server, |guard| {
        let send =
            client(server, guard).send_message().queue_url("http://q/1/q").message_body(message.body());
        send.set_message_attributes(message.attributes(value)).send()
    })
    .await
}

/// Asserts one message, and returns how many bytes it grew by.
fn check(name: &str, sent: &Sent, outcome: Counter) -> usize {
    assert_eq!(sent.counted, [(outcome, 1)], "{name}");
    assert_eq!(headers(&sent.plain), headers(&sent.guarded), "{name}");
    let [plain, guarded] =
        [&sent.plain, &sent.guarded].map(|request| split(serde_json::from_slice(&request.body).unwrap()));
    assert_eq!(plain.1, guarded.1, "{name}: everything but the attributes");
    assert_carried(name, &plain.0, &guarded.0, outcome, &sent.lineage);
    assert!(guarded.0.len() <= 10.max(plain.0.len()), "{name}");
    size(&guarded.0).saturating_sub(size(&plain.0))
}

#[tokio::test]
async fn a_message_carries_what_it_has_room_for() {
    let server = Server::start(aws).await;
    let stale_state = format!("a=1,hopguard={STALE},b=2");
    let own = [("traceparent", PARENT), ("tracestate", "a=1,b=2")];
    let cases = [
        ("nothing", Message::new(&[], 0, 2), Counter::Written),
        ("8 attributes", Message::new(&[], 8, 2), Counter::Written),
        ("9 attributes", Message::new(&[], 9, 2), Counter::Packed),
        ("10 attributes", Message::new(&[], 10, 2), Counter::NoRoom),
        ("own traceparent", Message::new(&own[..1], 0, 2), Counter::Written),
        ("own traceparent, 9 more", Message::new(&own[..1], 9, 2), Counter::NoRoom),
        ("own traceparent and tracestate", Message::new(&own, 3, 2), Counter::Written),
        ("own traceparent and tracestate, 8 more", Message::new(&own, 8, 2), Counter::Written),
        ("a broken traceparent", Message::new(&[("traceparent", "mine")], 0, 2), Counter::Written),
        ("stale attribute", Message::new(&[("hopguard", STALE)], 0, 2), Counter::Replaced),
        ("stale attribute, 9 more", Message::new(&[("hopguard", STALE)], 9, 2), Counter::Packed),
        ("stale member", Message::new(&[own[0], ("tracestate", &stale_state)], 8, 2), Counter::Replaced),
        ("own, binary", Message::new(&own, 3, 2).of_kind("Binary"), Counter::Written),
        ("stale, binary", Message::new(&[("hopguard", STALE)], 3, 2).of_kind("Binary"), Counter::Replaced),
        (
            "stale member, binary",
            Message::new(&[own[0], ("tracestate", &stale_state)], 8, 2).of_kind("Binary"),
            Counter::Replaced,
        ),
        (
            "stale, of a custom type",
            Message::new(&[("hopguard", STALE)], 9, 2).of_kind("String.token"),
            Counter::Packed,
        ),
        (
            "stale member without a parent, 9 more",
            Message::new(&[("tracestate", &stale_state)], 9, 2),
            Counter::Replaced,
        ),
    ];
    for (name, message, outcome) in cases {
        check(name, &send(&server, &message).await, outcome);
    }
}

#[tokio::test]
async fn a_message_is_never_pushed_over_a_limit() {
    let server = Server::start(aws).await;
    let written = check("free", &send(&server, &Message::new(&[], 0, 2)).await, Counter::Written);
    let packed = check("packed", &send(&server, &Message::new(&[], 9, 2)).await, Counter::Packed);
    for limit in [MIB / 4, MIB] {
        let cases = [
            (limit - written, Counter::Written),
            (limit - written + 1, Counter::Packed),
            (limit - packed, Counter::Packed),
            (limit - packed + 1, Counter::NoRoom),
            (limit - 1, Counter::NoRoom),
            (limit, Counter::NoRoom),
        ];
        for (body, outcome) in cases {
            check(&body.to_string(), &send(&server, &Message::new(&[], 0, body)).await, outcome);
        }
    }
    // A stale token goes, even where nothing fits in its place.
    let short = "01-0af7651916cd43dd8448eb211c80319c-9-0-68fd508a:9";
    let stale = Message::new(&[("hopguard", short)], 0, MIB - "hopguardString".len() - short.len());
    check("stale at the limit", &send(&server, &stale).await, Counter::NoRoom);
}

fn entry(nth: usize, message: &Message) -> SendMessageBatchRequestEntry {
    let entry = SendMessageBatchRequestEntry::builder().id(nth.to_string()).message_body(message.body());
    entry.set_message_attributes(message.attributes(value)).build().unwrap()
}

async fn send_batch(
    server: &Server,
    messages: &[Message],
) -> (Vec<(Attributes, Value)>, Vec<(Attributes, Value)>, Sent) {
    let sent = send_both(server, |guard| {
        let entries = messages.iter().enumerate().map(|(nth, message)| entry(nth, message)).collect();
        client(server, guard).send_message_batch().queue_url("http://q/1/q").set_entries(Some(entries)).send()
    })
    .await;
    let entries = |request: &Request| -> Vec<(Attributes, Value)> {
        let batch: Value = serde_json::from_slice(&request.body).unwrap();
        batch["Entries"].as_array().unwrap().iter().cloned().map(split).collect()
    };
    (entries(&sent.plain), entries(&sent.guarded), sent)
}

fn check_entry(
    name: &str,
    plain: &(Attributes, Value),
    guarded: &(Attributes, Value),
    outcome: Counter,
    lineage: &Lineage,
) {
    assert_eq!(plain.1, guarded.1, "{name}: everything but the attributes");
    assert_carried(name, &plain.0, &guarded.0, outcome, lineage);
}

#[tokio::test]
async fn each_entry_of_a_batch_carries_what_it_has_room_for() {
    let server = Server::start(aws).await;
    let stale_state = format!("hopguard={STALE},a=1");
    let messages = [
        (Message::new(&[], 0, 2), Counter::Written),
        (Message::new(&[], 10, 2), Counter::NoRoom),
        (Message::new(&[], 9, 2), Counter::Packed),
        (Message::new(&[], 8, 2), Counter::Written),
        (Message::new(&[("traceparent", PARENT)], 9, 2), Counter::NoRoom),
        (Message::new(&[("traceparent", PARENT), ("tracestate", "a=1")], 8, 2), Counter::Written),
        (Message::new(&[("hopguard", STALE)], 9, 2), Counter::Packed),
        (Message::new(&[("hopguard", STALE)], 2, 2), Counter::Replaced),
        (Message::new(&[("tracestate", &stale_state)], 9, 2), Counter::Replaced),
        (Message::new(&[], 1, 2000), Counter::Written),
    ];
    let (plain, guarded, sent) = send_batch(&server, &messages.clone().map(|(message, _)| message)).await;
    let counted = [(Counter::Written, 4), (Counter::Replaced, 2), (Counter::Packed, 2), (Counter::NoRoom, 2)];
    assert_eq!(sent.counted, counted);
    assert_eq!((plain.len(), guarded.len()), (10, 10));
    for (nth, (_, outcome)) in messages.iter().enumerate() {
        check_entry(&format!("entry {nth}"), &plain[nth], &guarded[nth], *outcome, &sent.lineage);
    }
}

#[tokio::test]
async fn a_batch_is_never_pushed_over_the_limit_that_its_entries_share() {
    let server = Server::start(aws).await;
    let written = check("free", &send(&server, &Message::new(&[], 0, 2)).await, Counter::Written);
    for limit in [MIB / 4, MIB] {
        // Room for three of ten, and a few bytes.
        let body = (limit - 3 * written - 20) / 10;
        let (plain, guarded, sent) = send_batch(&server, &vec![Message::new(&[], 0, body); 10]).await;
        assert_eq!(sent.counted, [(Counter::Written, 3), (Counter::NoRoom, 7)], "{limit}");
        let total: usize = guarded.iter().map(|(attributes, _)| size(attributes) + body).sum();
        assert!(total <= limit, "{total}");
        for (nth, (plain, guarded)) in plain.iter().zip(&guarded).enumerate() {
            let outcome = if nth < 3 { Counter::Written } else { Counter::NoRoom };
            check_entry(&format!("entry {nth}"), plain, guarded, outcome, &sent.lineage);
        }
    }
}

#[tokio::test]
async fn a_send_outside_of_any_scope_is_unchanged_and_counted() {
    let server = Server::start(aws).await;
    let guard = Guard::default();
    let message = Message::new(&[("hopguard", STALE)], 2, 9);
    for guard in [None, Some(guard.clone())] {
        let send =
            client(&server, guard).send_message().queue_url("http://q/1/q").message_body(message.body());
        send.set_message_attributes(message.attributes(value)).send().await.unwrap();
    }
    let [plain, guarded] = <[Request; 2]>::try_from(server.take()).unwrap().map(Request::stable);
    assert_eq!(headers(&plain), headers(&guarded));
    let json = |request: &Request| serde_json::from_slice::<Value>(&request.body).unwrap();
    assert_eq!(json(&plain), json(&guarded));
    assert_eq!(guard.counters().snapshot(), [(Counter::NoScope, 1)]);
}

#[tokio::test]
async fn a_call_that_carries_nothing_is_not_counted() {
    let server = Server::start(aws).await;
    let sent = send_both(&server, |guard| {
        client(&server, guard).delete_message().queue_url("http://q/1/q").receipt_handle("r").send()
    })
    .await;
    assert_eq!((sent.plain, sent.counted), (sent.guarded, vec![]));
}
