use memchr::arch::all::packedpair::HeuristicFrequencyRank;
use memchr::memmem::{Finder, FinderBuilder};

use super::wrapped;
use crate::json::Cursor;

/// The beginning of a message. Inside a body its quotes would have backslashes before them.
const MESSAGE: &[u8] = br#"{"messageId":""#;
/// The end of a body, and what follows it.
const END: &[u8] = br#"","attributes":"#;
const ATTRIBUTES: &[u8] = br#"{"ApproximateReceiveCount":""#;

/// Lengths of texts, in bytes.
const UUID: usize = 36;
const MILLISECONDS: usize = 13;
const MD5: usize = 32;

/// Tells a batch of messages that carry nothing by their form alone.
#[derive(Clone, Debug)]
pub(super) struct Bare {
    message: Finder<'static>,
    attributes: Finder<'static>,
}

impl Default for Bare {
    fn default() -> Self {
        let finder = |words| FinderBuilder::new().build_forward_with_ranker(Rank, words);
        Self { message: finder(MESSAGE), attributes: finder(ATTRIBUTES) }
    }
}

/// The bytes that `memmem` looks for first: `{` and the quote behind it, between which a body has a backslash. Its own ranking
/// takes letters that stand in every body.
struct Rank;

impl HeuristicFrequencyRank for Rank {
    fn rank(&self, byte: u8) -> u8 {
        match byte {
            b'{' => 0,
            b'"' => 1,
            _ => u8::MAX,
        }
    }
}

