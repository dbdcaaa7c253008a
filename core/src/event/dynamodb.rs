use std::borrow::Cow;

use super::reader::Walk;
use super::record::Record;
use super::{Source, field};
use crate::json::Cursor;
use crate::propagator::Inbound;
use crate::signing::SigningKeys;
use crate::token::Rejected;

/// Reads one record of a DynamoDB stream: the attribute `hopguard` of the item as it was written.
///
/// The attribute stays in its item. Where the item had the same one before, it is not of this write, whose writer did not know
/// of it: it would count the hops of a chain that has nothing to do with this change, once more with each. What the layer writes
/// is new with every call, by the span in it.
pub(super) fn read<'e>(walk: &Walk<'_>, cursor: &mut Cursor<'e>, record: &mut Record<'e>) {
    let (mut new, mut old) = (None, None);
    cursor.members(|key, cursor| match key {
        b"dynamodb" => {
            cursor.members(|key, cursor| match key {
                b"SequenceNumber" => record.id = cursor.text(),
                b"NewImage" => new = attribute(cursor),
                b"OldImage" => old = attribute(cursor),
                _ => {}
            });
        }
        b"eventSource" => record.source = Source::named(cursor.string()),
        b"eventSourceARN" => record.origin = cursor.text(),
        _ => {}
    });
    if record.source != Source::DynamoDb {
        *record = Record::new(Source::Other);
        return;
    }
    if let Some(value) = new.filter(|new| old.as_ref() != Some(new)) {
        record.inbound = inbound(value.as_deref(), walk.keys());
    }
}

/// The value of our attribute in an item; `Some(None)` where it is no text.
fn attribute<'e>(image: &mut Cursor<'e>) -> Option<Option<Cow<'e, [u8]>>> {
    let mut found = None;
    image.members(|key, cursor| {
        if key == field::NAME.as_bytes() {
            let mut text = None;
            cursor.members(|kind, cursor| {
                if kind == b"S" {
                    text = cursor.string_bytes();
                }
            });
            found = Some(text);
        }
    });
    found
}

/// Reads the token, or the token, a space and the `traceparent` of the call that wrote it.
fn inbound(value: Option<&[u8]>, keys: Option<&SigningKeys>) -> Inbound {
    let Some(text) = value else {
        return Inbound { rejected: Some(Rejected::Malformed), ..Inbound::default() };
    };
    let mut parts = text.splitn(2, |byte| *byte == b' ');
    let token = parts.next();
    Inbound::read(parts.next(), None, token, keys)
}
