use super::carried::Carried;
use super::reader::Walk;
use super::record::Record;
use super::wrapped::Level;
use super::{Source, attributes};
use crate::json::Cursor;
use crate::xray::Xray;

/// Reads one SQS message: its attributes, and what an SNS or S3 notification in its body says.
pub(super) fn read<'e>(walk: &mut Walk<'_>, cursor: &mut Cursor<'e>, record: &mut Record<'e>) {
    let mut carried = Carried::default();
    let mut body = None;
    cursor.members(|key, cursor| match key {
        b"messageId" => record.id = cursor.text(),
        b"body" => body = cursor.string(),
        b"attributes" => system_attributes(record, cursor),
        b"messageAttributes" => carried = attributes::read(cursor),
        b"eventSourceARN" => record.origin = cursor.text(),
        b"eventSource" => record.source = Source::named(cursor.string()),
        _ => {}
    });
    if record.source != Source::Sqs {
        *record = Record::new(Source::Other);
        return;
    }
    record.inbound = carried.extract(walk.keys());
    if let Some(body) = body {
        walk.unwrap(&body, Level::Body, record);
    }
}

/// What SQS itself says of a message, outside the ten attributes of the user's.
fn system_attributes<'e>(record: &mut Record<'e>, cursor: &mut Cursor<'e>) {
    cursor.members(|key, cursor| match key {
        b"ApproximateReceiveCount" => {
            let count = cursor.string().and_then(|text| std::str::from_utf8(text.raw()).ok()?.parse().ok());
            record.attempt = count.unwrap_or(1).max(1);
        }
        b"MessageGroupId" => record.group = cursor.text(),
        b"AWSTraceHeader" => {
            record.xray = cursor.text().map(|header| Xray::parse(&header)).unwrap_or_default();
        }
        _ => {}
    });
}
