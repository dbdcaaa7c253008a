use std::borrow::Cow;

use super::carried::{Carried, Name};
use crate::json::Cursor;
use crate::propagator::Inbound;
use crate::signing::SigningKeys;
use crate::token::Rejected;

/// Reads the headers of a request: `headers`, `{"name": "value"}`, or `multiValueHeaders`, `{"name": ["value", …]}`.
///
/// The public is on the other side: without keys nobody's token is believed. The sender's span is read in any case; it
/// names a trace and decides nothing.
pub(super) fn read(headers: &mut Cursor<'_>, keys: Option<&SigningKeys>) -> Inbound {
    let mut carried = Carried::default();
    headers.members(|key, cursor| {
        if let Some(name) = Name::of_header(key) {
            carried.set(name, value(cursor));
        }
    });
    let mut inbound = carried.extract(keys);
    if keys.is_none() && (inbound.lineage.is_some() || inbound.rejected.is_some()) {
        inbound.lineage = None;
        inbound.rejected = Some(Rejected::Untrusted);
    }
    inbound
}

/// A header's value; the fields of a header that was sent several times are one list (RFC 9110, 5.3).
fn value<'j>(cursor: &mut Cursor<'j>) -> Option<Cow<'j, [u8]>> {
    if let Some(text) = cursor.string() {
        return text.bytes();
    }
    let mut all: Option<Cow<'j, [u8]>> = None;
    cursor.elements(|cursor| {
        if let Some(text) = cursor.string_bytes() {
            all = Some(match all.take() {
                Some(before) => [&*before, b",", &*text].concat().into(),
                None => text,
            });
        }
    });
    all
}
