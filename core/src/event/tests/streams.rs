//! Kinesis and DynamoDB Streams, and what Step Functions hands over.

use super::*;
use crate::token::Rejected;

fn field_of(token: &str) -> Value {
    json!({"traceparent": PARENT, "tracestate": format!("hopguard={token},vendor=x")})
}

#[test]
fn kinesis_data_that_is_one_object_is_read_wherever_our_name_falls_in_base64() {
    for lead in 0..6 {
        for (value, parent) in [(field_of(TOKEN), Some(PARENT)), (TOKEN.into(), None)] {
            let data = json!({"a": "x".repeat(lead), "hopguard": value, "z": 1}).to_string();
            for data in [format!("{data}\n"), format!(" {data}")] {
                let records = read(&batch([kinesis(7, data.as_bytes())]));
                let [record] = &records[..] else { panic!("{data}") };
                assert_eq!(record.source, Source::Kinesis);
                assert_eq!(record.inbound.lineage.map(|lineage| lineage.hop), Some(3), "{data}");
                assert_eq!(
                    record.inbound.parent.map(|parent| parent.to_string()).as_deref(),
                    parent,
                    "{data}"
                );
                assert_eq!(record.inbound.rejected, None, "{data}");
                assert_eq!(
                    record.id.as_deref(),
                    Some("49568167373333333333333333333333333333333333333333330007")
                );
                assert_eq!(
                    record.origin.as_deref(),
                    Some("arn:aws:kinesis:eu-central-1:123456789012:stream/orders")
                );
            }
        }
    }
}

