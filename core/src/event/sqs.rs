use std::borrow::Cow;

use super::carried::Carried;
use super::reader::Walk;
use super::record::Record;
use super::wrapped::Level;
use super::{Source, attributes};
use crate::json::{Cursor, Text};
use crate::xray::Xray;

/// How a message ends, from `eventSource` on: the same for all messages of one queue.
#[derive(Default)]
pub(super) struct Ending<'e> {
    text: &'e [u8],
    origin: Option<&'e str>,
}

/// Reads one SQS message: its attributes, and what an SNS or S3 notification in its body says.
pub(super) fn read<'e>(
    walk: &mut Walk<'_>,
    cursor: &mut Cursor<'e>,
    record: &mut Record<'e>,
    ending: &mut Ending<'e>,
) {
    let mut message = Message { record, carried: Carried::default(), body: None };
    if !cursor.enter_object() {
        return;
    }
    // The order in which Lambda writes a message.
    cursor.guess(b"messageId", |key, cursor| message.member(key, cursor));
    cursor.guess(b"receiptHandle", |key, cursor| message.member(key, cursor));
    cursor.guess(b"body", |key, cursor| message.member(key, cursor));
    cursor.guess(b"attributes", |key, cursor| message.member(key, cursor));
    cursor.guess(b"messageAttributes", |key, cursor| message.member(key, cursor));
    cursor.guess(b"md5OfMessageAttributes", |key, cursor| message.member(key, cursor));
    cursor.guess(b"md5OfBody", |key, cursor| message.member(key, cursor));
    if ending.origin.is_some() && cursor.guess_bytes(ending.text) {
        message.record.source = Source::Sqs;
        message.record.origin = ending.origin.map(Cow::Borrowed);
    } else {
        message.end(cursor, ending);
    }

    let Message { record, carried, body } = message;
    if record.source != Source::Sqs {
        *record = Record::new(Source::Other);
        return;
    }
    record.inbound = carried.extract(walk.keys());
    if let Some(body) = body {
        walk.unwrap(&body, Level::Body, record);
    }
}

/// A message, as it is read.
struct Message<'e, 'r> {
    record: &'r mut Record<'e>,
    carried: Carried<'e>,
    body: Option<Text<'e>>,
}

impl<'e> Message<'e, '_> {
    /// Reads the end of a message, and keeps it where the next one may end in the same way.
    fn end(&mut self, cursor: &mut Cursor<'e>, ending: &mut Ending<'e>) {
        let start = cursor.at();
        let in_order = cursor.guess(b"eventSource", |key, cursor| self.member(key, cursor))
            & cursor.guess(b"eventSourceARN", |key, cursor| self.member(key, cursor))
            & cursor.guess(b"awsRegion", |key, cursor| self.member(key, cursor));
        if !in_order || !cursor.guess_bytes(b"}") {
            cursor.other_members(|key, cursor| self.member(key, cursor));
        } else if let (Source::Sqs, Some(Cow::Borrowed(origin))) = (self.record.source, &self.record.origin) {
            *ending = Ending { text: cursor.since(start), origin: Some(origin) };
        }
    }

    // Always inlined, so that a guessed key leaves one arm of it.
    #[inline(always)]
    fn member(&mut self, key: &[u8], cursor: &mut Cursor<'e>) {
        match key {
            b"messageId" => self.record.id = cursor.text(),
            b"body" => self.body = cursor.string(),
            b"attributes" => system_attributes(self.record, cursor),
            b"messageAttributes" => self.carried = attributes::read(cursor),
            b"eventSourceARN" => self.record.origin = cursor.text(),
            b"eventSource" => self.record.source = Source::named(cursor.string()),
            _ => {}
        }
    }
}

/// What SQS itself says of a message, outside the ten attributes of the user's.
fn system_attributes<'e>(record: &mut Record<'e>, cursor: &mut Cursor<'e>) {
    if !cursor.enter_object() {
        return;
    }
    cursor.guess(b"ApproximateReceiveCount", |key, cursor| system_attribute(record, key, cursor));
    cursor.guess(b"AWSTraceHeader", |key, cursor| system_attribute(record, key, cursor));
    cursor.guess(b"SentTimestamp", |key, cursor| system_attribute(record, key, cursor));
    cursor.guess(b"SequenceNumber", |key, cursor| system_attribute(record, key, cursor));
    cursor.guess(b"MessageGroupId", |key, cursor| system_attribute(record, key, cursor));
    cursor.guess(b"SenderId", |key, cursor| system_attribute(record, key, cursor));
    cursor.guess(b"MessageDeduplicationId", |key, cursor| system_attribute(record, key, cursor));
    cursor.guess(b"ApproximateFirstReceiveTimestamp", |key, cursor| system_attribute(record, key, cursor));
    cursor.other_members(|key, cursor| system_attribute(record, key, cursor));
}

#[inline(always)]
fn system_attribute<'e>(record: &mut Record<'e>, key: &[u8], cursor: &mut Cursor<'e>) {
    match key {
        b"ApproximateReceiveCount" => {
            let count = cursor.string().and_then(|text| match text.raw() {
                [digit @ b'0'..=b'9'] => Some(u32::from(digit - b'0')),
                digits => std::str::from_utf8(digits).ok()?.parse().ok(),
            });
            record.attempt = count.unwrap_or(1).max(1);
        }
        b"MessageGroupId" => record.group = cursor.text(),
        b"AWSTraceHeader" => {
            record.xray = cursor.text().map(|header| Xray::parse(&header)).unwrap_or_default();
        }
        _ => {}
    }
}
