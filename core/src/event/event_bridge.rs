use std::borrow::Cow;

use super::field;
use super::object::{Named, ObjectRef};
use super::reader::Walk;
use crate::json::{Cursor, Text};
use crate::propagator::Inbound;

/// What is kept of an EventBridge event while it is read: at the top level of a Lambda event, or inside a body.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Envelope<'j> {
    pub(super) detail_type: Option<Text<'j>>,
    pub(super) source: Option<Text<'j>>,
    pub(super) id: Option<Text<'j>>,
    pub(super) detail: Option<Cursor<'j>>,
}

impl<'j> Envelope<'j> {
    /// Takes one top-level member into account.
    #[inline]
    pub(super) fn member(&mut self, key: &[u8], cursor: &mut Cursor<'j>) {
        match key {
            b"detail-type" => self.detail_type = cursor.string(),
            b"source" => self.source = cursor.string(),
            b"id" => self.id = cursor.string(),
            b"detail" => self.detail = (cursor.peek() == Some(b'{')).then_some(*cursor),
            _ => {}
        }
    }

    /// Whether this is an EventBridge event: it has a detail type, a source, and an object as its detail.
    pub(super) fn is_whole(&self) -> bool {
        self.detail_type.is_some() && self.source.is_some() && self.detail.is_some()
    }

    /// Reads the field in `detail`, and for S3 the object; `detail` holds one or the other.
    pub(super) fn read(self, walk: &Walk<'_>) -> (Inbound, Option<ObjectRef<'j>>) {
        let Some(mut detail) = self.detail else { return Default::default() };
        if self.source.is_some_and(|source| source.is("aws.s3")) {
            let removed = self.detail_type.is_some_and(|kind| kind.is("Object Deleted"));
            return (Inbound::default(), object(&mut detail, removed));
        }
        let mut inbound = Inbound::default();
        detail.members(|key, cursor| {
            if key == field::NAME.as_bytes() {
                inbound = field::read(cursor).extract(walk.keys());
            }
        });
        (inbound, None)
    }

    /// The bucket that an event of S3 names.
    pub(super) fn bucket(&self) -> Option<Cow<'j, str>> {
        object(&mut self.detail?, false).map(|object| object.bucket)
    }

    pub(super) fn id(&self) -> Option<Cow<'j, str>> {
        self.id?.text()
    }
}

/// S3's form for EventBridge: keys are not URL-encoded, and names are hyphenated.
fn object<'j>(detail: &mut Cursor<'j>, removed: bool) -> Option<ObjectRef<'j>> {
    let mut named = Named { removed, ..Named::default() };
    detail.members(|key, cursor| match key {
        b"bucket" => {
            cursor.members(|key, cursor| {
                if key == b"name" {
                    named.bucket = cursor.text();
                }
            });
        }
        b"object" => {
            cursor.members(|key, cursor| match key {
                b"key" => named.key = cursor.text(),
                b"etag" => named.etag = cursor.text(),
                b"version-id" => named.version = cursor.text(),
                b"sequencer" => named.sequencer = cursor.text(),
                _ => {}
            });
        }
        b"request-id" => named.request_id = cursor.text(),
        _ => {}
    });
    named.object()
}
