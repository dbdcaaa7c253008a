use crate::lineage::{Credit, Lineage};

/// How many recent invocations [`FanOut`] remembers.
const REMEMBERED: usize = 8;

/// Splits a scope's branch credit over the messages that it sends.
///
/// Until some function on the path stands at its second visit, the credit passes on whole: legitimate fan-out costs nothing.
/// From there on the path is in a loop. Each record of the scope sends one message free; every further message costs one
/// credit, and each takes a share of what is left, so that shares never add up to more than there was. At 0 a further
/// message is marked [`Credit::Exceeded`], and its receiver blocks it.
///
/// So from one entry into a loop over F functions at most (credit + 1) × F × max_visits invocations run, whatever the
/// pattern: each paid message starts at most one more line, a line never has more than F × max_visits invocations, and a
/// loop pays for at most `credit` messages. How the credit is split is a heuristic that the bound does not depend on.
#[derive(Clone, Copy, Debug)]
pub struct SendLedger {
    lineage: Lineage,
    free: u32,
    left: u32,
    sent: u32,
}

impl SendLedger {
    /// The ledger of a scope with this lineage that was merged from `records` records.
    pub fn new(lineage: Lineage, records: u32) -> Self {
        Self { lineage, free: records.max(1), left: lineage.credit.left(), sent: 0 }
    }

    /// The lineage of the scope itself.
    pub const fn lineage(&self) -> &Lineage {
        &self.lineage
    }

    /// How many messages were sent so far.
    pub const fn sent(&self) -> u32 {
        self.sent
    }

    /// The lineage of one more message. `fan_out` is how many messages this function sent per scope of late.
    ///
    /// It takes seven eighths of what is left, divided by the fan-out; the rest is kept for the unexpected. A linear loop
    /// so keeps nearly all.
    pub fn send(&mut self, fan_out: u32) -> Lineage {
        self.sent = self.sent.saturating_add(1);
        if !self.lineage.in_loop() {
            return self.lineage;
        }
        let credit = if self.pay() {
            let share = (self.left - self.left / 8) / fan_out.max(1);
            self.left -= share;
            Credit::Left(share)
        } else {
            Credit::Exceeded
        };
        Lineage { credit, ..self.lineage }
    }

    /// The lineages of a batch whose size is known: all are paid for first, then each takes an equal part.
    pub fn send_batch(&mut self, count: u32, fan_out: u32) -> impl Iterator<Item = Lineage> + use<> {
        self.sent = self.sent.saturating_add(count);
        let lineage = self.lineage;
        let (mut paid, mut share) = (count, self.left);
        if lineage.in_loop() {
            paid = (0..count).take_while(|_| self.pay()).count() as u32;
            share = self.left / fan_out.max(paid).max(1);
            self.left -= share * paid;
        }
        let passed = if lineage.in_loop() { Credit::Left(share) } else { lineage.credit };
        (0..count)
            .map(move |nth| Lineage { credit: if nth < paid { passed } else { Credit::Exceeded }, ..lineage })
    }

    /// Pays for one message; `false` where nothing is left to pay with.
    fn pay(&mut self) -> bool {
        let purse = if self.free > 0 { &mut self.free } else { &mut self.left };
        match purse.checked_sub(1) {
            Some(rest) => {
                *purse = rest;
                true
            }
            None => false,
        }
    }
}

/// How many messages a function sent per scope of late: the highest of the last eight scopes.
#[derive(Clone, Copy, Debug, Default)]
pub struct FanOut {
    recent: [u32; REMEMBERED],
    next: usize,
}

impl FanOut {
    /// Takes one finished scope into account.
    pub fn observe(&mut self, sent: u32) {
        if let Some(slot) = self.recent.get_mut(self.next % REMEMBERED) {
            *slot = sent;
        }
        self.next = self.next.wrapping_add(1) % REMEMBERED;
    }

