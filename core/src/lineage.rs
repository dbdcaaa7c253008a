use crate::chain::ChainId;
use crate::function::FunctionId;
use crate::visits::Visits;

/// Where a message or an invocation stands in its chain: chain id, hop, visits per function and branch credit.
///
/// The same type stands on both sides of a carrier. What is *transported* is the sender's lineage;
/// [`Lineage::arrive`] makes of it the lineage of the invocation that received it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lineage {
    /// The chain.
    pub chain: ChainId,
    /// Distance from the root; the root invocation is hop 0.
    pub hop: u32,
    /// What the path may still spend on branches.
    pub credit: Credit,
    /// How often each function stands on the path.
    pub visits: Visits,
}

/// Branch credit as transported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credit {
    /// So many further messages may still be sent below here (0 is legitimate: each invocation's first is free).
    Left(u32),
    /// This message was sent when no credit was left: a receiver whose path is in a loop blocks it.
    Exceeded,
}

impl Credit {
    /// What is left; nothing where it was exceeded.
    pub const fn left(self) -> u32 {
        match self {
            Self::Left(left) => left,
            Self::Exceeded => 0,
        }
    }
}

impl Lineage {
    /// The lineage of a root invocation of `function`: hop 0, first visit, the whole credit.
    pub fn root(chain: ChainId, function: FunctionId, credit: u32) -> Self {
        let mut visits = Visits::default();
        visits.visit(function);
        Self { chain, hop: 0, credit: Credit::Left(credit), visits }
    }

    /// The lineage of the invocation of `function` that received this one from a carrier: one hop and one visit more.
    ///
    /// `credit` is the receiving function's own setting. It caps what was transported, so that neither a forged
    /// token nor a function with a larger setting lifts the bound that this function's owner chose. Where the path is in no
    /// loop it is the whole of it: nothing was spent, and a sender that took its own source for a loop was wrong.
    #[must_use]
    pub fn arrive(mut self, function: FunctionId, credit: u32) -> Self {
        self.hop = self.hop.saturating_add(1);
        self.visits.visit(function);
        match self.credit {
            _ if !self.in_loop() => self.credit = Credit::Left(credit),
            Credit::Left(left) => self.credit = Credit::Left(left.min(credit)),
            Credit::Exceeded => {}
        }
        self
    }

    /// Whether some function stands on the path for the second time or more.
    pub fn in_loop(&self) -> bool {
        self.visits.highest() >= 2
    }

    /// The lineage of a send that derives from several records: the chain and the hop of the one with the highest
    /// hop, the highest visits per function, and the credits of that chain added.
    ///
    /// Credits are added only where one of the records is in a loop. Before that nothing was spent and every
    /// record carries the whole credit, so that adding would multiply it at each merge. The sum never exceeds `credit`,
    /// the function's own setting. `None` where there are no records.
    pub fn merge<'l>(lineages: impl IntoIterator<Item = &'l Self> + Clone, credit: u32) -> Option<Self> {
        let mut merged = *lineages.clone().into_iter().reduce(|a, b| if b.hop > a.hop { b } else { a })?;
        let (mut sum, mut most) = (0u32, 0u32);
        for lineage in lineages {
            merged.visits.merge(&lineage.visits);
            if lineage.chain == merged.chain {
                sum = sum.saturating_add(lineage.credit.left());
                most = most.max(lineage.credit.left());
            }
        }
        merged.credit = Credit::Left(if merged.in_loop() { sum } else { most }.min(credit));
        Some(merged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn f(bits: u32) -> FunctionId {
        FunctionId::from_bits(bits)
    }

    fn chain(bits: u128) -> ChainId {
        ChainId::new(bits).unwrap()
    }

    #[test]
    fn arrival_counts_a_hop_and_a_visit() {
        let root = Lineage::root(chain(1), f(1), 256);
        assert_eq!((root.hop, root.visits.of(f(1)), root.in_loop()), (0, 1, false));
        let second = root.arrive(f(2), 256).arrive(f(1), 256);
        assert_eq!((second.hop, second.visits.of(f(1)), second.visits.of(f(2))), (2, 2, 1));
        assert!(second.in_loop());
    }

    #[test]
    fn a_receiver_caps_the_credit_that_it_believes() {
        let forged = Lineage { credit: Credit::Left(u32::MAX), ..Lineage::root(chain(1), f(1), 0) };
        assert_eq!(forged.arrive(f(1), 256).credit, Credit::Left(256));
        let marked = Lineage { credit: Credit::Exceeded, ..forged };
        assert_eq!(marked.arrive(f(1), 256).credit, Credit::Exceeded);
    }

    #[test]
    fn where_the_path_is_in_no_loop_the_whole_credit_is_there() {
        let root = Lineage::root(chain(1), f(1), 20);
        for credit in [Credit::Left(20), Credit::Left(3), Credit::Left(0), Credit::Exceeded] {
            assert_eq!(Lineage { credit, ..root }.arrive(f(2), 256).credit, Credit::Left(256), "{credit:?}");
        }
    }

    #[test]
    fn a_merge_takes_the_highest_hop_and_visits() {
        let early = Lineage::root(chain(1), f(1), 10).arrive(f(2), 10);
        let late = Lineage::root(chain(2), f(3), 10).arrive(f(3), 10).arrive(f(2), 10);
        let merged = Lineage::merge([&early, &late], 10).unwrap();
        assert_eq!((merged.chain, merged.hop), (chain(2), 2));
        assert_eq!((merged.visits.of(f(1)), merged.visits.of(f(2)), merged.visits.of(f(3))), (1, 1, 2));
        assert_eq!(Lineage::merge([], 10), None);
    }

    #[test]
    fn a_merge_adds_credit_of_one_chain_only_inside_a_loop() {
        let looping = |credit| Lineage {
            credit: Credit::Left(credit),
            ..Lineage::root(chain(1), f(1), 0).arrive(f(1), 0)
        };
        let other = Lineage { chain: chain(9), ..looping(50) };
        let cases: [(&str, Vec<Lineage>, u32); 4] = [
            ("shares of one chain are added", vec![looping(3), looping(4), other], 7),
            ("never above the setting", vec![looping(200), looping(200)], 256),
            ("before a loop nothing was spent", vec![Lineage::root(chain(1), f(1), 256); 3], 256),
            (
                "a marked record adds nothing",
                vec![looping(3), Lineage { credit: Credit::Exceeded, ..looping(0) }],
                3,
            ),
        ];
        for (name, lineages, expected) in cases {
            let merged = Lineage::merge(&lineages, 256).unwrap();
            assert_eq!(merged.credit, Credit::Left(expected), "{name}");
        }
    }
}
