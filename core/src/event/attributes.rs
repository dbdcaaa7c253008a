use std::borrow::Cow;

use super::carried::{Carried, Name};
use super::encoded;
use crate::json::Cursor;

/// What Lambda writes after `{"stringValue":"…"`.
const REST_OF_STRING: &[u8] = br#","stringListValues":[],"binaryListValues":[],"dataType":"String"}"#;

/// Reads message attributes: SQS writes `{"NAME": {"stringValue": …, "binaryValue": …, "dataType": …}}`,
/// SNS `{"NAME": {"Type": …, "Value": …}}`.
#[inline]
pub(super) fn read<'j>(cursor: &mut Cursor<'j>) -> Carried<'j> {
    let mut carried = Carried::default();
    cursor.members(|key, cursor| {
        if let Some(name) = Name::of(key) {
            carried.set(name, attribute(cursor));
        }
    });
    carried
}

/// The text of one attribute, which may be no UTF-8: `String`, `String.custom`, or the text that a `Binary` one encodes.
fn attribute<'j>(cursor: &mut Cursor<'j>) -> Option<Cow<'j, [u8]>> {
    let mut attribute = Attribute::default();
    if let Some(text) = cursor.guess_string(br#"{"stringValue":""#) {
        attribute.text = text.bytes();
        if cursor.guess(REST_OF_STRING) {
            return attribute.text;
        }
    } else if !cursor.enter_object() {
        return None;
    }
    cursor.other_members(|key, cursor| match key {
        b"stringValue" | b"Value" => attribute.text = cursor.string_bytes(),
        b"binaryValue" => attribute.encoded = cursor.string_bytes(),
        b"dataType" | b"Type" => {
            attribute.is_binary = cursor.string().is_some_and(|kind| kind.raw().starts_with(b"Binary"));
        }
        _ => {}
    });
    match attribute {
        Attribute { text: Some(text), encoded: None, is_binary: true } => decode(&text),
        Attribute { text: Some(text), .. } => Some(text),
        Attribute { encoded, .. } => decode(&encoded?),
    }
}

/// An attribute, as it is read.
#[derive(Default)]
struct Attribute<'j> {
    text: Option<Cow<'j, [u8]>>,
    encoded: Option<Cow<'j, [u8]>>,
    is_binary: bool,
}

fn decode<'j>(text: &[u8]) -> Option<Cow<'j, [u8]>> {
    encoded::decode(text).map(Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_and_all_types_are_read() {
        let cases = [
            ("SQS String", r#"{"stringValue":"t","stringListValues":[],"dataType":"String"}"#, Some("t")),
            (
                "SQS as Lambda writes it",
                r#"{"stringValue":"t","stringListValues":[],"binaryListValues":[],"dataType":"String"}"#,
                Some("t"),
            ),
            (
                "SQS, more after that",
                r#"{"stringValue":"s","stringListValues":[],"binaryListValues":[],"dataType":"String","stringValue":"t"}"#,
                Some("t"),
            ),
            ("SQS custom", r#"{"dataType":"String.trace","stringValue":"t"}"#, Some("t")),
            ("SQS Binary", r#"{"binaryValue":"dA==","dataType":"Binary"}"#, Some("t")),
            ("SQS Binary, unpadded", r#"{"binaryValue":"dA","dataType":"Binary.x"}"#, Some("t")),
            ("SQS, null beside", r#"{"stringValue":"t","binaryValue":null,"dataType":"String"}"#, Some("t")),
            ("SNS String", r#"{"Type":"String","Value":"t"}"#, Some("t")),
            ("SNS Binary", r#"{"Type":"Binary","Value":"dA=="}"#, Some("t")),
            ("escaped", r#"{"Value":"\u0074","Type":"String"}"#, Some("t")),
            ("twice, the last counts", r#"{"stringValue":"s","stringValue":"t"}"#, Some("t")),
            ("twice, the last is none", r#"{"stringValue":"s","stringValue":1}"#, None),
            ("no base64", r#"{"binaryValue":"?","dataType":"Binary"}"#, None),
            ("a number", r#"{"stringValue":7,"dataType":"Number"}"#, None),
            ("null", "null", None),
            ("an array", r#"["t"]"#, None),
            ("a string", r#""t""#, None),
            ("empty", "{}", None),
        ];
        for (name, json, expected) in cases {
            let mut cursor = Cursor::new(json.as_bytes());
            assert_eq!(attribute(&mut cursor).as_deref(), expected.map(str::as_bytes), "{name}");
            if json.starts_with('{') {
                assert!(cursor.finish(), "{name}");
            }
        }
    }
}
