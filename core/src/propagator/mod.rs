//! The codec between a lineage and its carriers: W3C `traceparent` and `tracestate`, or one attribute named `hopguard`.

mod inject;
mod list;
mod slots;
mod trace_parent;
mod trace_state;

pub use inject::{Injected, Outbound, Room, inject};
pub(crate) use list::split;
pub use slots::Slots;
pub use trace_parent::TraceParent;
pub use trace_state::TraceState;

use crate::lineage::Lineage;
use crate::signing::SigningKeys;
use crate::token::{Rejected, Token};

/// Our key in a `tracestate`, and the name of the attribute that holds a token where only one slot is left.
pub const HOPGUARD: &str = "hopguard";
/// The W3C header, attribute or metadata key that names the sender's span.
pub const TRACEPARENT: &str = "traceparent";
/// The W3C header, attribute or metadata key that holds one member per tracing system.
pub const TRACESTATE: &str = "tracestate";

/// What one carrier said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inbound {
    /// The sender's lineage, where a token was found and believed.
    pub lineage: Option<Lineage>,
    /// Why a token was not believed. May stand beside a lineage, where a second token was good.
    pub rejected: Option<Rejected>,
    /// The sender's span.
    pub parent: Option<TraceParent>,
    /// The other members of the sender's `tracestate`, in order; `None` where there are none.
    pub others: Option<Box<str>>,
}

/// The three texts that a carrier may hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fields<'c> {
    /// `traceparent`.
    pub traceparent: Option<&'c str>,
    /// `tracestate`.
    pub tracestate: Option<&'c str>,
    /// `hopguard`, the packed token.
    pub packed: Option<&'c str>,
}

impl<'c> Fields<'c> {
    /// Whether the carrier holds none of them.
    pub fn is_empty(&self) -> bool {
        *self == Fields::default()
    }

    /// Reads them. Where both a `tracestate` member and a packed token are good, the one with the higher hop counts: a
    /// forwarder that knows only one of them leaves the other behind as it was.
    pub fn extract(&self, keys: Option<&SigningKeys>) -> Inbound {
        let bytes = |text: Option<&'c str>| text.map(str::as_bytes);
        let (traceparent, tracestate) = (bytes(self.traceparent), bytes(self.tracestate));
        Inbound::read(traceparent, tracestate, bytes(self.packed), keys)
    }
}

impl Inbound {
    /// Reads the [`Fields`] of a carrier, from texts that may be none.
    pub(crate) fn read(
        traceparent: Option<&[u8]>,
        tracestate: Option<&[u8]>,
        packed: Option<&[u8]>,
        keys: Option<&SigningKeys>,
    ) -> Self {
        let mut inbound = Self { parent: traceparent.and_then(TraceParent::read), ..Self::default() };
        if let Some(text) = packed {
            inbound.believe(Token::decode(text.trim_ascii(), keys));
        }
        let Some(state) = tracestate.map(TraceState::read) else { return inbound };
        match state.ours {
            Some(Ok(text)) => inbound.believe(Token::decode(text, keys)),
            Some(Err(rejected)) => inbound.believe(Err(rejected)),
            None => {}
        }
        inbound.others = state.others_text().map(String::into_boxed_str);
        inbound
    }

    /// Takes one more token of the same carrier into account.
    pub fn believe(&mut self, token: Result<Lineage, Rejected>) {
        match token {
            Ok(lineage) if self.lineage.as_ref().is_none_or(|known| lineage.hop > known.hop) => {
                self.lineage = Some(lineage);
            }
            Ok(_) => {}
            Err(rejected) => self.rejected = Some(rejected),
        }
    }

    /// Whether the carrier told nothing at all.
    pub fn is_empty(&self) -> bool {
        self.lineage.is_none() && self.rejected.is_none() && self.parent.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "01-0af7651916cd43dd8448eb211c80319c-3-256-68fd508a:2";
    const LATER: &str = "01-0af7651916cd43dd8448eb211c80319c-4-256-68fd508a:3";
    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn reads_w3c_packed_or_both() {
        let state = format!("vendor=a,hopguard={TOKEN},other=b");
        let read = Fields { traceparent: Some(PARENT), tracestate: Some(&state), packed: None }.extract(None);
        assert_eq!(read.lineage.map(|lineage| lineage.hop), Some(3));
        assert_eq!(read.others.as_deref(), Some("vendor=a,other=b"));
        assert_eq!(read.parent.map(|parent| parent.to_string()).as_deref(), Some(PARENT));

        let both =
            Fields { tracestate: Some(&state), packed: Some(LATER), ..Fields::default() }.extract(None);
        assert_eq!(both.lineage.map(|lineage| lineage.hop), Some(4), "the higher hop counts");
        let bad = Fields { tracestate: Some(&state), packed: Some("01-"), ..Fields::default() }.extract(None);
        assert_eq!(
            (bad.lineage.map(|lineage| lineage.hop), bad.rejected),
            (Some(3), Some(Rejected::Malformed))
        );
        assert!(Fields::default().extract(None).is_empty());
    }

    #[test]
    fn two_tokens_in_one_tracestate_are_no_token() {
        let state = format!("hopguard={TOKEN},hopguard={LATER}");
        let read = Fields { tracestate: Some(&state), ..Fields::default() }.extract(None);
        assert_eq!((read.lineage, read.rejected), (None, Some(Rejected::Duplicate)));
    }
}
