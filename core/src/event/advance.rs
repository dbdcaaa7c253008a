//! Lineage that stands in an event, advanced to that of the invocation which receives it.

use std::ops::Range;

use memchr::memmem;

use super::{Event, Record, Source, field};
use crate::json::Cursor;
use crate::signing::MAC_CHARS;
use crate::token::Token;

impl Event<'_> {
    /// The event with other tokens in place of those that its records carry: `token` gives the one for a record, by its
    /// index. So a handler, or a tracing SDK in it, that passes on what it received passes on the lineage of this
    /// invocation, and not once more that of its sender.
    ///
    /// A token is replaced where its carrier is, and nowhere else; every other byte is kept. `None` where nothing is replaced.
    pub fn advanced(&self, token: impl Fn(usize) -> Option<Token>) -> Option<Vec<u8>> {
        let mut edits: Vec<(Range<usize>, Token)> = Vec::new();
        for (index, record) in self.records().iter().enumerate() {
            let (Some(sent), Some(token)) = (record.inbound.lineage, token(index)) else { continue };
            let old = Token::new(&sent, None);
            let mut found = Vec::new();
            for carrier in carriers(self.bytes(), record) {
                find(self.bytes(), carrier, old.as_bytes(), &mut found);
                if !found.is_empty() {
                    break;
                }
            }
            edits.extend(found.into_iter().map(|span| (span, token)));
        }
        edits.sort_by_key(|(span, _)| span.start);
        // A field that counts for all records of an event is one place.
        edits.dedup_by_key(|(span, _)| span.start);
        (!edits.is_empty()).then(|| splice(self.bytes(), &edits))
    }
}

/// Where a record's carriers may be, the likeliest first.
fn carriers(bytes: &[u8], record: &Record<'_>) -> Vec<Range<usize>> {
    let inside: &[&[&[u8]]] = match record.source {
        Source::Sqs => &[&[b"messageAttributes"], &[b"body"]],
        Source::Sns => &[&[b"Sns", b"MessageAttributes"], &[b"Sns", b"Message"]],
        Source::EventBridge => &[&[b"detail", field::NAME.as_bytes()]],
        Source::Http => &[&[b"headers"], &[b"multiValueHeaders"]],
        _ => &[],
    };
    let own = inside.iter().filter_map(|path| member(bytes, record.span.clone(), path));
    own.chain(member(bytes, 0..bytes.len(), &[field::NAME.as_bytes()])).collect()
}

/// Where the value at a path of keys is, inside an object at `span`. Of two equal keys the last counts.
fn member(bytes: &[u8], span: Range<usize>, path: &[&[u8]]) -> Option<Range<usize>> {
    let Some((name, rest)) = path.split_first() else { return Some(span) };
    let (start, mut found) = (span.start, None);
    let mut cursor = Cursor::new(bytes.get(span)?);
    cursor.members(|key, cursor| {
        let value = cursor.span();
        if key == *name {
            found = Some(start + value.start..start + value.end);
        }
    });
    member(bytes, found?, rest)
}

/// The places of a token in a carrier: the whole value of an attribute or a field, or of our member in a `tracestate`.
fn find(bytes: &[u8], carrier: Range<usize>, token: &[u8], found: &mut Vec<Range<usize>>) {
    let Some(text) = bytes.get(carrier.clone()) else { return };
    for at in memmem::find_iter(text, token) {
        let before = at.checked_sub(1).and_then(|at| text.get(at));
        let mut end = at + token.len();
        if text.get(end) == Some(&b'-') {
            // Its signature.
            end += 1 + MAC_CHARS;
        }
        let ends = text.get(end).is_some_and(|byte| matches!(byte, b'"' | b'\\' | b',' | b' '));
        if matches!(before, Some(b'"' | b'=' | b' ')) && ends {
            found.push(carrier.start + at..carrier.start + end);
        }
    }
}

