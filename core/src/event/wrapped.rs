use super::carried::Carried;
use super::event_bridge::Envelope;
use super::reader::Walk;
use super::record::Record;
use super::{attributes, s3};
use crate::json::{Cursor, Text};

/// Where JSON stands inside a JSON string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    /// An SQS message's body, which may be an SNS notification.
    Body,
    /// An SNS notification's message, which may not be another one.
    Message,
}

/// Whether the escaped JSON in a body may be of a shape that is read here, by its first key. Where that is not plain to see
/// (white space, other escapes) it may.
#[inline]
pub(super) fn may_be_known(raw: &[u8]) -> bool {
    match raw {
        [b'{', b'\\', b'"', key @ ..] => {
            let end = key.iter().take(LONGEST + 1).position(|byte| *byte == b'\\');
            end.and_then(|end| key.get(..end)).is_some_and(is_known)
        }
        [b'{' | b'\\' | b' ' | b'\t' | b'\n' | b'\r', ..] => true,
        _ => false,
    }
}

/// The length of the longest key in [`is_known`].
const LONGEST: usize = 17;

/// Whether this is a top-level key of an SNS notification, an S3 notification or an EventBridge event.
fn is_known(key: &[u8]) -> bool {
    let is_sns = matches!(
        key,
        b"Type"
            | b"MessageId"
            | b"TopicArn"
            | b"Subject"
            | b"Message"
            | b"Timestamp"
            | b"SignatureVersion"
            | b"Signature"
            | b"SigningCertURL"
            | b"UnsubscribeURL"
            | b"MessageAttributes"
            | b"SequenceNumber"
    );
    let is_event_bridge = matches!(
        key,
        b"version"
            | b"id"
            | b"detail-type"
            | b"source"
            | b"account"
            | b"time"
            | b"region"
            | b"resources"
            | b"detail"
    );
    is_sns || is_event_bridge || key == b"Records"
}

/// Reads the JSON that stood in a body: an SNS notification (and what is in its message), an S3 notification, or an
/// EventBridge event. Anything else is the user's own and says nothing.
pub(super) fn read(walk: &mut Walk<'_>, json: &[u8], level: Level, record: &mut Record<'_>) {
    let mut cursor = Cursor::new(json);
    let mut sns = Notification::default();
    let mut bridge = Envelope::default();
    let mut objects = Vec::new();
    cursor.members(|key, cursor| match key {
        b"Type" => sns.is_notification = cursor.string().is_some_and(|kind| kind.is("Notification")),
        b"TopicArn" => sns.has_topic = cursor.string().is_some(),
        b"Message" => sns.message = cursor.string(),
        b"MessageAttributes" => sns.carried = attributes::read(cursor),
        b"Records" => {
            objects.clear();
            cursor.elements(|cursor| {
                if let Some(object) = s3::notification(cursor).and_then(|(named, _)| named.object()) {
                    objects.push(object.into_owned());
                }
            });
        }
        key => bridge.member(key, cursor),
    });
    if !cursor.finish() {
        return;
    }
    for object in objects {
        record.push_object(object);
    }
    if level == Level::Body && sns.is_notification && sns.has_topic {
        record.believe(sns.carried.extract(walk.keys()));
        if let Some(message) = sns.message {
            walk.unwrap(&message, Level::Message, record);
        }
    } else if bridge.is_whole() {
        let (inbound, object) = bridge.read(walk);
        record.believe(inbound);
        if let Some(object) = object {
            record.push_object(object.into_owned());
        }
    }
}

/// What is kept of an SNS notification while it is read.
#[derive(Debug, Default)]
struct Notification<'j> {
    is_notification: bool,
    has_topic: bool,
    message: Option<Text<'j>>,
    carried: Carried<'j>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_key_tells_what_a_body_cannot_be() {
        let cases = [
            (r#"{\"Type\":\"Notification\""#, true),
            (r#"{\"Records\":["#, true),
            (r#"{\"detail\":{"#, true),
            (r#"{\"MessageAttributes\":{"#, true),
            (r#"{\n  \"Type\" : "#, true),
            (r#"{ \"orderId\":1"#, true),
            (r#"\n{"#, true),
            (r#"{\"orderId\":1"#, false),
            (r#"{\"Typed\":1"#, false),
            (r#"{\"MessageAttributesOf\":1"#, false),
            (r#"{\"#, true),
            (r#"{}"#, true),
            (r#"[{\"Type\""#, false),
            ("plain text", false),
            ("", false),
        ];
        for (raw, expected) in cases {
            assert_eq!(may_be_known(raw.as_bytes()), expected, "{raw}");
        }
    }
}
