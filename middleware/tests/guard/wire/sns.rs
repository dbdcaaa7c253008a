use std::collections::BTreeMap;

use aws_sdk_sns::Client;
use aws_sdk_sns::primitives::Blob;
use aws_sdk_sns::types::{MessageAttributeValue, PublishBatchRequestEntry};
use hopguard::Guard;
use hopguard::core::Counter;
use percent_encoding::percent_decode_str;

use crate::event::{PARENT, STALE};
use crate::server::{Request, Server};
use crate::wire::message::Message;
use crate::wire::{Attributes, Sent, assert_carried, aws, binary, send_both, size};

const TOPIC: &str = "arn:aws:sns:us-east-1:123456789012:orders";

fn client(server: &Server, guard: Option<Guard>) -> Client {
    let config = aws_sdk_sns::config::Builder::from(&server.sdk_config());
    let config = match guard {
        Some(guard) => config.interceptor(guard.propagator()),
        None => config,
    };
    Client::from_conf(config.build())
}

fn value(kind: &str, text: &str) -> MessageAttributeValue {
    let value = MessageAttributeValue::builder().data_type(kind);
    let value = if kind == "Binary" { value.binary_value(Blob::new(text)) } else { value.string_value(text) };
    value.build().unwrap()
}

/// The parameters of a query whose names start so, without that start, and all others.
fn fields(request: &Request, start: &str) -> (BTreeMap<String, String>, BTreeMap<String, String>) {
    let decode = |text: &str| percent_decode_str(text).decode_utf8().unwrap().into_owned();
    let pairs = request.text().split('&').filter_map(|pair| pair.split_once('='));
    let pairs = pairs.map(|(name, value)| (decode(name), decode(value)));
    let (ours, others): (Vec<_>, Vec<_>) = pairs.partition(|(name, _)| name.starts_with(start));
    let ours = ours.into_iter().map(|(name, value)| (name.replacen(start, "", 1), value)).collect();
    (ours, others.into_iter().collect())
}

/// Attributes in the query protocol: `entry.1.Name`, `entry.1.Value.DataType`, `entry.1.Value.StringValue`.
fn attributes(fields: &BTreeMap<String, String>) -> Attributes {
    let names = fields.iter().filter_map(|(field, name)| Some((field.strip_suffix(".Name")?, name)));
    let attributes = names.map(|(entry, name)| {
        let part = |part: &str| fields.get(&format!("{entry}.Value.{part}")).cloned();
        let text = part("StringValue").unwrap_or_else(|| binary(&part("BinaryValue").unwrap()));
        (name.clone(), (part("DataType").unwrap(), text))
    });
    attributes.collect()
}

#[tokio::test]
async fn a_publish_carries_what_it_has_room_for() {
    let server = Server::start(aws).await;
    let stale_state = format!("a=1,hopguard={STALE}");
    let short = "01-0af7651916cd43dd8448eb211c80319c-9-0-68fd508a:9";
    let near = 256 * 1024 - "hopguardString".len() - short.len();
    let cases = [
        ("nothing", Message::new(&[], 0, 2), Counter::Written),
        ("8 attributes", Message::new(&[], 8, 2), Counter::Written),
        ("9 attributes", Message::new(&[], 9, 2), Counter::Packed),
        ("10 attributes: an 11th would make a raw delivery fail", Message::new(&[], 10, 2), Counter::NoRoom),
        ("11 attributes", Message::new(&[], 11, 2), Counter::NoRoom),
        ("own traceparent", Message::new(&[("traceparent", PARENT)], 8, 2), Counter::Written),
        (
            "stale member",
            Message::new(&[("traceparent", PARENT), ("tracestate", &stale_state)], 2, 2),
            Counter::Replaced,
        ),
        ("stale attribute, 9 more", Message::new(&[("hopguard", STALE)], 9, 2), Counter::Packed),
        ("no bytes left", Message::new(&[], 0, 256 * 1024 - 5), Counter::NoRoom),
        ("stale, no bytes left", Message::new(&[("hopguard", short)], 0, near), Counter::NoRoom),
    ];
    for (name, message, outcome) in cases {
        let sent: Sent = send_both(&server, |guard| {
            let send = client(&server, guard).publish().topic_arn(TOPIC).subject("s").message(message.body());
            send.set_message_attributes(message.attributes(value)).send()
        })
        .await;
        assert_eq!(sent.counted, [(outcome, 1)], "{name}");
        let [plain, guarded] =
            [&sent.plain, &sent.guarded].map(|request| fields(request, "MessageAttributes."));
        assert_eq!(plain.1, guarded.1, "{name}: everything but the attributes");
        let [plain, guarded] = [plain.0, guarded.0].map(|fields| attributes(&fields));
        assert_carried(name, &plain, &guarded, outcome, &sent.lineage);
        assert!(guarded.len() <= plain.len().max(10), "{name}");
    }
}

