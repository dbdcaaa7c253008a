use super::carried::Carried;
use super::reader::Walk;
use super::record::Record;
use super::{Source, attributes};
use crate::json::Cursor;

/// Reads one record of an SNS event: its attributes, and what an S3 notification or EventBridge event in its message says.
pub(super) fn read<'e>(walk: &mut Walk<'_>, cursor: &mut Cursor<'e>) -> Record<'e> {
    let mut record = Record::new(Source::Sns);
    let (mut carried, mut message, mut subscription) = (Carried::default(), None, None);
    cursor.members(|key, cursor| match &*key.name() {
        b"Sns" => {
            cursor.members(|key, cursor| match &*key.name() {
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
    record.origin = record.origin.or(subscription);
    record.inbound = carried.extract(walk.keys());
    if let Some(message) = message {
        walk.unwrap(&message, &mut record);
    }
    record
}
