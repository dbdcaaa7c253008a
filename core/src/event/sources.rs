use std::borrow::Cow;

use super::event_bridge::Envelope;
use super::{Source, s3, wrapped};
use crate::json::{Cursor, Text};

/// The most names that are kept: one is usual, and two where a queue has its messages from a topic or a bucket.
const MAX_NAMES: usize = 16;
/// How deep JSON in strings is read: a body, and the message of a notification in it.
const MAX_DEPTH: usize = 2;

/// What feeds an invocation, by name: queue, topic, bucket, stream, table, and the function itself, which a direct invocation of
/// itself feeds. What is sent there comes back.
///
/// Names are compared, not accounts and Regions, and an event does not say by which EventBridge bus it came: what a function that
/// got a user's event puts on any bus counts. Where that is wrong nothing is lost, since only a receiver that stands
/// on the path already takes it for a loop.
///
/// ```
/// use hopguard_core::event::{Source, Sources};
///
/// let event = br#"{"Records": [{"messageId": "1", "body": "order 1", "eventSource": "aws:sqs",
///     "eventSourceARN": "arn:aws:sqs:eu-central-1:123456789012:orders"}]}"#;
/// let sources = Sources::read(event, "arn:aws:lambda:eu-central-1:123456789012:function:billing");
/// assert!(sources.contain(Source::Sqs, "https://sqs.eu-central-1.amazonaws.com/123456789012/orders"));
/// assert!(!sources.contain(Source::Sqs, "https://sqs.eu-central-1.amazonaws.com/123456789012/invoices"));
/// assert!(sources.contain(Source::Invoke, "billing:live"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources {
    pub(super) names: Vec<(Source, Box<str>)>,
    records: u32,
}

impl Sources {
    /// Reads an event's JSON. What cannot be read feeds nothing. `function` is the ARN or the name of the function that got it.
    ///
    /// This walks the whole event: who needs it where something is sent reads it then.
    pub fn read(event: &[u8], function: &str) -> Self {
        let mut sources = Self::default();
        if !function.is_empty() {
            sources.add(Source::Invoke, function);
        }
        sources.walk(event, 0);
        sources
    }

    /// How many records the event has; 1 for an event that is no batch.
    pub fn records(&self) -> u32 {
        self.records.max(1)
    }

    /// Whether this feeds the invocation: the URL, the ARN or the name of what a message is sent to. `source` says what it is;
    /// with [`Source::Invoke`] a function.
    pub fn contain(&self, source: Source, target: &str) -> bool {
        let name = name_of(source, target);
        let known = |(kind, known): &(Source, Box<str>)| {
            *kind == source && (**known == *name || source == Source::EventBridge)
        };
        self.names.iter().any(known)
    }

    fn add(&mut self, source: Source, target: &str) {
        if self.names.len() < MAX_NAMES && !self.contain(source, target) {
            self.names.push((source, name_of(source, target).into()));
        }
    }

    /// Reads an event, or what stands as JSON in a string of one.
    fn walk(&mut self, json: &[u8], depth: usize) {
        let mut bridge = Envelope::default();
        let (mut topic, mut message) = (None, None);
        Cursor::new(json).members(|key, cursor| match key {
            b"Records" => {
                cursor.elements(|cursor| self.record(cursor, depth));
            }
            b"TopicArn" if depth > 0 => topic = cursor.text(),
            b"Message" if depth > 0 => message = cursor.string(),
            key => bridge.member(key, cursor),
        });
        if let Some(topic) = topic {
            self.add(Source::Sns, &topic);
            self.unwrap(message, depth);
        }
        if bridge.is_whole() {
            self.bridge(bridge);
        }
    }

    fn record(&mut self, cursor: &mut Cursor<'_>, depth: usize) {
        if depth > 0 {
            if let Some(bucket) = bucket(cursor) {
                self.add(Source::S3, &bucket);
            }
            return;
        }
        self.records = self.records.saturating_add(1);
        let source = Source::of_record(*cursor);
        let (mut body, mut origin) = (None, None);
        if source == Source::S3 {
            origin = bucket(cursor);
        } else {
            cursor.members(|key, cursor| match key {
                b"body" => body = cursor.string(),
                b"eventSourceARN" => origin = cursor.text(),
                b"Sns" => {
                    cursor.members(|key, cursor| match key {
                        b"TopicArn" => origin = cursor.text(),
                        b"Message" => body = cursor.string(),
                        _ => {}
                    });
                }
                _ => {}
            });
        }
        if let Some(origin) = origin {
            self.add(source, &origin);
        }
        self.unwrap(body, depth);
    }

    /// Reads the JSON in a string, where it may be of a shape of AWS's own.
    fn unwrap(&mut self, text: Option<Text<'_>>, depth: usize) {
        let text = text.filter(|text| depth < MAX_DEPTH && wrapped::may_be_known(text.raw()));
        if let Some(json) = text.and_then(|text| text.bytes().map(Cow::into_owned)) {
            self.walk(&json, depth + 1);
        }
    }

    fn bridge(&mut self, bridge: Envelope<'_>) {
        let source = bridge.source.and_then(|source| source.text()).unwrap_or_default();
        match &*source {
            "aws.s3" => {
                let bucket = bridge.bucket();
                bucket.into_iter().for_each(|bucket| self.add(Source::S3, &bucket));
            }
            // AWS's own events nobody else can put on a bus: a schedule, for example.
            own if own.starts_with("aws.") => {}
            _ => self.add(Source::EventBridge, ""),
        }
    }
}

/// The bucket of one entry of a notification.
fn bucket<'j>(cursor: &mut Cursor<'j>) -> Option<Cow<'j, str>> {
    s3::notification(cursor).and_then(|(named, arn)| named.bucket.or(arn))
}

/// The name in a queue's URL, an ARN, or a name.
pub(super) fn name_of(source: Source, target: &str) -> &str {
    let after = |text: &'static str| target.split_once(text).map_or(target, |(_, after)| after);
    match source {
        Source::Sqs => target.trim_end_matches('/').rsplit(['/', ':']).next().unwrap_or(target),
        Source::Sns => target.rsplit(':').next().unwrap_or(target),
        Source::S3 => target.strip_prefix("arn:").and_then(|arn| arn.rsplit(':').next()).unwrap_or(target),
        // A consumer's ARN has the stream's name in its middle, and a stream's ARN that of its table.
        Source::Kinesis => first(after(":stream/"), '/'),
        Source::DynamoDb => first(after(":table/"), '/'),
        // `name:alias`, `account:function:name:alias`, or an ARN.
        Source::Invoke => first(target.split_once("function:").map_or(target, |(_, name)| name), ':'),
        _ => target,
    }
}

fn first(text: &str, end: char) -> &str {
    text.split(end).next().unwrap_or(text)
}