#[tokio::test]
async fn each_entry_of_a_batch_carries_what_it_has_room_for() {
    let server = Server::start(aws).await;
    let messages = [
        (Message::new(&[], 0, 2), Counter::Written),
        (Message::new(&[], 8, 2), Counter::Written),
        (Message::new(&[], 9, 2), Counter::Packed),
        (Message::new(&[], 10, 2), Counter::NoRoom),
        (Message::new(&[("hopguard", STALE)], 9, 2), Counter::Packed),
        (Message::new(&[("hopguard", STALE)], 0, 2), Counter::Replaced),
        (Message::new(&[("traceparent", PARENT)], 8, 2), Counter::Written),
        (Message::new(&[("traceparent", PARENT)], 9, 2), Counter::NoRoom),
        // The batch has room for the one before, and no longer for these.
        (Message::new(&[], 0, 256 * 1024 - 4000), Counter::Written),
        (Message::new(&[], 1, 1825), Counter::NoRoom),
    ];
    let sent = send_both(&server, |guard| {
        let entries = messages.iter().enumerate().map(|(nth, (message, _))| {
            let entry = PublishBatchRequestEntry::builder().id(nth.to_string()).message(message.body());
            entry.set_message_attributes(message.attributes(value)).build().unwrap()
        });
        let entries = Some(entries.collect());
        client(&server, guard)
            .publish_batch()
            .topic_arn(TOPIC)
            .set_publish_batch_request_entries(entries)
            .send()
    })
    .await;
    let mut total = 0;
    for (nth, (message, outcome)) in messages.iter().enumerate() {
        let start = format!("PublishBatchRequestEntries.member.{}.MessageAttributes.", nth + 1);
        let [plain, guarded] =
            [&sent.plain, &sent.guarded].map(|request| attributes(&fields(request, &start).0));
        assert_carried(&format!("entry {nth}"), &plain, &guarded, *outcome, &sent.lineage);
        total += message.body().len() + size(&guarded);
    }
    assert!(total <= 256 * 1024, "{total}");
    let rest = |request| {
        let (_, mut rest) = fields(request, "none");
        rest.retain(|name, _| !name.contains(".MessageAttributes."));
        rest
    };
    assert_eq!(rest(&sent.plain), rest(&sent.guarded));
    assert_eq!(
        sent.counted,
        [(Counter::Written, 4), (Counter::Replaced, 1), (Counter::Packed, 2), (Counter::NoRoom, 3)]
    );
}

#[tokio::test]
async fn a_text_message_to_a_phone_is_left_alone() {
    let server = Server::start(aws).await;
    let sent = send_both(&server, |guard| {
        client(&server, guard).publish().phone_number("+4912345").message("m").send()
    })
    .await;
    assert_eq!((sent.plain, sent.counted), (sent.guarded, vec![(Counter::Unsupported, 1)]));
}
