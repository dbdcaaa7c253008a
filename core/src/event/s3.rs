use std::borrow::Cow;

use super::Source;
use super::object::{Named, url_decode};
use super::record::Record;
use crate::json::Cursor;

/// Reads one record of an S3 event: the object that it names.
pub(super) fn read<'e>(cursor: &mut Cursor<'e>, record: &mut Record<'e>) {
    let Some((named, arn)) = notification(cursor) else {
        *record = Record::new(Source::Other);
        return;
    };
    record.id = match (&named.request_id, &named.sequencer) {
        (Some(request), Some(sequencer)) => Some(Cow::Owned(format!("{request}:{sequencer}"))),
        (one, other) => one.clone().or_else(|| other.clone()),
    };
    record.origin = arn;
    if let Some(object) = named.object() {
        record.push_object(object);
    }
}

/// Reads one entry of a notification's `Records`: what it says of its object, and the bucket's ARN. `None` where it says
/// that it comes from elsewhere.
pub(super) fn notification<'j>(cursor: &mut Cursor<'j>) -> Option<(Named<'j>, Option<Cow<'j, str>>)> {
    let (mut named, mut arn, mut source) = (Named::default(), None, Source::S3);
    cursor.members(|key, cursor| match key {
        b"eventSource" => source = Source::named(cursor.string()),
        b"eventName" => named.removed = cursor.text().is_some_and(|name| is_removal(&name)),
        b"responseElements" => {
            cursor.members(|key, cursor| {
                if key == b"x-amz-request-id" {
                    named.request_id = cursor.text();
                }
            });
        }
        b"s3" => {
            cursor.members(|key, cursor| match key {
                b"bucket" => {
                    cursor.members(|key, cursor| match key {
                        b"name" => named.bucket = cursor.text(),
                        b"arn" => arn = cursor.text(),
                        _ => {}
                    });
                }
                b"object" => {
                    cursor.members(|key, cursor| match key {
                        b"key" => named.key = cursor.text().and_then(url_decode),
                        b"eTag" => named.etag = cursor.text(),
                        b"versionId" => named.version = cursor.text(),
                        b"sequencer" => named.sequencer = cursor.text(),
                        _ => {}
                    });
                }
                _ => {}
            });
        }
        _ => {}
    });
    (source == Source::S3).then_some((named, arn))
}

/// Removed by a request or by a lifecycle rule; a marker in a versioned bucket has nothing to look up either.
fn is_removal(event_name: &str) -> bool {
    let name = event_name.strip_prefix("s3:").unwrap_or(event_name);
    name.starts_with("ObjectRemoved:") || name.starts_with("LifecycleExpiration:")
}
