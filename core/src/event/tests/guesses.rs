//! What AWS writes is guessed, and read like anything else that means the same.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::*;
use crate::xray::Xray;

/// JSON as it is written: members in this order, and any key more than once.
#[derive(Clone, Debug)]
enum Written {
    Value(String),
    Object(Vec<(&'static str, Written)>),
}

impl Written {
    /// Written as AWS does it, or with white space, where no guess is right.
    fn write(&self, space: &str, text: &mut String) {
        match self {
            Self::Value(value) => text.push_str(value),
            Self::Object(members) => {
                text.push('{');
                for (nth, (key, value)) in members.iter().enumerate() {
                    let separator = if nth == 0 { "" } else { "," };
                    text.push_str(&format!("{separator}{space}\"{key}\"{space}:{space}"));
                    value.write(space, text);
                }
                text.push_str(&format!("{space}}}"));
            }
        }
    }
}

fn batch(messages: &[Written], space: &str) -> Vec<u8> {
    let mut text = format!("{{\"Records\":{space}[");
    for (nth, message) in messages.iter().enumerate() {
        text.push_str(if nth == 0 { "" } else { "," });
        message.write(space, &mut text);
    }
    text.push_str("]}");
    text.into_bytes()
}

/// All that is said of each record, but for where it stands.
fn said(event: &Event<'_>) -> Vec<String> {
    let said = |record: &Record<'_>| {
        let Record { source, id, group, origin, attempt, inbound, xray, objects, .. } = record;
        format!("{source:?} {id:?} {group:?} {origin:?} {attempt} {inbound:?} {xray:?} {objects:?}")
    };
    event.records().iter().map(said).collect()
}

/// Whether each record is read, and has nothing to say: by its form alone a batch can be told to be of such.
fn says_nothing(event: &Event<'_>) -> bool {
    let mut records = event.records().iter();
    records.all(|record| {
        record.inbound == Inbound::default() && record.xray == Xray::default() && record.objects.is_empty()
    })
}

/// Usually what AWS writes there, sometimes anything else.
fn value(usual: &'static [&'static str]) -> impl Strategy<Value = Written> {
    const ODD: [&str; 9] =
        [r#""\u0061""#, r#""a\"b\\""#, r#""""#, "null", "7", "true", "[]", "{}", r#"{"a":"}"}"#];
    prop_oneof![12 => select(usual), 1 => select(&ODD[..])].prop_map(|value| Written::Value(value.to_owned()))
}

/// These members, some left out, and now and then in another order or twice.
fn object(members: Vec<(&'static str, BoxedStrategy<Written>)>) -> impl Strategy<Value = Written> {
    let members: Vec<_> = members.into_iter().map(|(key, value)| (Just(key), value, 0..10u8)).collect();
    let swaps = prop_oneof![3 => Just(vec![]), 1 => vec((any::<Index>(), any::<Index>()), 1..3)];
    let again = prop_oneof![3 => Just(None), 1 => any::<Index>().prop_map(Some)];
    (members, swaps, again).prop_map(|(members, swaps, again)| {
        let mut members: Vec<_> = members
            .into_iter()
            .filter(|(_, _, luck)| *luck > 0)
            .map(|(key, value, _)| (key, value))
            .collect();
        if let (Some(again), false) = (again, members.is_empty()) {
            let key = again.get(&members).0;
            members.push((key, Written::Value(r#""again""#.to_owned())));
        }
        let len = members.len();
        for (one, other) in swaps.iter().filter(|_| len > 0) {
            members.swap(one.index(len), other.index(len));
        }
        Written::Object(members)
    })
}

fn messages() -> impl Strategy<Value = Vec<Written>> {
    let attribute = |texts: &'static [&'static str]| {
        object(vec![
            ("stringValue", value(texts).boxed()),
            ("stringListValues", value(&["[]"]).boxed()),
            ("binaryListValues", value(&["[]"]).boxed()),
            ("dataType", value(&[r#""String""#]).boxed()),
        ])
        .boxed()
    };
    let state = r#""vendor=x,hopguard=01-0af7651916cd43dd8448eb211c80319c-3-256-68fd508a:2""#;
    let token = r#""01-0af7651916cd43dd8448eb211c80319c-4-256-68fd508a:3""#;
    let carrier = object(vec![
        ("traceparent", attribute(&[r#""00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01""#])),
        ("tracestate", attribute(vec![state].leak())),
        ("hopguard", attribute(vec![token].leak())),
    ]);
    let system = object(vec![
        ("ApproximateReceiveCount", value(&[r#""1""#, r#""12""#, r#""0""#]).boxed()),
        (
            "AWSTraceHeader",
            value(&[r#""Root=1-5759e988-bd862e3fe1be46a994272793;Lineage=1:bd4cecd5:7""#]).boxed(),
        ),
        ("SentTimestamp", value(&[r#""1795474347592""#]).boxed()),
        ("MessageGroupId", value(&[r#""a""#, r#""b""#]).boxed()),
        ("SenderId", value(&[r#""AIDAIENQZJOLO23YVJ4VO""#]).boxed()),
        ("ApproximateFirstReceiveTimestamp", value(&[r#""1795474347593""#]).boxed()),
    ]);
    let message = object(vec![
        ("messageId", value(&[r#""1""#, r#""059f36b4-87a3-44ab-83d2-661975830a7d""#]).boxed()),
        (
            "receiptHandle",
            value(&[r#""AQEBzWwaftRI0KuVm4tP+/7q1rGgNqicHq7sFJkyMzxkDtnmVbXcVsFnUYJ1lYwF3DDNEjMrVtJcOTQ""#])
                .boxed(),
        ),
        ("body", value(&[r#""text""#, r#""{\"order\":{\"text\":\"\\\"hopguard\\\"\"}}""#]).boxed()),
        ("attributes", system.boxed()),
        ("messageAttributes", prop_oneof![1 => value(&["{}"]), 4 => carrier].boxed()),
        ("md5OfBody", value(&[r#""098f6bcd4621d373cade4e832627b4f6""#]).boxed()),
        ("eventSource", value(&[r#""aws:sqs""#]).boxed()),
        (
            "eventSourceARN",
            value(&[r#""arn:aws:sqs:eu-central-1:1:a""#, r#""arn:aws:sqs:eu-central-1:1:b""#]).boxed(),
        ),
        ("awsRegion", value(&[r#""eu-central-1""#]).boxed()),
    ]);
    vec(message, 1..6)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn white_space_changes_nothing(messages in messages(), cut: Index) {
        let bytes = batch(&messages, "");
        let event = Reader::default().read(&bytes);
        for space in [" ", "\n\t"] {
            let spaced = batch(&messages, space);
            let spaced = Reader::default().read(&spaced);
            if !(event.is_untouched() && says_nothing(&spaced)) {
                prop_assert_eq!(said(&event), said(&spaced), "{}", String::from_utf8_lossy(&bytes));
            }
        }
        for record in event.records() {
            prop_assert!(serde_json::from_slice::<Value>(event.json(record)).is_ok());
        }
        let part = &bytes[..cut.index(bytes.len())];
        prop_assert!(Reader::default().read(part).is_untouched(), "cut off: {}", String::from_utf8_lossy(part));
    }
}

/// Its body has our name in a text, which is no member of anything.
#[test]
fn of_a_batch_that_is_bare_no_word_is_looked_at() {
    let message = |space: &str| {
        format!(
            r#"{{"Records":{space}[{{"messageId":"059f36b4-87a3-44ab-83d2-661975830a7d","receiptHandle":"AQEB","body":"{{\"order\":\"\\\"hopguard\\\"\"}}","attributes":{{"ApproximateReceiveCount":"1","SentTimestamp":"1795474347592","SenderId":"AIDAIENQZJOLO23YVJ4VO","ApproximateFirstReceiveTimestamp":"1795474347593"}},"messageAttributes":{{}},"md5OfBody":"098f6bcd4621d373cade4e832627b4f6","eventSource":"aws:sqs","eventSourceARN":"arn:aws:sqs:eu-central-1:1:a","awsRegion":"eu-central-1"}}]}}"#
        )
    };
    let (bare, spaced) = (message(""), message(" "));
    assert!(Reader::default().read(bare.as_bytes()).is_untouched());
    let spaced = Reader::default().read(spaced.as_bytes());
    assert!(spaced.records().len() == 1 && says_nothing(&spaced), "{spaced:?}");
}

#[test]
fn a_message_ends_as_the_one_before_or_in_its_own_way() {
    let message = |end: &str| format!(r#"{{"messageId":"1","body":"hopguard"{end}}}"#);
    let usual =
        |queue: &str| format!(r#","eventSource":"aws:sqs","eventSourceARN":"{queue}","awsRegion":"r""#);
    let cases = [
        (
            vec![usual("a"), usual("a"), usual("b"), usual("a")],
            vec![Some("a"), Some("a"), Some("b"), Some("a")],
        ),
        (vec![usual("a"), format!("{},\"x\":1", usual("a"))], vec![Some("a"), Some("a")]),
        (vec![usual("a"), format!("{},\"eventSourceARN\":\"b\"", usual("a"))], vec![Some("a"), Some("b")]),
        (vec![usual("a"), String::new(), usual("a")], vec![Some("a"), None, Some("a")]),
        (vec![usual("a"), r#","eventSource":"aws:sqs""#.to_owned()], vec![Some("a"), None]),
        (vec![usual("a"), usual("a").replace("aws:sqs", "mine:sqs")], vec![Some("a"), None]),
        (vec![usual(r"\u0061"), usual(r"\u0061")], vec![Some("a"), Some("a")]),
        (vec![r#","eventSource":"aws:sqs","eventSourceARN":"a""#.to_owned(); 2], vec![Some("a"), Some("a")]),
    ];
    for (ends, expected) in cases {
        let messages: Vec<_> = ends.iter().map(|end| message(end)).collect();
        let bytes = format!(r#"{{"Records":[{}]}}"#, messages.join(",")).into_bytes();
        let event = Reader::default().read(&bytes);
        let origins: Vec<_> = event.records().iter().map(|record| record.origin.as_deref()).collect();
        assert_eq!(origins, expected, "{}", String::from_utf8_lossy(&bytes));
    }
}
