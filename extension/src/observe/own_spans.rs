use bytes::BytesMut;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint};

use super::buffer::Chunk;
use super::resource::scope;

/// Spans of the layer's own between two exports.
const MAX_SPANS: usize = 2_048;
const MAX_BYTES: usize = 1024 * 1024;

/// Spans of the layer's own, encoded one by one as they end, so that memory is what they take and no more.
#[derive(Debug, Default)]
pub(crate) struct OwnSpans {
    /// Fields 2 of a `ScopeSpans`.
    encoded: BytesMut,
    spans: usize,
    taken: u64,
}

impl OwnSpans {
    /// Takes one more; `false` where there is no room.
    #[must_use]
    pub(crate) fn push(&mut self, span: &Span) -> bool {
        if self.spans >= MAX_SPANS || self.encoded.len() + span.encoded_len() > MAX_BYTES {
            return false;
        }
        prost::encoding::message::encode(2, span, &mut self.encoded);
        self.spans += 1;
        self.taken += 1;
        true
    }

    /// How many it has taken since the beginning.
    pub(crate) const fn taken(&self) -> u64 {
        self.taken
    }

    /// All of them as one group of a request.
    pub(crate) fn take(&mut self, resource: &Resource) -> Option<Chunk> {
        if self.spans == 0 {
            return None;
        }
        let scope = ScopeSpans { scope: Some(scope()), ..ScopeSpans::default() };
        let scope_bytes = scope.encode_to_vec();
        let group = ResourceSpans { resource: Some(resource.clone()), ..ResourceSpans::default() };
        let mut inner = group.encode_to_vec();
        open(2, scope_bytes.len() + self.encoded.len(), &mut inner);
        inner.extend_from_slice(&scope_bytes);
        inner.extend_from_slice(&self.encoded);
        let mut request = Vec::with_capacity(inner.len() + 8);
        open(1, inner.len(), &mut request);
        request.append(&mut inner);
        // The memory is kept for the next ones.
        self.encoded.clear();
        Some(Chunk::new(request, std::mem::take(&mut self.spans)))
    }
}

/// The head of a field that holds a message of so many bytes.
fn open(field: u32, bytes: usize, to: &mut Vec<u8>) {
    encode_key(field, WireType::LengthDelimited, to);
    encode_varint(bytes as u64, to);
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;

    use super::*;
    use crate::observe::resource::text;

    #[test]
    fn spans_come_out_as_they_went_in() {
        let mut own = OwnSpans::default();
        let resource = Resource { attributes: vec![text("faas.name", "orders")], ..Resource::default() };
        assert!(own.take(&resource).is_none());
        for _ in 0..2 {
            for name in ["first", "second"] {
                assert!(own.push(&Span { name: name.to_owned(), ..Span::default() }));
            }
            let chunk = own.take(&resource).unwrap();
            let request = ExportTraceServiceRequest::decode(chunk.bytes).unwrap();
            let [group] = request.resource_spans.as_slice() else { panic!() };
            let [scope] = group.scope_spans.as_slice() else { panic!() };
            assert_eq!((group.resource.as_ref(), chunk.items), (Some(&resource), 2));
            assert_eq!(scope.scope.as_ref().unwrap().name, "hopguard");
            assert_eq!(
                scope.spans.iter().map(|span| span.name.as_str()).collect::<Vec<_>>(),
                ["first", "second"]
            );
        }
    }

    #[test]
    fn their_number_and_their_bytes_are_bounded() {
        let mut own = OwnSpans::default();
        let large = Span { name: "x".repeat(MAX_BYTES / 4), ..Span::default() };
        assert_eq!((0..9).filter(|_| own.push(&large)).count(), 3);
        let mut own = OwnSpans::default();
        assert_eq!((0..9_999).filter(|_| own.push(&Span::default())).count(), MAX_SPANS);
    }
}