    /// The estimate for the next scope, at least 1.
    pub fn estimate(&self) -> u32 {
        self.recent.iter().copied().max().unwrap_or(0).max(1)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::chain::ChainId;
    use crate::function::FunctionId;
    use crate::policy::{Policy, Verdict};

    fn looping(credit: u32) -> Lineage {
        let function = FunctionId::from_bits(1);
        Lineage::root(ChainId::new(1).unwrap(), function, credit).arrive(function, credit)
    }

    #[test]
    fn before_a_loop_credit_passes_on_whole() {
        let root = Lineage::root(ChainId::new(1).unwrap(), FunctionId::from_bits(1), 256);
        let mut ledger = SendLedger::new(root, 1);
        assert_eq!(ledger.send(1).credit, Credit::Left(256));
        assert!(ledger.send_batch(10, 1).all(|lineage| lineage.credit == Credit::Left(256)));
        assert_eq!(ledger.sent(), 11);
    }

    #[test]
    fn a_linear_loop_keeps_nearly_all() {
        let sent = SendLedger::new(looping(256), 1).send(1);
        assert_eq!(sent.credit, Credit::Left(224));
    }

    #[test]
    fn a_batch_is_paid_for_first_and_then_shared() {
        let credits = |ledger: &mut SendLedger, count, fan_out| -> Vec<_> {
            ledger.send_batch(count, fan_out).map(|lineage| lineage.credit).collect()
        };
        let mut ledger = SendLedger::new(looping(20), 1);
        assert_eq!(credits(&mut ledger, 10, 1), [Credit::Left(1); 10], "9 paid, 11 left, 1 each");
        let mut poor = SendLedger::new(looping(1), 1);
        assert_eq!(credits(&mut poor, 3, 1), [Credit::Left(0), Credit::Left(0), Credit::Exceeded]);
        let mut merged = SendLedger::new(looping(0), 2);
        assert_eq!(
            credits(&mut merged, 3, 1),
            [Credit::Left(0), Credit::Left(0), Credit::Exceeded],
            "one free per record"
        );
        assert_eq!(credits(&mut ledger, 0, 1), []);
    }

    #[test]
    fn at_nothing_the_first_is_free_and_the_next_is_marked() {
        let mut ledger = SendLedger::new(looping(0), 1);
        assert_eq!((ledger.send(3).credit, ledger.send(3).credit), (Credit::Left(0), Credit::Exceeded));
    }

    #[test]
    fn the_estimate_is_the_highest_of_the_last_eight() {
        let mut fan_out = FanOut::default();
        assert_eq!(fan_out.estimate(), 1);
        fan_out.observe(10);
        (0..7).for_each(|_| fan_out.observe(2));
        assert_eq!(fan_out.estimate(), 10);
        fan_out.observe(2);
        assert_eq!(fan_out.estimate(), 2);
    }

    /// What an adversary does with one invocation, drawn at random.
    #[derive(Clone, Debug)]
    struct Step {
        /// Which message in flight is received next.
        pick: usize,
        /// How many more are received in the same batch, and merged into one scope.
        with: usize,
        /// Which function receives it.
        function: u32,
        /// The sends of the invocation: a single one (0) or a batch of so many.
        sends: Vec<u32>,
        /// What the function believes its fan-out to be.
        fan_out: u32,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step =
            (any::<usize>(), 0..4usize, any::<u32>(), proptest::collection::vec(0..12u32, 1..6), 0..20u32);
        let step = step.prop_map(|(pick, with, function, sends, fan_out)| Step {
            pick,
            with,
            function,
            sends,
            fan_out,
        });
        proptest::collection::vec(step, 1..40)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]
        /// From one entry into a loop over F functions at most (credit + 1) × F × max_visits invocations run. The
        /// adversary chooses fan-out, batches, merges, order and receivers; the steps repeat until nothing is in flight.
        #[test]
        fn the_bound_holds_against_any_tree(
            steps in steps(), functions in 1..4u32, max_visits in 2..7u16, credit in 0..24u32,
        ) {
            let policy = Policy { max_visits, max_hops: u32::MAX, branch_credit: credit, ..Policy::default() };
            let bound = u64::from(credit + 1) * u64::from(functions) * u64::from(max_visits);
            // The entry: the first invocation that stands at its second visit, reached on one line.
            let entry = Lineage::root(ChainId::new(1).unwrap(), FunctionId::from_bits(0), credit);
            let mut in_flight = vec![entry];
            let (mut ran, mut script) = (0u64, steps.iter().cycle());
            while !in_flight.is_empty() {
                let step = script.next().unwrap();
                // The first message goes to function 0 again, so that this is one entry into a loop.
                let function = FunctionId::from_bits(if ran == 0 { 0 } else { step.function % functions });
                let mut records = Vec::new();
                for _ in 0..=step.with.min(in_flight.len() - 1) {
                    let message = in_flight.swap_remove(step.pick % in_flight.len());
                    let arrived = message.arrive(function, credit);
                    if !matches!(policy.judge(&arrived, function), Verdict::Block(_)) {
                        records.push(arrived);
                    }
                }
                let Some(merged) = Lineage::merge(&records, credit) else { continue };
                ran += 1;
                prop_assert!(ran <= bound, "{ran} ran, the bound is {bound}");
                let mut ledger = SendLedger::new(merged, records.len() as u32);
                for size in &step.sends {
                    match size {
                        0 => in_flight.push(ledger.send(step.fan_out)),
                        size => in_flight.extend(ledger.send_batch(*size, step.fan_out)),
                    }
                }
            }
        }

        #[test]
        fn shares_never_add_up_to_more_than_there_was(
            credit in 0..5000u32, records in 1..11u32, sends in proptest::collection::vec(0..30u32, 0..20), fan_out in 0..50u32,
        ) {
            let mut ledger = SendLedger::new(looping(credit), records);
            let mut sent = Vec::new();
            for size in sends {
                match size {
                    0 => sent.push(ledger.send(fan_out)),
                    size => sent.extend(ledger.send_batch(size, fan_out)),
                }
            }
            let allowed: Vec<_> = sent.iter().filter(|lineage| lineage.credit != Credit::Exceeded).collect();
            let paid = (allowed.len() as u32).saturating_sub(records);
            let shares: u32 = allowed.iter().map(|lineage| lineage.credit.left()).sum();
            prop_assert!(paid + shares <= credit, "{paid} paid and {shares} passed on out of {credit}");
        }
    }
}
