//! The field that carries lineage in a JSON object: an asynchronous invocation's payload, the input of a Step Functions
//! execution, an EventBridge event's `detail`, a Kinesis record's data.
//!
//! It stands at the object's top level: `"hopguard":{"traceparent":"00-…","tracestate":"hopguard=01-…"}`. A plain string,
//! `"hopguard":"01-…"`, is read as a token too.

use memchr::memmem;

use super::carried::{Carried, Name};
use crate::json::{Cursor, Cut, escape_into};
use crate::propagator::{HOPGUARD, TRACEPARENT, TRACESTATE};

/// The field's name.
pub const NAME: &str = HOPGUARD;

/// Reads the value of the field. What is neither a string nor an object of strings is unreadable, not absent.
pub(super) fn read<'j>(cursor: &mut Cursor<'j>) -> Carried<'j> {
    let mut carried = Carried::default();
    if let Some(token) = cursor.string() {
        carried.set(Name::Packed, token.bytes());
        return carried;
    }
    let is_object = cursor.members(|key, cursor| {
        if let Some(name) = Name::of(key) {
            carried.set(name, cursor.string_bytes());
        }
    });
    if !is_object {
        carried.set(Name::Packed, None);
    }
    carried
}

/// Reads the field of a whole JSON object; `None` where it has none, or the text is no JSON object or more than one.
pub(super) fn find(json: &[u8]) -> Option<Carried<'_>> {
    let mut cursor = Cursor::new(json);
    let mut found = None;
    cursor.members(|key, cursor| {
        if key == NAME.as_bytes() {
            found = Some(read(cursor));
        }
    });
    found.filter(|_| cursor.finish())
}

/// Puts the field into a JSON object, as its first member, over any that stands there; every other byte is kept.
///
/// `None` where the payload is no JSON object. It is not validated beyond what is needed to find its members.
pub fn write(payload: &[u8], traceparent: &str, tracestate: &str) -> Option<Vec<u8>> {
    let (start, has_members) = object_start(payload)?;
    let stripped = remove(payload);
    let payload = stripped.as_deref().unwrap_or(payload);
    let has_members = if stripped.is_some() { object_start(payload)?.1 } else { has_members };
    let (before, after) = payload.split_at_checked(start)?;

    let mut written = Vec::with_capacity(payload.len() + traceparent.len() + tracestate.len() + 64);
    written.extend_from_slice(before);
    for (lead, text) in [
        ("\"", NAME),
        ("\":{\"", TRACEPARENT),
        ("\":\"", traceparent),
        ("\",\"", TRACESTATE),
        ("\":\"", tracestate),
    ] {
        written.extend_from_slice(lead.as_bytes());
        escape_into(text, &mut written);
    }
    written.extend_from_slice(if has_members { b"\"}," } else { b"\"}" });
    written.extend_from_slice(after);
    Some(written)
}

/// Takes the field out of a JSON object; every other byte is kept.
///
/// `None` where there is nothing to take out, or the payload is no JSON object.
pub fn remove(payload: &[u8]) -> Option<Vec<u8>> {
    // Most payloads end here. A name that is written with escapes is found too.
    if memmem::find(payload, NAME.as_bytes()).is_none() && memmem::find(payload, b"\\u00").is_none() {
        return None;
    }
    let mut cursor = Cursor::new(payload);
    let mut cut = Cut::new(payload, 0);
    let mut found = false;
    if !cursor.enter_object() {
        return None;
    }
    while let (start, Some(key)) = (cursor.next_start(), cursor.next_key()) {
        let is_ours = key.is(NAME);
        found |= is_ours;
        cut.item(start..cursor.span().end, !is_ours);
    }
    (found && cursor.finish()).then(|| cut.finish())
}

