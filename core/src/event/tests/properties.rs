use std::collections::HashMap;

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::Map;

use super::*;
use crate::lineage::Lineage;
use crate::propagator::{Outbound, Room, TraceParent, inject};

/// JSON of any shape, with a liking for the names that matter.
fn values() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        4 => prop::sample::select(vec![
            "hopguard", "traceparent", "tracestate", "aws:sqs", "aws:s3", "aws:sns", "aws:kinesis", "aws:dynamodb", "Notification", "sequencer", "AWSTraceHeader", TOKEN, PARENT,
        ]).prop_map(str::to_owned),
        1 => any::<String>(),
    ];
    let keys = prop_oneof![
        8 => prop::sample::select(vec![
            "Records", "hopguard", "traceparent", "tracestate", "messageAttributes", "attributes", "body", "messageId", "eventSource",
            "stringValue", "Sns", "Message", "MessageAttributes", "Type", "TopicArn", "Value", "s3", "object", "bucket", "name", "key",
            "detail", "detail-type", "source", "headers", "requestContext", "AWSTraceHeader", "sequencer", "kinesis", "data", "dynamodb",
            "NewImage", "OldImage", "S",
        ]).prop_map(str::to_owned),
        1 => any::<String>(),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        text.prop_map(Value::from)
    ];
    leaf.prop_recursive(6, 64, 6, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            vec((keys.clone(), inner.clone()), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>())),
            // JSON inside a string, as bodies hold it.
            inner.clone().prop_map(|value| Value::from(value.to_string())),
            // And in base64, as Kinesis data does.
            inner.prop_map(|value| Value::from(encoded::encode(value.to_string().as_bytes()))),
        ]
    })
}

/// Lineages, through the text that the grammar of a token allows.
fn lineages() -> impl Strategy<Value = Lineage> {
    (1..=u128::MAX, any::<u32>(), any::<u32>(), vec((any::<u32>(), 1..=u16::MAX), 1..=12)).prop_filter_map(
        "one function twice",
        |(chain, hop, credit, visits)| {
            let visits: Vec<_> =
                visits.into_iter().map(|(function, count)| format!("{function:08x}:{count}")).collect();
            Token::decode(format!("01-{chain:032x}-{hop}-{credit}-{}", visits.join(".")).as_bytes(), None)
                .ok()
        },
    )
}

fn batches() -> impl Strategy<Value = (Vec<Value>, Vec<bool>)> {
    vec((".{0,40}", 0..3u8, any::<bool>()), 0..12).prop_map(|records| {
        let blocked = records.iter().map(|(_, _, blocked)| *blocked).collect();
        let messages = records.into_iter().enumerate().map(|(nth, (body, kind, _))| {
            let attributes =
                [json!({}), w3c(sqs_text, TOKEN), json!({"own": sqs_text("x"), "hopguard": sqs_text(LATER)})];
            sqs_message(nth, &body, attributes[usize::from(kind)].clone())
        });
        (messages.collect(), blocked)
    })
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes: Vec<u8>) {
        let event = Reader::default().read(&bytes);
        let _ = event.without(|nth| nth % 2 == 0);
        let _ = event.advanced(|_| Token::decode(LATER.as_bytes(), None).ok().map(|lineage| Token::new(&lineage, None)));
    }

    #[test]
    fn no_json_panics(value in values()) {
        let bytes = value.to_string().into_bytes();
        let event = Reader::default().read(&bytes);
        for record in event.records() {
            prop_assert!(serde_json::from_slice::<Value>(event.json(record)).is_ok());
        }
        let later = Token::decode(LATER.as_bytes(), None).map(|lineage| Token::new(&lineage, None));
        if let Some(advanced) = event.advanced(|_| later.ok()) {
            prop_assert!(serde_json::from_slice::<Value>(&advanced).is_ok());
            prop_assert_eq!(Reader::default().read(&advanced).records().len(), event.records().len());
        }
        if let Some(same) = event.without(|_| false) {
            prop_assert_eq!(same, bytes);
        }
    }

    #[test]
    fn without_takes_out_these_and_no_others((messages, blocked) in batches(), pretty: bool) {
        let batch = sqs(messages.clone());
        let bytes = if pretty { serde_json::to_vec_pretty(&batch) } else { serde_json::to_vec(&batch) }.unwrap();
        let event = Reader::default().read(&bytes);
        prop_assert!(event.is_untouched() || event.records().len() == messages.len());
        let left = event.without(|nth| blocked[nth]).unwrap();
        let expected = sqs(messages.into_iter().zip(&blocked).filter(|(_, blocked)| !**blocked).map(|(message, _)| message));
        prop_assert_eq!(serde_json::from_slice::<Value>(&left).unwrap(), expected);
        prop_assert_eq!(event.without(|_| false).unwrap(), bytes);
    }

    #[test]
    fn what_is_injected_is_extracted(lineage in lineages(), own in 0..=9usize, body in ".{0,40}", sign: bool) {
        let keys = SigningKeys::parse("0123456789abcdef").unwrap();
        let keys = sign.then_some(keys);
        let parent = TraceParent { trace: lineage.chain, span: 7, flags: 1 };
        let outbound = Outbound { token: Token::new(&lineage, keys.as_ref()), parent, others: "vendor=x" };
        let mut attributes: HashMap<String, String> = (0..own).map(|nth| (format!("own{nth}"), "x".to_owned())).collect();
        inject(&mut attributes, Room { slots: 10 - own, bytes: 10_000, overhead: 6 }, &outbound);

        let as_sent = |text: fn(&str) -> Value| -> Value { attributes.iter().map(|(name, value)| (name.clone(), text(value))).collect::<Map<_, _>>().into() };
        let wrapped = notification(&body, Some(as_sent(sns_text))).to_string();
        let state = format!("hopguard={}", outbound.token);
        let written = field::write(br#"{"order":1}"#, &parent.to_string(), &state).unwrap();
        let payload: Value = serde_json::from_slice(&written).unwrap();
        let reader = Reader::new(keys);
        for event in [
            sqs([sqs_message(1, &body, as_sent(sqs_text))]),
            sns(&body, Some(as_sent(sns_text))),
            sqs([sqs_message(1, &wrapped, json!({}))]),
            event_bridge(payload.clone()),
            batch([kinesis(1, &written)]),
            batch([dynamodb(1, None, Some(json!({"S": outbound.token.as_str()})))]),
            batch([dynamodb(1, None, Some(json!({"S": format!("{} {parent}", outbound.token)})))]),
            payload,
        ] {
            let bytes = event.to_string();
            let event = reader.read(bytes.as_bytes());
            prop_assert_eq!(event.records().len(), 1);
            prop_assert_eq!(event.records()[0].inbound.lineage, Some(lineage));
        }
    }
}
