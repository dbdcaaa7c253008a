//! The bound, against an adversary who chooses fan-out, batches, merges, order, receivers, and which sends go to their own source.

use proptest::prelude::*;

use super::*;
use crate::chain::ChainId;
use crate::function::FunctionId;
use crate::policy::{Policy, Verdict};

/// The most messages that one run sends elsewhere before it is in a loop: each may make an entry of its own.
const MAX_ELSEWHERE: usize = 12;

/// What the adversary does with one invocation, drawn at random.
#[derive(Clone, Debug)]
struct Step {
    /// Which message in flight is received next.
    pick: usize,
    /// How many more are received in the same batch, and merged into one scope.
    with: usize,
    /// Which function receives it.
    function: u32,
    /// The sends of the invocation: a single one (0) or a batch of so many; and whether it goes to its own source.
    sends: Vec<(u32, bool)>,
    /// What the function believes its fan-out to be.
    fan_out: u32,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let sends = proptest::collection::vec((0..12u32, any::<bool>()), 1..6);
    let step = (any::<usize>(), 0..4usize, any::<u32>(), sends, 0..20u32);
    let step =
        step.prop_map(|(pick, with, function, sends, fan_out)| Step { pick, with, function, sends, fan_out });
    proptest::collection::vec(step, 1..40)
}

/// A message in flight: a root's has no lineage.
#[derive(Clone, Copy)]
struct Message {
    sent: Result<Lineage, ChainId>,
    /// Whether a scope in no loop sent it elsewhere than to its own source.
    whole: bool,
}

/// A world of so many functions with one setting.
#[derive(Clone, Copy, Debug)]
struct World {
    functions: u32,
    max_visits: u16,
    credit: u32,
    /// Every send goes to its own source.
    own_only: bool,
}

impl World {
    /// The most invocations that one entry makes.
    fn bound(self) -> usize {
        (self.credit as usize + 1) * self.functions as usize * usize::from(self.max_visits)
    }

    /// Lets the adversary play until nothing is in flight. Says how many invocations ran and how many entries they had: records
    /// that were roots, that were in no loop, or that had been sent elsewhere before there was one and came back.
    fn play(self, steps: &[Step], mut in_flight: Vec<Message>) -> Result<(usize, usize), TestCaseError> {
        let policy = Policy {
            max_visits: self.max_visits,
            max_hops: u32::MAX,
            branch_credit: self.credit,
            ..Policy::default()
        };
        let (mut ran, mut entries, mut elsewhere) = (0, 0, 0);
        let mut script = steps.iter().cycle();
        while !in_flight.is_empty() {
            let step = script.next().unwrap();
            let function = FunctionId::from_bits(step.function % self.functions);
            let mut records = Vec::new();
            for _ in 0..=step.with.min(in_flight.len() - 1) {
                let message = in_flight.swap_remove(step.pick % in_flight.len());
                let arrived = match message.sent {
                    Ok(sent) => sent.arrive(function, self.credit),
                    Err(chain) => Lineage::root(chain, function, self.credit),
                };
                if !matches!(policy.judge(&arrived, function), Verdict::Block(_)) {
                    entries += usize::from(message.whole || !arrived.in_loop());
                    records.push(arrived);
                }
            }
            let Some(merged) = Lineage::merge(&records, self.credit) else { continue };
            ran += 1;
            prop_assert!(
                ran <= entries * self.bound(),
                "{ran} ran of {entries} entries, each bound by {}",
                self.bound()
            );
            let mut ledger = SendLedger::new(merged, records.len() as u32);
            for (size, own) in &step.sends {
                let toward = if *own || self.own_only { Toward::Source } else { Toward::Elsewhere };
                let sent: Vec<_> = match size {
                    0 => vec![ledger.send(toward, step.fan_out)],
                    size => ledger.send_batch(toward, *size, step.fan_out).collect(),
                };
                let whole = !ledger.is_split(toward);
                let most = if whole { MAX_ELSEWHERE - elsewhere } else { usize::MAX };
                elsewhere += if whole { sent.len().min(most) } else { 0 };
                in_flight.extend(sent.into_iter().take(most).map(|sent| Message { sent: Ok(sent), whole }));
            }
        }
        Ok((ran, entries))
    }
}

fn roots(count: u128) -> Vec<Message> {
    (1..=count).map(|chain| Message { sent: Err(ChainId::new(chain).unwrap()), whole: false }).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// From one entry into a loop over F functions at most (credit + 1) × F × max_visits invocations run.
    #[test]
    fn the_bound_holds_against_any_tree(
        steps in steps(), functions in 1..4u32, max_visits in 2..7u16, credit in 0..24u32,
    ) {
        let world = World { functions, max_visits, credit, own_only: false };
        // The first message goes to function 0 again, so that this is one entry into a loop.
        let mut steps = steps;
        let entry = Step { function: 0, ..steps[0].clone() };
        steps.insert(0, entry);
        let root = Lineage::root(ChainId::new(1).unwrap(), FunctionId::from_bits(0), credit);
        let (_, entries) = world.play(&steps, vec![Message { sent: Ok(root), whole: true }])?;
        prop_assert_eq!(entries, 1);
    }

    /// Of functions that all feed their own source, all invocations are counted, from the root on: with one function there is one
    /// entry for each root record.
    #[test]
    fn a_root_that_feeds_itself_is_one_entry(
        steps in steps(), roots_sent in 1..4u128, max_visits in 2..7u16, credit in 0..24u32,
    ) {
        let world = World { functions: 1, max_visits, credit, own_only: true };
        let (_, entries) = world.play(&steps, roots(roots_sent))?;
        prop_assert_eq!(entries, roots_sent as usize);
    }

    /// What goes elsewhere and comes back is an entry of its own, and nothing else is.
    #[test]
    fn what_goes_elsewhere_and_comes_back_is_an_entry_of_its_own(
        steps in steps(), functions in 1..4u32, max_visits in 2..5u16, credit in 0..12u32,
    ) {
        World { functions, max_visits, credit, own_only: false }.play(&steps, roots(1))?;
    }

    #[test]
    fn shares_never_add_up_to_more_than_there_was(
        credit in 0..5000u32, records in 1..11u32, sends in proptest::collection::vec(0..30u32, 0..20), fan_out in 0..50u32,
        in_loop: bool,
    ) {
        let function = FunctionId::from_bits(1);
        let root = Lineage::root(ChainId::new(1).unwrap(), function, credit);
        let lineage = if in_loop { root.arrive(function, credit) } else { root };
        let mut ledger = SendLedger::new(lineage, records);
        let mut sent = Vec::new();
        for size in sends {
            match size {
                0 => sent.push(ledger.send(Toward::Source, fan_out)),
                size => sent.extend(ledger.send_batch(Toward::Source, size, fan_out)),
            }
        }
        let allowed: Vec<_> = sent.iter().filter(|lineage| lineage.credit != Credit::Exceeded).collect();
        let paid = (allowed.len() as u32).saturating_sub(records);
        let shares: u32 = allowed.iter().map(|lineage| lineage.credit.left()).sum();
        prop_assert!(paid + shares <= credit, "{paid} paid and {shares} passed on out of {credit}");
    }
}