/// Where the first member of a JSON object begins, or its closing brace, and whether there is a member.
fn object_start(payload: &[u8]) -> Option<(usize, bool)> {
    let mut cursor = Cursor::new(payload);
    if !cursor.enter_object() || payload.trim_ascii_end().last() != Some(&b'}') {
        return None;
    }
    let start = cursor.at();
    match cursor.peek()? {
        b'"' => Some((start, true)),
        b'}' => Some((start, false)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, Value, json};

    use super::*;

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn written(payload: &str) -> Option<String> {
        write(payload.as_bytes(), "P", "S").map(|bytes| String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn every_other_byte_is_kept() {
        let field = r#""hopguard":{"traceparent":"P","tracestate":"S"}"#;
        let cases = [
            ("{}", Some(format!("{{{field}}}"))),
            (" { } \n", Some(format!(" {{{field} }} \n"))),
            (r#"{"a":1}"#, Some(format!(r#"{{{field},"a":1}}"#))),
            ("{\n  \"a\": [1]\n}", Some(format!("{{{field},\n  \"a\": [1]\n}}"))),
            (r#"{"a":1,"hopguard":{"x":[]},"b":2}"#, Some(format!(r#"{{{field},"a":1,"b":2}}"#))),
            (r#"{ "hopguard" : "old" }"#, Some(format!("{{{field}  }}"))),
            (r#"{"hop\u0067uard":1,"a":2,"hopguard":3}"#, Some(format!(r#"{{{field},"a":2}}"#))),
            (r#"{"a":{"hopguard":1}}"#, Some(format!(r#"{{{field},"a":{{"hopguard":1}}}}"#))),
            ("[]", None),
            ("\"{}\"", None),
            ("", None),
            ("{", None),
            ("{1}", None),
            ("null", None),
        ];
        for (payload, expected) in cases {
            assert_eq!(written(payload), expected, "{payload}");
        }
    }

    #[test]
    fn a_stale_field_is_taken_out() {
        let removed =
            |payload: &str| remove(payload.as_bytes()).map(|bytes| String::from_utf8(bytes).unwrap());
        assert_eq!(
            removed(r#"{"a":1, "hopguard":"x", "b":"hopguard"}"#).as_deref(),
            Some(r#"{"a":1, "b":"hopguard"}"#)
        );
        assert_eq!(removed(r#"{"a":"hopguard"}"#), None);
        assert_eq!(removed(r#"{"hopguard":1"#), None, "cut off");
        assert_eq!(removed("{}"), None);
    }

    #[test]
    fn members_of_others_are_escaped() {
        let state = r#"hopguard=t,v="\"#;
        let value: Value = serde_json::from_slice(&write(b"{}", PARENT, state).unwrap()).unwrap();
        assert_eq!(value, json!({"hopguard": {"traceparent": PARENT, "tracestate": state}}));
    }

    proptest! {
        #[test]
        fn what_is_written_is_all_that_changes(
            members in proptest::collection::vec(("[a-z\"\\\\é]{0,4}|hopguard", any::<i32>()), 0..6),
            pretty: bool,
        ) {
            let object: Map<String, Value> = members.into_iter().map(|(key, value)| (key, json!({"v": value}))).collect();
            let mut expected = Value::Object(object);
            let payload = if pretty { serde_json::to_vec_pretty(&expected) } else { serde_json::to_vec(&expected) }.unwrap();
            let written = write(&payload, PARENT, "hopguard=t").unwrap();
            expected["hopguard"] = json!({"traceparent": PARENT, "tracestate": "hopguard=t"});
            prop_assert_eq!(&serde_json::from_slice::<Value>(&written).unwrap(), &expected);
            expected.as_object_mut().unwrap().remove("hopguard");
            let removed = remove(&written).unwrap();
            prop_assert_eq!(&serde_json::from_slice::<Value>(&removed).unwrap(), &expected);
            if remove(&payload).is_none() {
                prop_assert_eq!(removed, payload, "taken out without a trace");
            }
        }

        #[test]
        fn no_bytes_panic(payload: Vec<u8>) {
            let _ = (write(&payload, "P", "S"), remove(&payload));
        }
    }
}
