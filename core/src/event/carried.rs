use std::borrow::Cow;

use crate::propagator::{HOPGUARD, Inbound, TRACEPARENT, TRACESTATE};
use crate::signing::SigningKeys;
use crate::token::Rejected;

/// The texts that one carrier holds under the names that matter, as they are read.
#[derive(Debug, Default)]
pub(super) struct Carried<'j> {
    traceparent: Option<Cow<'j, [u8]>>,
    tracestate: Option<Cow<'j, [u8]>>,
    packed: Option<Cow<'j, [u8]>>,
    /// Something that is no text stands under our own name.
    unreadable: bool,
}

/// The names that matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name {
    TraceParent,
    TraceState,
    Packed,
}

impl Name {
    /// The name that a key is, exactly.
    #[inline]
    pub(super) fn of(key: &[u8]) -> Option<Self> {
        match key {
            name if name == TRACEPARENT.as_bytes() => Some(Self::TraceParent),
            name if name == TRACESTATE.as_bytes() => Some(Self::TraceState),
            name if name == HOPGUARD.as_bytes() => Some(Self::Packed),
            _ => None,
        }
    }

    /// The name that a header is, in any case.
    pub(super) fn of_header(header: &[u8]) -> Option<Self> {
        [(TRACEPARENT, Self::TraceParent), (TRACESTATE, Self::TraceState), (HOPGUARD, Self::Packed)]
            .into_iter()
            .find_map(|(known, name)| header.eq_ignore_ascii_case(known.as_bytes()).then_some(name))
    }
}

impl<'j> Carried<'j> {
    /// What stands under a name; `None` where that is no text. Said twice, the last counts.
    pub(super) fn set(&mut self, name: Name, text: Option<Cow<'j, [u8]>>) {
        match name {
            Name::TraceParent => self.traceparent = text,
            Name::TraceState => self.tracestate = text,
            Name::Packed => {
                self.unreadable = text.is_none();
                self.packed = text;
            }
        }
    }

    /// Reads the texts. Something unreadable under our own name is malformed, not absent.
    pub(super) fn extract(&self, keys: Option<&SigningKeys>) -> Inbound {
        let Self { traceparent, tracestate, packed, .. } = self;
        let mut inbound =
            Inbound::read(traceparent.as_deref(), tracestate.as_deref(), packed.as_deref(), keys);
        if self.unreadable {
            inbound.believe(Err(Rejected::Malformed));
        }
        inbound
    }
}
