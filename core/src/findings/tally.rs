use std::cmp::Reverse;

use super::{Example, Observation};
use crate::wait::{Amount, prefix};

/// The most examples of one finding.
const MAX_EXAMPLES: usize = 5;
/// The most bytes that are kept of an id.
const MAX_ID_BYTES: usize = 128;

/// Invocations that show something, what it cost them, and those of them that it cost most.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    affected: u64,
    cost: Amount,
    examples: Vec<(u64, Example)>,
}

impl Tally {
    pub(super) fn note(&mut self, observation: &Observation<'_>, cost: Amount) {
        self.affected = self.affected.saturating_add(1);
        self.cost += cost;
        let more = |(least, _): &(u64, Example)| cost.ns > *least;
        if self.examples.len() < MAX_EXAMPLES || self.examples.last().is_some_and(more) {
            let example = Example {
                invocation: prefix(observation.invocation, MAX_ID_BYTES).to_owned(),
                trace: prefix(observation.trace, MAX_ID_BYTES).to_owned(),
            };
            // Behind those that cost as much: the earlier one stays.
            let place = self.examples.partition_point(|(ns, _)| Reverse(*ns) <= Reverse(cost.ns));
            self.examples.insert(place, (cost.ns, example));
            self.examples.truncate(MAX_EXAMPLES);
        }
    }

    pub(super) const fn affected(&self) -> u64 {
        self.affected
    }

    pub(super) const fn cost(&self) -> Amount {
        self.cost
    }

    pub(super) fn examples(&self) -> Vec<Example> {
        self.examples.iter().map(|(_, example)| example.clone()).collect()
    }
}