#[test]
fn other_kinesis_data_has_no_lineage() {
    let object = format!(r#"{{"hopguard":"{TOKEN}"}}"#);
    let aggregated = [b"\xf3\x89\x9a\xc2", object.as_bytes(), &[0; 16]].concat();
    let cases: [(&str, Vec<u8>); 8] = [
        ("two objects", format!("{object}\n{object}").into_bytes()),
        ("an array", format!("[{object}]").into_bytes()),
        ("cut off", object.as_bytes()[..object.len() - 1].to_vec()),
        ("one level too deep", format!(r#"{{"order":{object}}}"#).into_bytes()),
        ("a text that speaks of it", format!(r#"{{"text":"\"hopguard\":\"{TOKEN}\""}}"#).into_bytes()),
        ("text", b"hopguard".to_vec()),
        ("an aggregated record", aggregated),
        ("nothing", vec![]),
    ];
    for (name, data) in cases {
        for record in read(&batch([kinesis(1, &data)])) {
            assert!(record.inbound.is_empty(), "{name}: {:?}", record.inbound);
        }
    }
    let mut not_encoded = kinesis(1, b"");
    not_encoded["kinesis"]["data"] = object.clone().into();
    let mut elsewhere = kinesis(2, b"");
    elsewhere["kinesis"]["partitionKey"] = object.into();
    elsewhere["hopguard"] = TOKEN.into();
    for record in read(&batch([not_encoded, elsewhere])) {
        assert!(record.id.is_some() && record.inbound.is_empty(), "{:?}", record.inbound);
    }
    let unreadable = read(&batch([kinesis(1, br#"{"hopguard":7}"#)]));
    assert_eq!(unreadable[0].inbound.rejected, Some(Rejected::Malformed), "counted");
}

#[test]
fn the_attribute_of_a_new_item_is_its_lineage() {
    let text = |text: &str| Some(json!({"S": text}));
    let written = format!("{TOKEN} {PARENT}");
    let again = format!("{TOKEN} {}", PARENT.replace("b7ad", "b7ae"));
    type Case<'c> = (&'c str, Option<Value>, Option<Value>, Option<u32>);
    let cases: [Case<'_>; 10] = [
        ("a new item", None, text(TOKEN), Some(3)),
        ("with the writer's span", None, text(&written), Some(3)),
        ("another writer", text(LATER), text(TOKEN), Some(3)),
        ("one invocation, its second write", text(&written), text(&again), Some(3)),
        ("a writer that does not know of it", text(&written), text(&written), None),
        ("the same without a span", text(TOKEN), text(TOKEN), None),
        ("the item before had none", Some(json!({"N": "1"})), text(TOKEN), Some(3)),
        ("not a text, and not new", Some(json!({"N": "1"})), Some(json!({"N": "1"})), None),
        ("gone from the item", text(TOKEN), Some(json!({})), None),
        ("an item that is gone", text(TOKEN), None, None),
    ];
    for (name, old, new, hop) in cases {
        let records = read(&batch([dynamodb(7, old, new)]));
        let [record] = &records[..] else { panic!("{name}") };
        assert_eq!(record.source, Source::DynamoDb, "{name}");
        assert_eq!(record.inbound.lineage.map(|lineage| lineage.hop), hop, "{name}");
        let rejected = (name == "gone from the item").then_some(Rejected::Malformed);
        assert_eq!(record.inbound.rejected, rejected, "{name}");
        assert_eq!(record.id.as_deref(), Some("1405400000000002063282807"), "{name}");
        assert_eq!(
            record.origin.as_deref(),
            Some("arn:aws:dynamodb:eu-central-1:123456789012:table/orders/stream/2026-11-23T22:52:29.956")
        );
    }
    let spanned = read(&batch([dynamodb(1, None, text(&written))]));
    assert_eq!(spanned[0].inbound.parent.unwrap().to_string(), PARENT);
}

#[test]
fn of_a_stream_each_record_has_its_own() {
    let data = |token: Option<&str>| json!({"order": 1, "hopguard": token}).to_string();
    let tokens = [Some(TOKEN), None, Some(LATER)];
    let plain = |token: Option<&str>| token.map_or(b"{}".to_vec(), |token| data(Some(token)).into_bytes());
    let stream = batch(tokens.iter().enumerate().map(|(nth, token)| kinesis(nth, &plain(*token))));
    assert_eq!(hops(&stream), [Some(3), None, Some(4)]);
    let table = batch(
        tokens
            .iter()
            .enumerate()
            .map(|(nth, token)| dynamodb(nth, None, token.map(|token| json!({"S": token})))),
    );
    assert_eq!(hops(&table), [Some(3), None, Some(4)]);
    let mixed =
        batch([kinesis(1, &plain(Some(TOKEN))), json!(7), dynamodb(2, None, Some(json!({"S": TOKEN})))]);
    let sources: Vec<Source> = read(&mixed).iter().map(|record| record.source).collect();
    assert_eq!(sources, [Source::Kinesis, Source::Other, Source::DynamoDb]);
}

#[test]
fn ten_thousand_records_are_read_one_after_the_other() {
    let data = |nth: usize| match nth % 2 {
        0 => format!(r#"{{"order":{nth},"hopguard":"{TOKEN}"}}"#),
        _ => format!(r#"{{"order":{nth}}}"#),
    };
    let stream = batch((0..10_000).map(|nth| kinesis(nth, data(nth).as_bytes()))).to_string();
    let event = Reader::default().read(stream.as_bytes());
    let carried = event.records().iter().filter(|record| record.inbound.lineage.is_some()).count();
    assert_eq!((event.records().len(), carried), (10_000, 5_000));
    let arrived = |nth: usize| Some(Token::new(&event.records()[nth].inbound.lineage?, None));
    assert_eq!(event.advanced(arrived).unwrap(), stream.as_bytes(), "the same tokens");
    let left = event.without(|nth| nth > 10).unwrap();
    assert_eq!(Reader::default().read(&left).records().len(), 11);
}

/// A task's input is the payload itself. The field is that of an execution started with it, or of a state before this one that
/// answered with its own input.
#[test]
fn a_task_of_a_state_machine_has_the_field_at_the_top_of_its_input() {
    let input = json!({
        "orderId": "1", "hopguard": field_of(TOKEN), "payment": {"status": "paid", "hopguard": "not here"},
        "AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID": "arn:aws:states:eu-central-1:123456789012:execution:orders:7"
    });
    let records = read(&input);
    let [record] = &records[..] else { panic!() };
    assert_eq!((record.source, record.id.as_deref()), (Source::Invoke, None));
    assert_eq!(record.inbound.lineage.map(|lineage| lineage.hop), Some(3));
    assert_eq!(record.inbound.parent.unwrap().to_string(), PARENT);
    let nested = json!({"input": input, "token": "AAAAKgAAAAIAAAAA"});
    assert!(read(&nested).iter().all(|record| record.inbound.is_empty()), "one level too deep");
}
