use crate::chain::ChainId;
use crate::function::FunctionId;
use crate::lineage::{Credit, Lineage};
use crate::propagator::Inbound;

/// One record on arrival: its lineage, one hop further than its sender's, and what its carrier said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Where the invocation stands that received the record.
    pub lineage: Lineage,
    /// What the carrier said.
    pub inbound: Inbound,
    /// Whether the lineage came from a carrier, and not from a new root.
    pub carried: bool,
}

impl Arrival {
    /// The arrival of what carries no lineage: the root of a chain.
    pub fn root(chain: ChainId, function: FunctionId, credit: u32) -> Self {
        Self { lineage: Lineage::root(chain, function, credit), inbound: Inbound::default(), carried: false }
    }

    /// The arrival of what a carrier said. Where it holds no lineage, the chain is that of the sender's span, else `root`.
    pub fn of(inbound: Inbound, function: FunctionId, credit: u32, root: impl FnOnce() -> ChainId) -> Self {
        let lineage = match inbound.lineage {
            Some(sent) => sent.arrive(function, credit),
            None => {
                let chain = inbound.parent.map_or_else(root, |parent| parent.trace);
                Lineage::root(chain, function, credit)
            }
        };
        Self { lineage, carried: inbound.lineage.is_some(), inbound }
    }

    /// The arrival of a whole invocation, merged from its records; `None` where there are none.
    pub fn merge<'a>(arrivals: impl IntoIterator<Item = &'a Self>, credit: u32) -> Option<Self> {
        let arrivals: Vec<&Self> = arrivals.into_iter().collect();
        let lineage = Lineage::merge(arrivals.iter().map(|arrival| &arrival.lineage), credit)?;
        let carried = arrivals.iter().any(|arrival| arrival.carried);
        let first = arrivals.iter().find(|arrival| arrival.lineage.chain == lineage.chain);
        let inbound = first.map(|arrival| arrival.inbound.clone()).unwrap_or_default();
        Some(Self { lineage, inbound, carried })
    }

    /// The arrival of one record that names objects: what was carried counts, merged.
    pub(super) fn with_objects(self, named: &[Self], credit: u32) -> Self {
        if named.is_empty() {
            return self;
        }
        let mut carried: Vec<&Self> = named.iter().filter(|arrival| arrival.carried).collect();
        if self.carried {
            carried.insert(0, &self);
        }
        let exceeded = carried.iter().any(|arrival| arrival.lineage.credit == Credit::Exceeded);
        let merged = Lineage::merge(carried.iter().map(|arrival| &arrival.lineage), credit);
        let first = carried.iter().copied().reduce(|a, b| if b.lineage.hop > a.lineage.hop { b } else { a });
        let mut arrival = first.cloned().unwrap_or(self);
        arrival.lineage = merged.unwrap_or(arrival.lineage);
        if exceeded {
            arrival.lineage.credit = Credit::Exceeded;
        }
        arrival
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::propagator::TraceParent;

    fn chain(bits: u128) -> ChainId {
        ChainId::new(bits).unwrap()
    }

    fn me() -> FunctionId {
        FunctionId::from_bits(1)
    }

    fn carrying(hops: u32, credit: Credit) -> Inbound {
        let root = Lineage::root(chain(7), me(), 9);
        Inbound { lineage: Some(Lineage { hop: hops, credit, ..root }), ..Inbound::default() }
    }

    fn arrival(inbound: Inbound) -> Arrival {
        Arrival::of(inbound, me(), 9, || chain(99))
    }

    #[test]
    fn without_lineage_the_senders_span_names_the_chain() {
        let parent = TraceParent { trace: chain(5), span: 1, flags: 1 };
        let of_span = arrival(Inbound { parent: Some(parent), ..Inbound::default() });
        assert_eq!((of_span.lineage.chain, of_span.lineage.hop, of_span.carried), (chain(5), 0, false));
        assert_eq!(arrival(Inbound::default()).lineage.chain, chain(99));
        let carried = arrival(carrying(3, Credit::Left(4)));
        assert_eq!((carried.lineage.hop, carried.lineage.visits.of(me()), carried.carried), (4, 2, true));
    }

    #[test]
    fn of_several_objects_what_was_carried_counts() {
        let own = || arrival(Inbound::default());
        let named = vec![own(), arrival(carrying(2, Credit::Left(4))), arrival(carrying(5, Credit::Left(1)))];
        let merged = own().with_objects(&named, 9);
        assert_eq!((merged.lineage.chain, merged.lineage.hop), (chain(7), 6));
        assert_eq!(merged.lineage.credit, Credit::Left(5));
        let exceeded = own().with_objects(&[arrival(carrying(1, Credit::Exceeded))], 9);
        assert_eq!(exceeded.lineage.credit, Credit::Exceeded);
        assert_eq!(own().with_objects(&[own()], 9), own());
    }

    #[test]
    fn an_invocation_is_merged_from_its_records() {
        let records = [arrival(Inbound::default()), arrival(carrying(2, Credit::Left(4)))];
        let merged = Arrival::merge(&records, 9).unwrap();
        assert_eq!((merged.lineage.hop, merged.carried), (3, true));
        assert_eq!(merged.inbound, records[1].inbound);
        assert_eq!(Arrival::merge(&[], 9), None);
    }
}
