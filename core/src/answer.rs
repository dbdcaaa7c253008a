//! The answer to a batch: `{"batchItemFailures":[{"itemIdentifier":"…"}]}`.

use serde_json::{Map, Value, json};

/// Adds blocked records to the answer that a handler gave for the rest of its batch.
///
/// What Lambda takes for "everything succeeded" (`null`, an object without failures) becomes an answer with the blocked records
/// alone; a list of failures is kept and added to; other fields of the answer are kept. An answer that is no object is
/// replaced: Lambda would not have read it.
pub fn with_failures<'i>(answer: Value, blocked: impl IntoIterator<Item = &'i str>) -> Value {
    let mut answer = match answer {
        Value::Object(fields) => fields,
        _ => Map::new(),
    };
    let failures = answer.entry("batchItemFailures").or_insert(Value::Null);
    if !failures.is_array() {
        *failures = json!([]);
    }
    if let Some(failures) = failures.as_array_mut() {
        failures.extend(blocked.into_iter().map(|id| json!({ "itemIdentifier": id })));
    }
    Value::Object(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocked_records_join_the_handlers_failures() {
        let blocked = json!({"itemIdentifier": "b"});
        let cases = [
            ("null", Value::Null, json!({"batchItemFailures": [blocked]})),
            ("empty", json!({}), json!({"batchItemFailures": [blocked]})),
            ("null list", json!({"batchItemFailures": null}), json!({"batchItemFailures": [blocked]})),
            (
                "own failures and fields",
                json!({"batchItemFailures": [{"itemIdentifier": "a"}], "note": 1}),
                json!({"batchItemFailures": [{"itemIdentifier": "a"}, blocked], "note": 1}),
            ),
            ("a text", json!("ok"), json!({"batchItemFailures": [blocked]})),
        ];
        for (name, answer, expected) in cases {
            assert_eq!(with_failures(answer, ["b"]), expected, "{name}");
        }
    }
}
