//! The golden files: what every implementation of the carriers writes and reads, here and in the layer's injectors.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::collections::HashMap;

use hopguard_core::event::field;
use hopguard_core::propagator::{Outbound, Room, TraceParent, inject};
use hopguard_core::{Credit, Lineage, SigningKeys, Token};
use serde_json::{Value, json};

/// The cases of a file, by name; each name once.
fn cases(file: &str) -> Vec<(String, Value)> {
    let cases: Vec<Value> = serde_json::from_str(file).unwrap();
    let named: Vec<_> = cases.into_iter().map(|case| (text(&case["name"]).to_owned(), case)).collect();
    let names: HashMap<_, _> = named.iter().map(|(name, case)| (name, case)).collect();
    assert_eq!(names.len(), named.len(), "two cases have one name");
    assert!(!named.is_empty());
    named
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no string"))
}

fn number(value: &Value) -> usize {
    usize::try_from(value.as_u64().unwrap()).unwrap()
}

#[test]
fn inject_writes_what_the_golden_file_says() {
    for (name, case) in cases(include_str!("../../tests/fixtures/golden/inject.json")) {
        let mut carrier: HashMap<String, String> = serde_json::from_value(case["carrier"].clone()).unwrap();
        let room = &case["room"];
        let room = Room {
            slots: number(&room["slots"]),
            bytes: number(&room["bytes"]),
            overhead: number(&room["overhead"]),
        };
        let outbound = &case["outbound"];
        let token = Token::new(&Token::decode(text(&outbound["token"]).as_bytes(), None).unwrap(), None);
        let parent = TraceParent::parse(text(&outbound["parent"])).unwrap();
        let outcome =
            inject(&mut carrier, room, &Outbound { token, parent, others: text(&outbound["others"]) });
        assert_eq!(json!(carrier), case["result"], "{name}");
        assert_eq!(outcome.name(), text(&case["outcome"]), "{name}");
    }
}

#[test]
fn the_field_is_written_and_taken_out_as_the_golden_file_says() {
    let string = |bytes: Option<Vec<u8>>| json!(bytes.map(|bytes| String::from_utf8(bytes).unwrap()));
    for (name, case) in cases(include_str!("../../tests/fixtures/golden/field.json")) {
        let payload = text(&case["text"]).as_bytes();
        let written = field::write(payload, text(&case["traceparent"]), text(&case["tracestate"]));
        assert_eq!(string(written), case["written"], "{name}");
        assert_eq!(string(field::remove(payload)), case["removed"], "{name}");
    }
}

#[test]
fn tokens_are_read_or_rejected_as_the_golden_file_says() {
    for (name, case) in cases(include_str!("../../tests/fixtures/golden/token.json")) {
        let token = text(&case["token"]);
        let keys = case["key"].as_str().map(|key| SigningKeys::parse(key).unwrap());
        let (lineage, rejected) = match Token::decode(token.as_bytes(), keys.as_ref()) {
            Ok(lineage) => (lineage_json(&lineage), Value::Null),
            Err(rejected) => (Value::Null, json!(rejected.reason())),
        };
        assert_eq!((&lineage, &rejected), (&case["lineage"], &case["rejected"]), "{name}");
    }
}

fn lineage_json(lineage: &Lineage) -> Value {
    let credit = match lineage.credit {
        Credit::Left(left) => json!(left),
        Credit::Exceeded => json!("x"),
    };
    let visits: Vec<_> =
        lineage.visits.iter().map(|(function, visits)| json!([function.to_string(), visits])).collect();
    json!({"chain": lineage.chain.to_string(), "hop": lineage.hop, "credit": credit, "visits": visits})
}
