use super::attributes;
use super::carried::Carried;
use super::reader::Walk;
use super::record::Record;
use super::wrapped::Level;
use crate::json::Cursor;

/// Reads one record of an SNS event: its attributes, and what an S3 notification or EventBridge event in its message says.
pub(super) fn read<'e>(walk: &mut Walk<'_>, cursor: &mut Cursor<'e>, record: &mut Record<'e>) {
    let (mut carried, mut message, mut subscription) = (Carried::default(), None, None);
    cursor.members(|key, cursor| match key {
        b"Sns" => {
            cursor.members(|key, cursor| match key {
                b"MessageId" => record.id = cursor.text(),
                b"TopicArn" => record.origin = cursor.text(),
                b"Message" => message = cursor.string(),
                b"MessageAttributes" => carried = attributes::read(cursor),
                _ => {}
            });
        }
        b"EventSubscriptionArn" => subscription = cursor.text(),
        _ => {}
    });
    if record.origin.is_none() {
        record.origin = subscription;
    }
    record.inbound = carried.extract(walk.keys());
    if let Some(message) = message {
        walk.unwrap(&message, Level::Message, record);
    }
}
