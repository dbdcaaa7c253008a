use std::fmt;

use crate::json::{Cursor, Text};

/// How much of an event is looked at to tell where it comes from: AWS puts what tells it first, and a label is not worth more.
pub(super) const HEAD: usize = 4096;

/// Without any of these words, nothing of an event has a shape that is known here.
pub(super) const WORDS: [&str; 4] = ["Records", "requestContext", "detail-type", "eaders"];

/// What delivered an event to Lambda.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Source {
    /// A batch of SQS messages.
    Sqs,
    /// An SNS notification.
    Sns,
    /// An S3 event notification.
    S3,
    /// An EventBridge event.
    EventBridge,
    /// A batch of records of a Kinesis data stream.
    Kinesis,
    /// A batch of changes from a DynamoDB stream.
    DynamoDb,
    /// A direct invocation's payload, a task's input in Step Functions: a JSON object of no shape that is known here.
    Invoke,
    /// A request through API Gateway, a Function URL or an Application Load Balancer.
    Http,
    /// Anything else.
    #[default]
    Other,
}

impl Source {
    /// All of them, in the order of their declaration.
    pub const ALL: [Self; 9] = [
        Self::Sqs,
        Self::Sns,
        Self::S3,
        Self::EventBridge,
        Self::Kinesis,
        Self::DynamoDb,
        Self::Invoke,
        Self::Http,
        Self::Other,
    ];

    /// The one with this [`name`](Self::name); [`Source::Other`] where there is none.
    pub fn from_name(name: &str) -> Self {
        Self::ALL.into_iter().find(|source| source.name() == name).unwrap_or_default()
    }

