use std::collections::{BTreeMap, HashMap};

use super::{Invocation, Model};

/// All invocations that descend from one root event.
#[derive(Clone, Debug, Default)]
pub(crate) struct Chain {
    /// Its id: where it goes on under another, the first one.
    pub(crate) id: u128,
    /// Their places in the model, in the order of their start.
    pub(crate) invocations: Vec<usize>,
}

/// The chains, in the order of their start.
///
/// A function that is invoked and waited for goes on with its caller's chain, also where no lineage reached it and it began one of its
/// own. What a batch has in common joins no chains: it would join all.
pub(crate) fn chains(model: &Model, wanted: impl Fn(usize) -> bool) -> Vec<Chain> {
    let continued: HashMap<u128, u128> = model
        .invocations
        .iter()
        .filter_map(|one| Some((one.chain, caller(model, one)?.chain)))
        .filter(|(own, callers)| own != callers)
        .collect();
    let mut places: BTreeMap<u128, usize> = BTreeMap::new();
    let mut chains: Vec<Chain> = Vec::new();
    for (place, invocation) in model.invocations.iter().enumerate().filter(|(place, _)| wanted(*place)) {
        let id = first(&continued, invocation.chain);
        let at = *places.entry(id).or_insert_with(|| {
            chains.push(Chain { id, invocations: Vec::new() });
            chains.len() - 1
        });
        if let Some(chain) = chains.get_mut(at) {
            chain.invocations.push(place);
        }
    }
    chains
}

/// The invocation that invoked this one and waited.
fn caller<'m>(model: &'m Model, one: &Invocation) -> Option<&'m Invocation> {
    one.senders.iter().find_map(|sender| {
        let caller = model.invocations.get(sender.invocation)?;
        caller.calls.get(sender.call?).filter(|call| call.sync_invoke).map(|_| caller)
    })
}

/// How often a chain is followed to the one that it continues. Clocks that differ could make a ring.
const MAX_STEPS: usize = 64;

fn first(continued: &HashMap<u128, u128>, chain: u128) -> u128 {
    std::iter::successors(Some(chain), |chain| continued.get(chain).copied())
        .take(MAX_STEPS)
        .last()
        .unwrap_or(chain)
}

#[cfg(test)]
mod tests {
    use super::super::{Call, Sender};
    use super::*;

    fn invocation(chain: u128, sync_sender: Option<usize>) -> Invocation {
        let senders =
            sync_sender.map(|invocation| Sender { invocation, call: Some(0) }).into_iter().collect();
        Invocation {
            chain,
            senders,
            calls: vec![Call { sync_invoke: true, ..Call::default() }],
            ..Invocation::default()
        }
    }

    #[test]
    fn a_callee_goes_on_with_its_callers_chain() {
        let model = Model {
            invocations: vec![
                invocation(1, None),
                invocation(2, Some(0)),
                invocation(3, Some(1)),
                invocation(4, None),
            ],
            ..Model::default()
        };
        let found: Vec<_> =
            chains(&model, |_| true).into_iter().map(|chain| (chain.id, chain.invocations)).collect();
        assert_eq!(found, [(1, vec![0, 1, 2]), (4, vec![3])]);
    }

    #[test]
    fn a_ring_ends() {
        let model =
            Model { invocations: vec![invocation(1, Some(1)), invocation(2, Some(0))], ..Model::default() };
        assert_eq!(chains(&model, |_| true).iter().map(|chain| chain.invocations.len()).sum::<usize>(), 2);
    }
}
