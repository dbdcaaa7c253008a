use crate::chain::ChainId;
use crate::policy::{Policy, Verdict};

use super::Judged;

/// In so many chains one invocation is counted: each is a call to the ledger, and a batch of a stream may have 10,000.
pub const MAX_COUNTED: usize = 100;

/// The chains in which an invocation is to be counted: those of the records that it would be let have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counting {
    chains: Vec<ToCount>,
    left_out: usize,
}

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ToCount {
    /// The chain.
    pub chain: ChainId,
    /// Whether it was counted before: all that came of it came before. A redelivery is no further invocation of the chain.
    pub again: bool,
}

impl Counting {
    /// Takes a record into account, as it was judged without the ledger. `attempt` is which delivery it is, from 1.
    pub fn add(&mut self, judged: &Judged, attempt: u32) {
        if !judged.is_counted() {
            return;
        }
        let (chain, again) = (judged.arrival.lineage.chain, attempt > 1);
        if let Some(known) = self.chains.iter_mut().find(|known| known.chain == chain) {
            known.again &= again;
        } else if self.chains.len() < MAX_COUNTED {
            self.chains.push(ToCount { chain, again });
        } else {
            self.left_out += 1;
        }
    }

    /// The chains, at most [`MAX_COUNTED`].
    pub fn chains(&self) -> &[ToCount] {
        &self.chains
    }

    /// How many records belong to chains that there was no room for.
    pub const fn left_out(&self) -> usize {
        self.left_out
    }
}

/// What the ledger has counted of each chain, this invocation included. Of a chain that it could not count it says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spent(Vec<(ChainId, u64)>);

impl Spent {
    /// What was counted.
    pub fn of(&self, chain: ChainId) -> Option<u64> {
        self.0.iter().find(|(known, _)| *known == chain).map(|(_, counted)| *counted)
    }
}

impl FromIterator<(ChainId, u64)> for Spent {
    fn from_iter<I: IntoIterator<Item = (ChainId, u64)>>(counts: I) -> Self {
        Self(counts.into_iter().collect())
    }
}

impl Judged {
    /// Whether the ledger counts it: a record that carries lineage, and that no other limit blocks.
    fn is_counted(&self) -> bool {
        self.arrival.carried && !matches!(self.verdict, Verdict::Block(_))
    }

    /// The same, with what the ledger has counted taken into account.
    #[must_use]
    pub fn within(self, policy: &Policy, spent: &Spent) -> Self {
        let counted = if self.is_counted() { spent.of(self.arrival.lineage.chain) } else { None };
        match counted.map(|counted| policy.judge_budget(counted)) {
            Some(verdict @ (Verdict::Block(_) | Verdict::Warn(_))) => Self { verdict, ..self },
            Some(Verdict::Allow) | None => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admission::Arrival;
    use crate::function::FunctionId;
    use crate::policy::Reason;

    fn judged(chain: u128, carried: bool, verdict: Verdict) -> Judged {
        let arrival = Arrival::root(ChainId::new(chain).unwrap(), FunctionId::from_bits(1), 9);
        Judged { arrival: Arrival { carried, ..arrival }, verdict, rejected: Vec::new() }
    }

    #[test]
    fn a_chain_is_counted_once_and_not_again_where_all_of_it_came_before() {
        let block = Verdict::Block(Reason::BranchCredit);
        let mut counting = Counting::default();
        for (chain, carried, verdict, attempt) in [
            (1, true, Verdict::Allow, 2),
            (1, true, Verdict::Allow, 1),
            (2, true, Verdict::Warn(Reason::LastVisit { limit: 5 }), 3),
            (3, false, Verdict::Allow, 1),
            (4, true, block, 1),
        ] {
            counting.add(&judged(chain, carried, verdict), attempt);
        }
        let chains: Vec<_> = counting.chains().iter().map(|one| (one.chain.bits(), one.again)).collect();
        assert_eq!((chains, counting.left_out()), (vec![(1, false), (2, true)], 0));
    }

    #[test]
    fn no_batch_makes_more_calls_than_there_is_room_for() {
        let mut counting = Counting::default();
        (1..=150).for_each(|chain| counting.add(&judged(chain, true, Verdict::Allow), 1));
        assert_eq!((counting.chains().len(), counting.left_out()), (MAX_COUNTED, 50));
    }

    #[test]
    fn what_the_ledger_says_goes_with_what_else_is_known() {
        let policy = Policy { chain_budget: Some(10), ..Policy::default() };
        let spent: Spent =
            [(ChainId::new(1).unwrap(), 10), (ChainId::new(2).unwrap(), 9)].into_iter().collect();
        let over = Verdict::Block(Reason::ChainBudget { invocations: 11, limit: 10 });
        let (warn, block) =
            (Verdict::Warn(Reason::LastVisit { limit: 5 }), Verdict::Block(Reason::BranchCredit));
        for (chain, carried, verdict, expected) in [
            (1, true, Verdict::Allow, over),
            (1, true, warn, over),
            (1, true, block, block),
            (1, false, Verdict::Allow, Verdict::Allow),
            (2, true, warn, warn),
            (3, true, Verdict::Allow, Verdict::Allow),
        ] {
            let one = judged(chain, carried, verdict).within(&policy, &spent);
            assert_eq!(one.verdict, expected, "chain {chain}");
        }
    }
}