fn splice(bytes: &[u8], edits: &[(Range<usize>, Token)]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + 16 * edits.len());
    let mut at = 0;
    for (span, token) in edits {
        out.extend_from_slice(bytes.get(at..span.start).unwrap_or_default());
        out.extend_from_slice(token.as_bytes());
        at = span.end;
    }
    out.extend_from_slice(bytes.get(at..).unwrap_or_default());
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Reader;
    use crate::signing::SigningKeys;
    use crate::{FunctionId, Lineage};

    const OLD: &str = "01-0af7651916cd43dd8448eb211c80319c-3-256-68fd508a:2";
    const NEW: &str = "01-0af7651916cd43dd8448eb211c80319c-4-256-68fd508a:2.00000009:1";
    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn advance(event: &str, keys: Option<&SigningKeys>) -> Option<String> {
        let read = Reader::new(keys.cloned()).read(event.as_bytes());
        let arrived = |index: usize| -> Option<Lineage> {
            Some(read.records().get(index)?.inbound.lineage?.arrive(FunctionId::from_bits(9), 256))
        };
        let advanced = read.advanced(|index| arrived(index).map(|lineage| Token::new(&lineage, keys)));
        advanced.map(|bytes| String::from_utf8(bytes).unwrap())
    }

    fn wrapped(token: &str) -> String {
        let attributes = format!(
            r#"{{"traceparent":{{"Type":"String","Value":"{PARENT}"}},"tracestate":{{"Type":"String","Value":"a=1,hopguard={token},b=2"}}}}"#
        );
        let body = format!(
            r#"{{"Type":"Notification","MessageId":"m","TopicArn":"arn:aws:sns:eu-central-1:123456789012:t","Message":"hello","MessageAttributes":{attributes}}}"#
        );
        format!(
            r#"{{"Records":[{{"messageId":"1","body":{},"eventSource":"aws:sqs"}}]}}"#,
            serde_json::to_string(&body).unwrap()
        )
    }

    #[test]
    fn a_token_is_replaced_where_its_carrier_is() {
        let sqs = |token: &str| {
            format!(
                r#"{{"Records":[ {{"messageId":"1","body":"a copy: \"{OLD}\"","messageAttributes":{{"hopguard":{{"stringValue":"{token}","dataType":"String"}}}},"eventSource":"aws:sqs"}}, {{"messageId":"2","body":"{OLD}","messageAttributes":{{}},"eventSource":"aws:sqs"}} ]}}"#
            )
        };
        let state = |token: &str| {
            format!(
                r#"{{"Records":[{{"EventSource":"aws:sns","Sns":{{"Message":"hopguard={OLD}","MessageAttributes":{{"tracestate":{{"Type":"String","Value":"hopguard={token}"}}}}}}}}]}}"#
            )
        };
        let invoke =
            |token: &str| format!(r#"{{"hopguard":{{"tracestate":"hopguard={token},x=y"}},"copy":"{OLD}"}}"#);
        let plain = |token: &str| format!(r#"{{"order":1, "hopguard":"{token}"}}"#);
        let bridge = |token: &str| {
            format!(
                r#"{{"id":"i","detail-type":"t","source":"s","detail":{{"copy":"{OLD}","hopguard":{{"tracestate":"hopguard={token}"}}}}}}"#
            )
        };
        type Written<'w> = &'w dyn Fn(&str) -> String;
        let cases: [(&str, Written<'_>); 6] = [
            ("an SQS attribute", &sqs),
            ("an SNS attribute", &state),
            ("a payload's field", &invoke),
            ("a payload's token", &plain),
            ("an event's detail", &bridge),
            ("a notification in a body", &wrapped),
        ];
        for (name, event) in cases {
            assert_eq!(advance(&event(OLD), None), Some(event(NEW)), "{name}");
        }
    }

    #[test]
    fn a_signed_token_is_replaced_with_its_signature() {
        let old = SigningKeys::parse("0123456789abcdef").unwrap();
        let both = SigningKeys::parse("fedcba9876543210,0123456789abcdef").unwrap();
        let lineage = Token::decode(OLD.as_bytes(), None).unwrap();
        let event = format!(r#"{{"hopguard":"{}"}}"#, Token::new(&lineage, Some(&old)));
        let advanced = lineage.arrive(FunctionId::from_bits(9), 256);
        let expected = format!(r#"{{"hopguard":"{}"}}"#, Token::new(&advanced, Some(&both)));
        assert_eq!(advance(&event, Some(&both)), Some(expected));
    }

    #[test]
    fn where_nothing_is_carried_nothing_changes() {
        assert_eq!(advance(r#"{"order":1}"#, None), None);
        let other = format!(r#"{{"Records":[{{"messageId":"1","body":"{OLD}","eventSource":"aws:sqs"}}]}}"#);
        assert_eq!(advance(&other, None), None);
    }
}
