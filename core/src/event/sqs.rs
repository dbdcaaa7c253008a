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
    // The order in which Lambda writes a message.
    if let Some(id) = cursor.guess_string(br#"{"messageId":""#) {
        message.record.id = id.text();
    } else if !cursor.enter_object() {
        return;
    }
    cursor.guess_string(br#","receiptHandle":""#);
    message.body = cursor.guess_string(br#","body":""#);
    cursor.guess_value(br#","attributes":"#, |cursor| system_attributes(message.record, cursor));
    cursor.guess_value(br#","messageAttributes":"#, |cursor| message.carried = attributes::read(cursor));
    cursor.guess_string(br#","md5OfMessageAttributes":""#);
    cursor.guess_string(br#","md5OfBody":""#);
    if ending.origin.is_some() && cursor.guess(ending.text) {
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
        let source = cursor.guess_string(br#","eventSource":""#);
        if source.is_some() {
            self.record.source = Source::named(source);
        }
        let origin = cursor.guess_string(br#","eventSourceARN":""#);
        if let Some(origin) = origin {
            self.record.origin = origin.text();
        }
        cursor.guess_string(br#","awsRegion":""#);
        if !cursor.guess(b"}") {
            cursor.other_members(|key, cursor| self.member(key, cursor));
        } else if source.is_some()
            && origin.is_some()
            && let (Source::Sqs, Some(Cow::Borrowed(origin))) = (self.record.source, &self.record.origin)
        {
            *ending = Ending { text: cursor.since(start), origin: Some(origin) };
        }
    }

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
    // The order in which Lambda writes them.
    if let Some(count) = cursor.guess_string(br#"{"ApproximateReceiveCount":""#) {
        record.attempt = attempt(count);
    } else if !cursor.enter_object() {
        return;
    }
    if let Some(header) = cursor.guess_string(br#","AWSTraceHeader":""#) {
        record.xray = xray(header);
    }
    cursor.guess_string(br#","SentTimestamp":""#);
    cursor.guess_string(br#","SequenceNumber":""#);
    if let Some(group) = cursor.guess_string(br#","MessageGroupId":""#) {
        record.group = group.text();
    }
    cursor.guess_string(br#","SenderId":""#);
    cursor.guess_string(br#","MessageDeduplicationId":""#);
    cursor.guess_string(br#","ApproximateFirstReceiveTimestamp":""#);
    if cursor.guess(b"}") {
        return;
    }
    cursor.other_members(|key, cursor| match key {
        b"ApproximateReceiveCount" => record.attempt = cursor.string().map_or(1, attempt),
        b"MessageGroupId" => record.group = cursor.text(),
        b"AWSTraceHeader" => record.xray = cursor.string().map(xray).unwrap_or_default(),
        _ => {}
    });
}

fn attempt(count: Text<'_>) -> u32 {
    match count.raw() {
        [digit @ b'1'..=b'9'] => u32::from(digit - b'0'),
        digits => std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok()).unwrap_or(1).max(1),
    }
}

fn xray(header: Text<'_>) -> Xray {
    header.text().map(|header| Xray::parse(&header)).unwrap_or_default()
}
