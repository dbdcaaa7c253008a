use crate::propagator::{HOPGUARD, Slots, TRACEPARENT, TRACESTATE, TraceParent, TraceState};
use crate::token::Token;

/// What one send takes along.
#[derive(Clone, Copy, Debug)]
pub struct Outbound<'s> {
    /// The sender's lineage, with this message's share of the credit.
    pub token: Token,
    /// The sender's span, written where the message has no `traceparent` of its own.
    pub parent: TraceParent,
    /// The other members of the `tracestate` that belongs to `parent`.
    pub others: &'s str,
}

/// How much a carrier can take beyond what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Further named texts.
    pub slots: usize,
    /// Further bytes.
    pub bytes: usize,
    /// What a text costs in bytes besides its name and its value, for example the data type of an SQS attribute.
    pub overhead: usize,
}

/// What became of a lineage at one send. Every outcome is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Injected {
    /// Written as `traceparent` and `tracestate`.
    Written,
    /// Written over a token that the message had inherited.
    Replaced,
    /// Written as one attribute named `hopguard`: there was no room for two.
    Packed,
    /// Nothing was written: no slot or no bytes were left. An inherited token was taken out all the same.
    NoRoom,
    /// Nothing was written: this kind of send cannot carry a lineage.
    Unsupported,
}

impl Injected {
    /// The value of the metric's `outcome` attribute.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Written => "written",
            Self::Replaced => "replaced",
            Self::Packed => "packed",
            Self::NoRoom => "no_room",
            Self::Unsupported => "unsupported",
        }
    }
}