impl Bare {
    /// Whether an event is, byte for byte, what Lambda writes for a batch of SQS messages without attributes and trace headers
    /// whose bodies are of no shape of AWS's own: one pass over the bodies, where a search takes one for each word.
    ///
    /// Anything else may carry something: `false` says nothing. What is relied on is that every message begins with its id, and
    /// that no key stands twice in it.
    pub(super) fn is_bare(&self, event: &[u8]) -> bool {
        let event = event.strip_prefix(br#"{"Records":[{"messageId":""#);
        let Some(mut rest) = event.and_then(|event| event.strip_suffix(br#""}]}"#)) else { return false };
        let mut usual = Usual::default();
        while let Some(next) = self.message.find(rest) {
            let message = rest.get(..next).and_then(|before| before.strip_suffix(br#""},"#));
            if !message.is_some_and(|message| usual.is_bare(message, &self.attributes)) {
                return false;
            }
            rest = rest.get(next + MESSAGE.len()..).unwrap_or_default();
        }
        usual.is_bare(rest, &self.attributes)
    }
}

/// What the messages of one batch have in common.
#[derive(Default)]
struct Usual<'e> {
    /// The length of a receipt handle.
    handle: usize,
    /// The length of what follows a body.
    tail: usize,
    /// What follows the digest of a body.
    ending: &'e [u8],
}

impl<'e> Usual<'e> {
    /// Whether one message is of that form, from the text of its id to before its last quote.
    #[inline]
    fn is_bare(&mut self, message: &'e [u8], attributes: &Finder<'_>) -> bool {
        let mut cursor = Cursor::new(message);
        let begins = cursor.guess_after(UUID, br#"","receiptHandle":""#) && self.handle(&mut cursor);
        if !begins || wrapped::may_be_known(cursor.rest()) {
            return false;
        }
        let body = cursor.rest();
        let tail = body.len().checked_sub(self.tail).and_then(|at| body.get(at..));
        let tail = tail
            .filter(|tail| tail.starts_with(END))
            .or_else(|| body.get(attributes.find(body)?.checked_sub(END.len())?..));
        tail.is_some_and(|tail| {
            self.tail = tail.len();
            self.tail(Cursor::new(tail))
        })
    }

    /// Passes over a receipt handle, up to the body.
    #[inline]
    fn handle(&mut self, cursor: &mut Cursor<'e>) -> bool {
        if self.handle > 0 && cursor.guess_after(self.handle, br#"","body":""#) {
            return true;
        }
        let start = cursor.at();
        let ends = cursor.guess_end_of_string();
        self.handle = cursor.at().saturating_sub(start + 1);
        ends && cursor.guess(br#","body":""#)
    }

    /// Whether this is all that follows a body. Of texts that say nothing here only the length is looked at.
    #[inline]
    fn tail(&mut self, mut cursor: Cursor<'e>) -> bool {
        let attributes = cursor.guess(END)
            && cursor.guess(ATTRIBUTES)
            && cursor.guess_after(1, br#"","SentTimestamp":""#)
            && cursor.guess_after(MILLISECONDS, br#"","SenderId":""#)
            && cursor.guess_end_of_string()
            && cursor.guess(br#","ApproximateFirstReceiveTimestamp":""#)
            && cursor.guess_after(MILLISECONDS, br#""},"messageAttributes":{},"md5OfBody":""#)
            && cursor.guess_after(MD5, b"");
        if !attributes {
            return false;
        }
        // All messages of one queue end in the same way.
        let ending = cursor.rest();
        if !self.ending.is_empty() && self.ending == ending {
            return true;
        }
        self.ending = ending;
        cursor.guess(br#"","eventSource":"aws:sqs""#)
            && cursor.guess_string(br#","eventSourceARN":""#).is_some()
            && cursor.guess(br#","awsRegion":""#)
            && !cursor.rest().contains(&b'"')
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A message as Lambda writes it.
    fn message(nth: usize, handle: &str, body: &str, header: &str, attributes: &str) -> String {
        let body = serde_json::to_string(body).unwrap();
        format!(
            r#"{{"messageId":"059f36b4-87a3-44ab-83d2-6619758300{nth:02}","receiptHandle":"{handle}","body":{body},"attributes":{{"ApproximateReceiveCount":"1",{header}"SentTimestamp":"1545082649183","SenderId":"AIDAIENQZJOLO23YVJ4VO","ApproximateFirstReceiveTimestamp":"1545082649185"}},"messageAttributes":{{{attributes}}},"md5OfBody":"098f6bcd4621d373cade4e832627b4f6","eventSource":"aws:sqs","eventSourceARN":"arn:aws:sqs:eu-central-1:123456789012:orders","awsRegion":"eu-central-1"}}"#
        )
    }

    fn batch(messages: &[String]) -> String {
        format!(r#"{{"Records":[{}]}}"#, messages.join(","))
    }

    const HEADER: &str = r#""AWSTraceHeader":"Root=1-5759e988-bd862e3fe1be46a994272793","#;
    const ATTRIBUTE: &str = r#""hopguard":{"stringValue":"01-0af7651916cd43dd8448eb211c80319c-3-256-68fd508a:2","dataType":"String"}"#;

    #[test]
    fn what_may_carry_something_is_not_bare() {
        let plain = || message(1, "handle", r#"{"order":1}"#, "", "");
        let event = batch(&[plain(), plain()]);
        let replaced = |from: &str, to: &str| event.replacen(from, to, 1);
        let cases = [
            ("nothing", event.clone(), true),
            ("no message", batch(&[]), false),
            ("a field before", replaced("{\"Records", "{\"hopguard\":{},\"Records"), false),
            ("a field after", replaced("]}", "],\"hopguard\":{}}"), false),
            ("white space", replaced("\"Records\":", "\"Records\": "), false),
            ("white space at the end", format!("{event}\n"), false),
            ("more behind", format!("{event}x"), false),
            ("broken off", event.strip_suffix("]}").unwrap().to_owned(), false),
            ("a second delivery", replaced("Count\":\"1\"", "Count\":\"12\""), false),
            ("a group", replaced("\"SenderId", "\"MessageGroupId\":\"g\",\"SenderId"), false),
            ("another source", replaced("aws:sqs\"", "aws:xyz\""), false),
            ("a member between", replaced(",\"attributes\"", ",\"x\":1,\"attributes\""), false),
            ("attributes twice", replaced(",\"md5", ",\"messageAttributes\":{\"a\":{}},\"md5"), false),
            (
                "another order of attributes, of the first alone",
                replaced(
                    "{\"ApproximateReceiveCount\":\"1\",\"SentTimestamp\":\"1545082649183\"",
                    "{\"SentTimestamp\":\"1545082649183\",\"ApproximateReceiveCount\":\"1\"",
                ),
                false,
            ),
            ("another sender", event.replacen("AIDAIENQZJOLO23YVJ4VO", "AIDA:session", 1), true),
            ("attributes first", replaced(",\"body\"", ",\"messageAttributes\":{\"a\":{}},\"body\""), false),
            ("empty", String::new(), false),
        ];
        for (name, event, expected) in cases {
            assert_eq!(Bare::default().is_bare(event.as_bytes()), expected, "{name}: {event}");
        }
    }

    /// A body; whether it is of the user's own shape.
    fn bodies() -> impl Strategy<Value = (String, bool)> {
        let text = prop_oneof![
            ".{0,80}",
            Just(r#"","attributes":{"ApproximateReceiveCount":"1""#.to_owned()),
            Just(r#""},{"messageId":""#.to_owned()),
            Just("ends with a backslash and a quote \\\"".to_owned()),
            Just(r#"","messageAttributes":{"#.to_owned()),
        ];
        let known = prop::sample::select(vec!["Records", "Type", "detail", "Message"]);
        prop_oneof![
            text.clone().prop_map(|text| (serde_json::json!({ "order": text }).to_string(), true)),
            text.prop_map(|text| (format!("text {text}"), true)),
            known.prop_map(|key| (serde_json::json!({ key: ATTRIBUTE }).to_string(), false)),
        ]
    }

    proptest! {
        #[test]
        fn only_what_carries_nothing_is_bare(
            messages in proptest::collection::vec((bodies(), "[A-Za-z0-9+/]{1,200}", 0..8u8), 1..8), usual: bool,
        ) {
            let mut expected = true;
            let texts: Vec<_> = messages.iter().enumerate().map(|(nth, ((body, own), handle, carrier))| {
                expected &= *own && !matches!(carrier, 0 | 1);
                let (header, attributes) = (if *carrier == 0 { HEADER } else { "" }, if *carrier == 1 { ATTRIBUTE } else { "" });
                // Handles have one length, as a rule.
                message(nth, if usual { "usual" } else { handle }, body, header, attributes)
            }).collect();
            prop_assert_eq!(Bare::default().is_bare(batch(&texts).as_bytes()), expected);
        }
    }
}
