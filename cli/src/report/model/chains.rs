use std::collections::BTreeMap;

use super::Model;

/// All invocations that descend from one root event.
#[derive(Clone, Debug, Default)]
pub(crate) struct Chain {
    pub(crate) id: u128,
    /// Their places in the model, in the order of their start.
    pub(crate) invocations: Vec<usize>,
}

/// The chains, in the order of their start.
pub(crate) fn chains(model: &Model, wanted: impl Fn(usize) -> bool) -> Vec<Chain> {
    let mut places: BTreeMap<u128, usize> = BTreeMap::new();
    let mut chains: Vec<Chain> = Vec::new();
    for (place, invocation) in model.invocations.iter().enumerate().filter(|(place, _)| wanted(*place)) {
        let at = *places.entry(invocation.chain).or_insert_with(|| {
            chains.push(Chain { id: invocation.chain, invocations: Vec::new() });
            chains.len() - 1
        });
        if let Some(chain) = chains.get_mut(at) {
            chain.invocations.push(place);
        }
    }
    chains
}