/// Writes a lineage into a carrier, as much of it as there is room for.
///
/// An existing `traceparent` is kept, and so are the other members of an existing `tracestate`, in order; our member comes
/// first. A token that the message inherited never survives.
pub fn inject(slots: &mut impl Slots, room: Room, outbound: &Outbound<'_>) -> Injected {
    let token = outbound.token.as_str();
    let own_state = slots.text(TRACESTATE).map(TraceState::parse).unwrap_or_default();
    let has_parent = slots.contains(TRACEPARENT);
    let has_state = slots.contains(TRACESTATE);
    let has_packed = slots.contains(HOPGUARD);
    let inherited = has_packed || own_state.ours.is_some();

    let state = if has_parent || has_state {
        TraceState::with(token, own_state.others())
    } else {
        TraceState::with(token, TraceState::parse(outbound.others).others())
    };
    let size = |name: &str, text: usize| name.len() + text + room.overhead;
    let state_before = slots.text(TRACESTATE).map_or(0, |text| size(TRACESTATE, text.len()));
    let packed_before = slots.text(HOPGUARD).map_or(0, |text| size(HOPGUARD, text.len()));
    let fits = |new_slots: usize, freed_slots: usize, added: usize, freed: usize| {
        new_slots <= room.slots.saturating_add(freed_slots) && added <= room.bytes.saturating_add(freed)
    };

    let parent_size = if has_parent { 0 } else { size(TRACEPARENT, TraceParent::CHARS) };
    let state_size = size(TRACESTATE, state.len());
    let freed = state_before + packed_before;
    let new_slots = usize::from(!has_parent) + usize::from(!has_state);
    let written = if inherited { Injected::Replaced } else { Injected::Written };
    if fits(new_slots, usize::from(has_packed), parent_size + state_size, freed) {
        if has_packed {
            slots.remove(HOPGUARD);
        }
        if !has_parent {
            slots.put(TRACEPARENT, outbound.parent.to_string());
        }
        slots.put(TRACESTATE, state);
        return written;
    }
    if has_state && fits(0, 0, state_size, freed) {
        // A `tracestate` without its `traceparent` is of no use to others, but it is a slot that the message already has.
        if has_packed {
            slots.remove(HOPGUARD);
        }
        slots.put(TRACESTATE, state);
        return written;
    }
    let others = own_state.others_text();
    if own_state.ours.is_some() {
        match others {
            Some(others) => slots.put(TRACESTATE, others),
            None => slots.remove(TRACESTATE),
        }
    }
    let freed =
        state_before.saturating_sub(slots.text(TRACESTATE).map_or(0, |text| size(TRACESTATE, text.len())));
    let freed_slots = usize::from(has_packed) + usize::from(has_state && !slots.contains(TRACESTATE));
    if fits(1, freed_slots, size(HOPGUARD, token.len()), freed + packed_before) {
        slots.put(HOPGUARD, token.to_owned());
        return Injected::Packed;
    }
    slots.remove(HOPGUARD);
    Injected::NoRoom
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;
    use crate::chain::ChainId;
    use crate::function::FunctionId;
    use crate::lineage::Lineage;
    use crate::propagator::Fields;

    const STALE: &str = "01-0af7651916cd43dd8448eb211c80319c-90-256-68fd508a:9";
    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn lineage() -> Lineage {
        Lineage::root(ChainId::new(7).unwrap(), FunctionId::from_bits(7), 256)
    }

    fn outbound() -> Outbound<'static> {
        let parent = TraceParent { trace: ChainId::new(7).unwrap(), span: 9, flags: 1 };
        Outbound { token: Token::new(&lineage(), None), parent, others: "from=sender" }
    }

    fn carrier(fields: &[(&str, &str)], own: usize) -> HashMap<String, String> {
        let own = (0..own).map(|n| (format!("own{n}"), "x".to_owned()));
        fields.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).chain(own).collect()
    }

    fn read(carrier: &HashMap<String, String>) -> Option<Lineage> {
        let text = |name: &str| carrier.get(name).map(String::as_str);
        Fields { traceparent: text(TRACEPARENT), tracestate: text(TRACESTATE), packed: text(HOPGUARD) }
            .extract(None)
            .lineage
    }

    /// Ten slots, and bytes enough unless said otherwise.
    fn room(carrier: &HashMap<String, String>, bytes: usize) -> Room {
        Room { slots: 10usize.saturating_sub(carrier.len()), bytes, overhead: 6 }
    }

    #[test]
    fn the_room_decides_the_form() {
        let stale_state = format!("a=1,hopguard={STALE},b=2");
        let only_stale = format!("hopguard={STALE}");
        let token = outbound().token.as_str().len();
        type Case<'c> = (&'c str, Vec<(&'c str, &'c str)>, usize, usize, Injected);
        let cases: [Case<'_>; 14] = [
            ("empty", vec![], 0, 1000, Injected::Written),
            ("8 attributes", vec![], 8, 1000, Injected::Written),
            ("9 attributes", vec![], 9, 1000, Injected::Packed),
            ("10 attributes", vec![], 10, 1000, Injected::NoRoom),
            ("own traceparent, 8 more", vec![(TRACEPARENT, PARENT)], 8, 1000, Injected::Written),
            ("own traceparent, 9 more", vec![(TRACEPARENT, PARENT)], 9, 1000, Injected::NoRoom),
            ("both, 8 more", vec![(TRACEPARENT, PARENT), (TRACESTATE, "a=1")], 8, 1000, Injected::Written),
            ("a tracestate alone, 9 more", vec![(TRACESTATE, "a=1")], 9, 1000, Injected::Written),
            ("stale packed", vec![(HOPGUARD, STALE)], 0, 1000, Injected::Replaced),
            ("stale packed, 9 more", vec![(HOPGUARD, STALE)], 9, 1000, Injected::Packed),
            (
                "stale member",
                vec![(TRACEPARENT, PARENT), (TRACESTATE, &stale_state)],
                0,
                1000,
                Injected::Replaced,
            ),
            ("no bytes", vec![], 0, 0, Injected::NoRoom),
            ("bytes for one", vec![], 0, token + 8 + 6, Injected::Packed),
            ("stale member, no bytes beyond it", vec![(TRACESTATE, &only_stale)], 9, 0, Injected::Replaced),
        ];
        for (name, fields, own, bytes, expected) in cases {
            let mut carrier = carrier(&fields, own);
            let room = room(&carrier, bytes);
            assert_eq!(inject(&mut carrier, room, &outbound()), expected, "{name}");
            assert!(carrier.len() <= 10, "{name}");
            let found = read(&carrier);
            assert_eq!(found, (expected != Injected::NoRoom).then(lineage), "{name}: {carrier:?}");
            if fields.iter().any(|(key, _)| *key == TRACEPARENT) {
                assert_eq!(carrier[TRACEPARENT], PARENT, "{name}: the user's own is kept");
            }
            if expected == Injected::Packed {
                assert!(!carrier.contains_key(TRACEPARENT), "{name}");
            }
        }
    }

    #[test]
    fn members_of_others_are_kept() {
        let mut own = carrier(&[(TRACEPARENT, PARENT), (TRACESTATE, "a=1,b=2")], 0);
        let room = room(&own, 1000);
        inject(&mut own, room, &outbound());
        assert_eq!(own[TRACESTATE], format!("hopguard={},a=1,b=2", outbound().token));
        let mut none = carrier(&[], 0);
        inject(&mut none, room, &outbound());
        assert_eq!(none[TRACESTATE], format!("hopguard={},from=sender", outbound().token));
    }

    proptest! {
        #[test]
        fn never_more_than_the_room_and_never_a_stale_token(
            own in 0..12usize, bytes in 0..700usize, parent: bool, state in 0..4usize, packed: bool,
        ) {
            let states = [None, Some("a=1".to_owned()), Some(format!("hopguard={STALE}")), Some(format!("x=y,hopguard={STALE},z=1"))];
            let mut carrier = carrier(&[], own);
            if parent { carrier.insert(TRACEPARENT.into(), PARENT.into()); }
            if let Some(state) = &states[state] { carrier.insert(TRACESTATE.into(), state.clone()); }
            if packed { carrier.insert(HOPGUARD.into(), STALE.into()); }
            let size = |carrier: &HashMap<String, String>| carrier.iter().map(|(n, t)| n.len() + t.len() + 6).sum::<usize>();
            let (slots, before) = (carrier.len(), size(&carrier));
            let outcome = inject(&mut carrier, Room { slots: 10usize.saturating_sub(slots), bytes, overhead: 6 }, &outbound());
            prop_assert!(carrier.len() <= slots.max(10));
            prop_assert!(size(&carrier) <= before + bytes);
            prop_assert_eq!(read(&carrier), (outcome != Injected::NoRoom).then(lineage));
            let kept = (0..own).all(|n| carrier.contains_key(&format!("own{n}")));
            prop_assert!(kept);
        }
    }
}