    /// The name in metrics, spans and logs: `sqs`, `sns`, `s3`, `eventbridge`, `kinesis`, `dynamodb`, `invoke`,
    /// `http` or `other`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sqs => "sqs",
            Self::Sns => "sns",
            Self::S3 => "s3",
            Self::EventBridge => "eventbridge",
            Self::Kinesis => "kinesis",
            Self::DynamoDb => "dynamodb",
            Self::Invoke => "invoke",
            Self::Http => "http",
            Self::Other => "other",
        }
    }

    /// Whether Lambda itself fetches the records, by an event source mapping: it waits for the answer, which may name those that
    /// failed.
    pub const fn is_polled(self) -> bool {
        matches!(self, Self::Sqs) || self.is_stream()
    }

    /// Whether the records are of a stream: what fails comes again together with everything that follows it.
    pub const fn is_stream(self) -> bool {
        matches!(self, Self::Kinesis | Self::DynamoDb)
    }

    /// The value of `faas.trigger` (OpenTelemetry semantic conventions).
    pub const fn trigger(self) -> &'static str {
        match self {
            Self::Sqs | Self::Sns | Self::EventBridge | Self::Kinesis => "pubsub",
            Self::S3 | Self::DynamoDb => "datasource",
            Self::Http => "http",
            _ => "other",
        }
    }

    /// The value of `messaging.system` (the same), where this is a messaging system.
    pub const fn messaging_system(self) -> Option<&'static str> {
        match self {
            Self::Sqs => Some("aws_sqs"),
            Self::Sns => Some("aws.sns"),
            // OpenTelemetry has no value of its own for it, and lets one be made.
            Self::Kinesis => Some("aws.kinesis"),
            _ => None,
        }
    }

    /// What a service's calls send to, by the service id of AWS's SDKs: `SQS` to a queue, `Lambda` to a function.
    pub fn of_service(id: &str) -> Self {
        match id {
            "SQS" => Self::Sqs,
            "SNS" => Self::Sns,
            "S3" => Self::S3,
            "EventBridge" => Self::EventBridge,
            "Kinesis" => Self::Kinesis,
            "DynamoDB" => Self::DynamoDb,
            "Lambda" => Self::Invoke,
            _ => Self::Other,
        }
    }

    /// Tells the source from the first few kilobytes, by the keys that AWS puts there.
    pub(super) fn sniff(event: &[u8]) -> Self {
        let mut cursor = Cursor::new(event.get(..HEAD).unwrap_or(event));
        if !cursor.enter_object() {
            return Self::Other;
        }
        let (mut headers, mut route) = (false, false);
        while let Some(key) = cursor.next_key() {
            match key.raw() {
                b"Records" => return Self::of_first(cursor),
                b"requestContext" => return Self::Http,
                b"detail-type" => return Self::EventBridge,
                b"headers" | b"multiValueHeaders" => headers = true,
                b"httpMethod" | b"rawPath" | b"routeKey" => route = true,
                _ => {}
            }
            cursor.skip();
        }
        if headers && route { Self::Http } else { Self::Invoke }
    }

    fn of_first(mut records: Cursor<'_>) -> Self {
        let mut first = None;
        records.first_element(|record| first = Some(Self::of_record(*record)));
        first.unwrap_or(Self::Other)
    }

    /// Tells a record's source from the first key that only one source has, which with AWS is the first or the second.
    pub(super) fn of_record(mut record: Cursor<'_>) -> Self {
        if record.guess(b"{\"messageId\":") {
            return Self::Sqs;
        }
        if !record.enter_object() {
            return Self::Other;
        }
        while let Some(key) = record.next_key() {
            match key.raw() {
                b"messageId" | b"receiptHandle" | b"body" | b"messageAttributes" | b"md5OfBody" => {
                    return Self::Sqs;
                }
                b"Sns" | b"EventSubscriptionArn" => return Self::Sns,
                b"s3" => return Self::S3,
                b"kinesis" => return Self::Kinesis,
                b"dynamodb" => return Self::DynamoDb,
                b"eventSource" | b"EventSource" => return Self::named(record.string()),
                _ => record.skip(),
            }
        }
        Self::Other
    }

    /// The source that a record names in `eventSource`.
    pub(super) fn named(name: Option<Text<'_>>) -> Self {
        let is = |known: &str| name.is_some_and(|name| name.is(known));
        match () {
            () if is("aws:sqs") => Self::Sqs,
            () if is("aws:sns") => Self::Sns,
            () if is("aws:s3") => Self::S3,
            () if is("aws:kinesis") => Self::Kinesis,
            () if is("aws:dynamodb") => Self::DynamoDb,
            () => Self::Other,
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_keys_tell() {
        let far = format!(r#"{{"pad":"{}","requestContext":{{}}}}"#, "x".repeat(2 * HEAD));
        let cases = [
            (r#"{"Records":[{"messageId":"1","body":"x"#, Source::Sqs),
            (r#"{"Records":[{"attributes":{},"awsRegion":"x","body":""}]}"#, Source::Sqs),
            (
                r#"{"Records":[{"EventVersion":"1.0","EventSubscriptionArn":"a","EventSource":"aws:sns"}]}"#,
                Source::Sns,
            ),
            (r#"{"Records":[{"EventSource":"aws:sns","Sns":{}}]}"#, Source::Sns),
            (r#"{"Records":[{"eventVersion":"2.1","eventSource":"aws:s3"}]}"#, Source::S3),
            (r#"{"Records":[{"eventVersion":"2.1","awsRegion":"x","s3":{}}]}"#, Source::S3),
            (
                r#"{"Records":[{"eventID":"1","eventName":"INSERT","eventSource":"aws:dynamodb"}]}"#,
                Source::DynamoDb,
            ),
            (r#"{"Records":[{"eventID":"1","dynamodb":{"Keys":{"id"#, Source::DynamoDb),
            (r#"{"Records":[{"kinesis":{"data":""},"eventSource":"aws:kinesis"}]}"#, Source::Kinesis),
            (r#"{"Records":[{"eventSource":"aws:kinesis","kinesis":{"data":""}}]}"#, Source::Kinesis),
            (r#"{"Records":[{"eventSource":"aws:mq"}]}"#, Source::Other),
            (r#"{"Records":[]}"#, Source::Other),
            (r#"{"Records":[1]}"#, Source::Other),
            (r#"{"Records":{}}"#, Source::Other),
            (
                r#"{"version":"0","id":"x","detail-type":"order","source":"shop","detail":{}}"#,
                Source::EventBridge,
            ),
            (r#"{"version":"2.0","routeKey":"$default","headers":{},"requestContext":{}}"#, Source::Http),
            (r#"{"path":"/","httpMethod":"GET","headers":{"cookie":"..."#, Source::Http),
            (r#"{"order":1}"#, Source::Invoke),
            (&far, Source::Invoke),
            ("{}", Source::Invoke),
            ("[]", Source::Other),
            ("\"text\"", Source::Other),
            ("", Source::Other),
        ];
        for (event, expected) in cases {
            assert_eq!(Source::sniff(event.as_bytes()), expected, "{event}");
        }
    }
}
