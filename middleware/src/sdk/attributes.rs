//! What SQS and SNS have in common: message attributes, and limits that count them.

use std::collections::HashMap;

use hopguard_core::propagator::{Injected, Room, Slots, inject};

use crate::scope::Sending;

/// SQS takes 10 attributes; SNS takes more, but throws a message away whose raw delivery to SQS has more than 10.
pub(super) const MAX_ATTRIBUTES: usize = 10;
/// Entries of one batch, in bytes, attributes included; also one message.
const MAX_BYTES: usize = 1024 * 1024;
/// The limit until 2025. Queues made before that keep it, and so does SNS: a message that fits is not pushed over it.
const MAX_BYTES_BEFORE: usize = 256 * 1024;

/// What an attribute costs besides its name and value: its data type, `String`.
const OVERHEAD: usize = "String".len();

/// A message attribute of one of the SDKs.
pub(super) trait Attribute: Sized {
    fn of_text(text: String) -> Option<Self>;
    fn as_text(&self) -> Option<&str>;
    /// Data type and value, in bytes.
    fn size(&self) -> usize;
}

/// Bytes that a message has before anything is added: body and attributes.
pub(super) fn message_size<A: Attribute>(body: &str, attributes: Option<&HashMap<String, A>>) -> usize {
    let attributes = attributes.into_iter().flatten().map(|(name, value)| name.len() + value.size());
    body.len() + attributes.sum::<usize>()
}

/// How many bytes may still be added to `size`, the size of a message or of the whole batch that it stands in.
pub(super) fn bytes_left(size: usize) -> usize {
    let limit = if size <= MAX_BYTES_BEFORE { MAX_BYTES_BEFORE } else { MAX_BYTES };
    limit.saturating_sub(size)
}

/// Writes one message's lineage into its attributes.
pub(super) fn write<A: Attribute>(
    attributes: &mut Option<HashMap<String, A>>,
    bytes: usize,
    sending: &Sending<'_>,
) -> Injected {
    let absent = attributes.is_none();
    let map = attributes.get_or_insert_default();
    let room = Room { slots: MAX_ATTRIBUTES.saturating_sub(map.len()), bytes, overhead: OVERHEAD };
    let injected = inject(&mut Map(map), room, &sending.outbound);
    if absent && map.is_empty() {
        *attributes = None;
    }
    injected
}

/// Writes the lineages of a batch, whose entries share one limit of bytes.
pub(super) fn write_batch<'b, A: Attribute + 'b>(
    entries: impl ExactSizeIterator<Item = (&'b str, &'b mut Option<HashMap<String, A>>)>,
    mut total: usize,
    sendings: impl Iterator<Item = Sending<'b>>,
    mut count: impl FnMut(Injected),
) {
    for ((body, attributes), sending) in entries.zip(sendings) {
        let before = message_size(body, attributes.as_ref());
        let injected = write(attributes, bytes_left(total).min(bytes_left(before)), &sending);
        total = (total + message_size(body, attributes.as_ref())).saturating_sub(before);
        count(injected);
    }
}

struct Map<'m, A>(&'m mut HashMap<String, A>);

impl<A: Attribute> Slots for Map<'_, A> {
    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(A::as_text)
    }

    fn contains(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    fn put(&mut self, name: &'static str, text: String) {
        if let Some(attribute) = A::of_text(text) {
            self.0.insert(name.to_owned(), attribute);
        }
    }

    fn remove(&mut self, name: &str) {
        self.0.remove(name);
    }
}

/// Implements [`Attribute`] for the type of an SDK crate; the two are alike but not the same.
macro_rules! attribute {
    ($sdk:ident) => {
        impl crate::sdk::attributes::Attribute for $sdk::types::MessageAttributeValue {
            fn of_text(text: String) -> Option<Self> {
                Self::builder().data_type("String").string_value(text).build().ok()
            }

            fn as_text(&self) -> Option<&str> {
                // Binary is read on arrival too, and so an inherited token may stand in it.
                self.string_value().or_else(|| std::str::from_utf8(self.binary_value()?.as_ref()).ok())
            }

            fn size(&self) -> usize {
                let text = self.string_value().map_or(0, str::len);
                let binary = self.binary_value().map_or(0, |value| value.as_ref().len());
                self.data_type().len() + text + binary
            }
        }
    };
}
pub(super) use attribute;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_never_pushed_over_a_limit() {
        let cases = [
            (0, MAX_BYTES_BEFORE),
            (MAX_BYTES_BEFORE, 0),
            (MAX_BYTES_BEFORE + 1, MAX_BYTES - MAX_BYTES_BEFORE - 1),
            (MAX_BYTES, 0),
            (MAX_BYTES + 1, 0),
        ];
        for (size, expected) in cases {
            assert_eq!(bytes_left(size), expected, "{size}");
        }
    }
}
