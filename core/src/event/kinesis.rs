use super::reader::Walk;
use super::record::Record;
use super::{Source, field};
use crate::json::Cursor;

/// Reads one record of a Kinesis event: the field of the JSON object that its data encodes.
///
/// Where the data is something else (text, several objects one after the other, an aggregated record of the producer library)
/// there is no lineage in it.
pub(super) fn read<'e>(walk: &mut Walk<'_>, cursor: &mut Cursor<'e>, record: &mut Record<'e>) {
    let mut data = None;
    cursor.members(|key, cursor| match key {
        b"kinesis" => {
            cursor.members(|key, cursor| match key {
                b"sequenceNumber" => record.id = cursor.text(),
                b"data" => data = cursor.string(),
                _ => {}
            });
        }
        b"eventSource" => record.source = Source::named(cursor.string()),
        b"eventSourceARN" => record.origin = cursor.text(),
        _ => {}
    });
    if record.source != Source::Kinesis {
        *record = Record::new(Source::Other);
        return;
    }
    let keys = walk.keys();
    if let Some(carried) = data.as_ref().and_then(|data| walk.decode(data)).and_then(field::find) {
        record.inbound = carried.extract(keys);
    }
}
