//! Lineage that stands in an event, advanced to that of the invocation which receives it.

use std::cell::LazyCell;
use std::ops::Range;

use memchr::memmem;

use super::{Event, Record, Source, encoded, field};
use crate::json::Cursor;
use crate::signing::MAC_CHARS;
use crate::token::Token;

/// A place in a text, and what takes it.
type Edit = (Range<usize>, Vec<u8>);

impl Event<'_> {
    /// The event with other tokens in place of those that its records carry: `token` gives the one for a record, by its
    /// index. So a handler, or a tracing SDK in it, that passes on what it received passes on the lineage of this
    /// invocation, and not once more that of its sender.
    ///
    /// A token is replaced where its carrier is, and nowhere else; every other byte is kept. Kinesis data that holds one is
    /// decoded and encoded again. `None` where nothing is replaced.
    pub fn advanced(&self, token: impl Fn(usize) -> Option<Token>) -> Option<Vec<u8>> {
        // A field that counts for all records of an event is one place, and looked for once.
        let field = LazyCell::new(|| member(self.bytes(), 0..self.bytes().len(), &[field::NAME.as_bytes()]));
        let mut edits: Vec<Edit> = Vec::new();
        for (index, record) in self.records().iter().enumerate() {
            let (Some(sent), Some(token)) = (record.inbound.lineage, token(index)) else { continue };
            let old = Token::new(&sent, None);
            let mut found = own(self.bytes(), record, &old, &token);
            if let (true, Some(field)) = (found.is_empty(), &*field) {
                found = replaced(self.bytes(), field.clone(), &old, &token);
            }
            edits.extend(found);
        }
        edits.sort_by_key(|(span, _)| span.start);
        edits.dedup_by_key(|(span, _)| span.start);
        (!edits.is_empty()).then(|| splice(self.bytes(), &edits))
    }
}

/// What changes in a record itself: the first of its carriers that has the token.
fn own(bytes: &[u8], record: &Record<'_>, old: &Token, new: &Token) -> Vec<Edit> {
    let inside: &[&[&[u8]]] = match record.source {
        Source::Sqs => &[&[b"messageAttributes"], &[b"body"]],
        Source::Sns => &[&[b"Sns", b"MessageAttributes"], &[b"Sns", b"Message"]],
        Source::EventBridge => &[&[b"detail", field::NAME.as_bytes()]],
        Source::Http => &[&[b"headers"], &[b"multiValueHeaders"]],
        Source::DynamoDb => &[&[b"dynamodb", b"NewImage", field::NAME.as_bytes()]],
        Source::Kinesis => {
            return member(bytes, record.span.clone(), &[b"kinesis", b"data"])
                .and_then(|data| encoded_again(bytes, data, old, new))
                .into_iter()
                .collect();
        }
        _ => &[],
    };
    let carriers = inside.iter().filter_map(|path| member(bytes, record.span.clone(), path));
    let mut found = carriers.map(|carrier| replaced(bytes, carrier, old, new));
    found.find(|edits| !edits.is_empty()).unwrap_or_default()
}

/// The data of a Kinesis record, with another token in the field of the object that it encodes.
fn encoded_again(bytes: &[u8], data: Range<usize>, old: &Token, new: &Token) -> Option<Edit> {
    let text = Cursor::new(bytes.get(data.clone())?).string()?;
    let json = encoded::decode(&text.bytes()?)?;
    let field = member(&json, 0..json.len(), &[field::NAME.as_bytes()])?;
    let edits = replaced(&json, field, old, new);
    let between_quotes = data.start + 1..data.end - 1;
    (!edits.is_empty()).then(|| (between_quotes, encoded::encode(&splice(&json, &edits)).into_bytes()))
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

/// What changes in a carrier where it holds a token: the whole value of an attribute or a field, or of our member in a
/// `tracestate`.
fn replaced(bytes: &[u8], carrier: Range<usize>, old: &Token, new: &Token) -> Vec<Edit> {
    let Some(text) = bytes.get(carrier.clone()) else { return Vec::new() };
    let mut found = Vec::new();
    for at in memmem::find_iter(text, old.as_bytes()) {
        let before = at.checked_sub(1).and_then(|at| text.get(at));
        let mut end = at + old.as_bytes().len();
        if text.get(end) == Some(&b'-') {
            // Its signature.
            end += 1 + MAC_CHARS;
        }
        let ends = text.get(end).is_some_and(|byte| matches!(byte, b'"' | b'\\' | b',' | b' '));
        if matches!(before, Some(b'"' | b'=' | b' ')) && ends {
            found.push((carrier.start + at..carrier.start + end, new.as_bytes().to_vec()));
        }
    }
    found
}

fn splice(bytes: &[u8], edits: &[Edit]) -> Vec<u8> {
    let more: usize = edits.iter().map(|(_, new)| new.len()).sum();
    let mut out = Vec::with_capacity(bytes.len() + more);
    let mut at = 0;
    for (span, new) in edits {
        out.extend_from_slice(bytes.get(at..span.start).unwrap_or_default());
        out.extend_from_slice(new);
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
        let dynamodb = |token: &str| {
            format!(
                r#"{{"Records":[{{"eventSource":"aws:dynamodb","dynamodb":{{"OldImage":{{"hopguard":{{"S":"{OLD}"}}}},"NewImage":{{"copy":{{"S":"{OLD}"}},"hopguard":{{"S":"{token} {PARENT}"}}}},"SequenceNumber":"1"}}}}]}}"#
            )
        };
        let kinesis = |token: &str| {
            let data = |token: &str| {
                let data =
                    format!(r#"{{"copy":"{OLD}", "hopguard":{{"tracestate":"hopguard={token},x=y"}}}}"#);
                encoded::encode(data.as_bytes())
            };
            let record = |data: &str| {
                format!(
                    r#"{{"kinesis": {{"data": "{data}" ,"sequenceNumber":"1"}},"eventSource":"aws:kinesis"}}"#
                )
            };
            let text = encoded::encode(OLD.as_bytes());
            format!(
                r#"{{"Records":[ {}, {},{}]}}"#,
                record(&data(token)),
                record(&text),
                record(&data(token).replace('/', "\\/"))
            )
        };
        type Written<'w> = &'w dyn Fn(&str) -> String;
        let cases: [(&str, Written<'_>); 8] = [
            ("an SQS attribute", &sqs),
            ("an SNS attribute", &state),
            ("a payload's field", &invoke),
            ("a payload's token", &plain),
            ("an event's detail", &bridge),
            ("a notification in a body", &wrapped),
            ("a new item", &dynamodb),
            ("Kinesis data", &kinesis),
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

    #[test]
    fn one_field_counts_for_many_records_and_is_looked_for_once() {
        let records = vec![r#"{"kinesis":{"data":""},"eventSource":"aws:kinesis"}"#; 10_000].join(",");
        let event = |token: &str| format!(r#"{{"hopguard":"{token}","Records":[{records}]}}"#);
        assert_eq!(advance(&event(OLD), None), Some(event(NEW)));
    }
}
