use super::*;
use crate::event::sources as event_sources;

const FUNCTION: &str = "arn:aws:lambda:eu-central-1:123456789012:function:billing:live";

/// A name, an event, and what feeds a function that gets it.
type Case = (&'static str, Value, Vec<(Source, &'static str)>);

fn sources(event: &Value) -> Sources {
    Sources::read(&serde_json::to_vec(event).unwrap(), FUNCTION)
}

#[test]
fn each_trigger_names_what_feeds_the_function() {
    let wrapped = |message: &str| sqs([sqs_message(1, &notification(message, None).to_string(), json!({}))]);
    let s3_text = s3_notification().to_string();
    let stream = |arn: &str, source: &str| batch([json!({"eventSource": source, "eventSourceARN": arn})]);
    let cases: Vec<Case> = vec![
        ("a queue", sqs([sqs_message(1, "b", json!({}))]), vec![(Source::Sqs, "orders")]),
        (
            "a topic behind a queue",
            wrapped("m"),
            vec![(Source::Sqs, "orders"), (Source::Sns, "arn:aws:sns:eu-central-1:123456789012:orders")],
        ),
        (
            "a bucket behind a topic behind a queue",
            wrapped(&s3_text),
            vec![(Source::Sqs, "orders"), (Source::Sns, "orders"), (Source::S3, "photos")],
        ),
        (
            "a bucket behind a queue",
            sqs([sqs_message(1, &s3_text, json!({}))]),
            vec![(Source::Sqs, "orders"), (Source::S3, "photos")],
        ),
        ("a bucket", s3_notification(), vec![(Source::S3, "arn:aws:s3:::photos")]),
        (
            "a topic",
            batch([json!({"EventSource": "aws:sns", "Sns": notification("m", None)})]),
            vec![(Source::Sns, "orders")],
        ),
        (
            "a consumer of a stream",
            stream("arn:aws:kinesis:eu-central-1:123456789012:stream/clicks/consumer/c:1", "aws:kinesis"),
            vec![(Source::Kinesis, "clicks")],
        ),
        (
            "a table",
            stream("arn:aws:dynamodb:eu-central-1:123456789012:table/t/stream/2026-11", "aws:dynamodb"),
            vec![(Source::DynamoDb, "t")],
        ),
        ("some bus", bridge("shop", &json!({})), vec![(Source::EventBridge, "any")]),
        (
            "a bucket, by a bus",
            bridge("aws.s3", &json!({"bucket": {"name": "photos"}, "object": {"key": "k"}})),
            vec![(Source::S3, "photos")],
        ),
        ("a schedule", bridge("aws.events", &json!({})), vec![]),
        ("a user's own object", json!({"TopicArn": "arn:aws:sns:r:1:orders", "Message": "m"}), vec![]),
        (
            "a user's own body",
            sqs([sqs_message(1, r#"{"Records":[{"eventSourceARN":"arn:aws:sqs:r:1:mine"}]}"#, json!({}))]),
            vec![(Source::Sqs, "orders")],
        ),
    ];
    for (name, event, expected) in cases {
        let sources = sources(&event);
        assert_eq!(sources.names.len(), 1 + expected.len(), "{name}: {sources:?}");
        assert!(
            expected.iter().all(|(source, target)| sources.contain(*source, target)),
            "{name}: {sources:?}"
        );
        assert!(sources.contain(Source::Invoke, "billing"), "{name}");
    }
}

fn s3_notification() -> Value {
    batch([json!({
        "eventVersion": "2.1", "eventSource": "aws:s3", "eventName": "ObjectCreated:Put",
        "s3": {"bucket": {"name": "photos", "arn": "arn:aws:s3:::photos"}, "object": {"key": "a+b.jpg"}}
    })])
}

fn bridge(source: &str, detail: &Value) -> Value {
    json!({"version": "0", "id": "1", "detail-type": "d", "source": source, "detail": detail})
}

#[test]
fn a_target_is_known_by_its_url_its_arn_or_its_name() {
    let cases = [
        (Source::Sqs, "https://sqs.eu-central-1.amazonaws.com/123456789012/orders", "orders"),
        (Source::Sqs, "http://localhost:4566/000000000000/orders/", "orders"),
        (Source::Sqs, "arn:aws:sqs:eu-central-1:123456789012:orders.fifo", "orders.fifo"),
        (Source::Sns, "arn:aws:sns:eu-central-1:123456789012:orders", "orders"),
        (Source::S3, "photos", "photos"),
        (Source::S3, "arn:aws:s3:::photos", "photos"),
        (Source::S3, "arn:aws:s3:eu-central-1:123456789012:accesspoint/a", "accesspoint/a"),
        (Source::Kinesis, "clicks", "clicks"),
        (Source::Kinesis, "arn:aws:kinesis:eu-central-1:123456789012:stream/clicks", "clicks"),
        (Source::DynamoDb, "arn:aws:dynamodb:eu-central-1:123456789012:table/t", "t"),
        (Source::DynamoDb, "t", "t"),
        (Source::Invoke, "billing", "billing"),
        (Source::Invoke, "billing:live", "billing"),
        (Source::Invoke, "123456789012:function:billing", "billing"),
        (Source::Invoke, FUNCTION, "billing"),
    ];
    for (source, target, expected) in cases {
        assert_eq!(event_sources::name_of(source, target), expected, "{target}");
    }
}

#[test]
fn the_records_of_a_batch_are_counted() {
    let messages = |count| sqs((0..count).map(|nth| sqs_message(nth, "b", json!({}))));
    for (event, expected) in [(messages(7), 7), (messages(0), 1), (json!({}), 1), (json!([1]), 1)] {
        assert_eq!(sources(&event).records(), expected, "{event}");
    }
    assert_eq!(Sources::read(b"", "f").records(), 1);
}

#[test]
fn what_a_hostile_batch_names_is_bounded() {
    let body = |nth: usize| {
        let topic = format!("arn:aws:sns:eu-central-1:123456789012:t{nth}");
        json!({"Type": "Notification", "TopicArn": topic, "Message": "m"}).to_string()
    };
    let sources = sources(&sqs((0..100).map(|nth| sqs_message(nth, &body(nth), json!({})))));
    let known = (0..100).filter(|nth| sources.contain(Source::Sns, &format!("t{nth}"))).count();
    assert_eq!(known, 14, "16 with the function and the queue");
    let mut deep = "{}".to_owned();
    for _ in 0..6 {
        deep = json!({"Type": "Notification", "TopicArn": "t", "Message": deep}).to_string();
    }
    Sources::read(deep.as_bytes(), "f");
}
