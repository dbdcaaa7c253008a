use super::carried::Carried;
use super::event_bridge::Envelope;
use super::reader::Walk;
use super::record::Record;
use super::{attributes, s3};
use crate::json::{Cursor, Text};

/// How deep JSON in a JSON string is read: an SQS body, and the message of the SNS notification in it.
pub(super) const DEPTH: usize = 2;

/// Reads the JSON that stood in a body: an SNS notification (and what is in its message), an S3 notification, or an
/// EventBridge event. Anything else is the user's own and says nothing.
pub(super) fn read(walk: &mut Walk<'_>, json: &[u8], record: &mut Record<'_>) {
    let mut cursor = Cursor::new(json);
    let mut sns = Notification::default();
    let mut bridge = Envelope::default();
    let mut objects = Vec::new();
    cursor.members(|key, cursor| match &*key.name() {
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
    if sns.is_notification && sns.has_topic {
        record.believe(sns.carried.extract(walk.keys()));
        if let Some(message) = sns.message {
            walk.unwrap(&message, record);
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
