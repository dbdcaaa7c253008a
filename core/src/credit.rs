use crate::lineage::{Credit, Lineage};

/// How many recent invocations [`FanOut`] remembers.
const REMEMBERED: usize = 8;

/// Where a message goes, as far as its credit depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Toward {
    /// To what fed the scope: it comes back for certain, or as good as.
    Source,
    /// To anything else, or nobody knows where.
    Elsewhere,
}

/// Splits a scope's branch credit over the messages that it sends.
///
/// Until some function on the path stands at its second visit, the credit passes on whole: legitimate fan-out costs nothing.
/// From there on the path is in a loop, and so is, already before it, what a scope sends [to its own source](Toward::Source).
/// Each record of the scope sends one such message free; every further one costs one credit, and each takes a share of what is
/// left, so that shares never add up to more than there was. At 0 a further message is marked [`Credit::Exceeded`], and a
/// receiver whose path is in a loop blocks it. One whose path is in none has its own whole credit again
/// ([`Lineage::arrive`]): not all that is sent to a topic, a bucket or a bus comes back to the sender.
///
/// So from one entry into a loop over F functions at most (credit + 1) × F × max_visits invocations run, whatever the
/// pattern: each paid message starts at most one more line, a line never has more than F × max_visits invocations, and a
/// loop pays for at most `credit` messages. Of a function that feeds itself, each root record is one entry, and its root
/// invocation is counted. How the credit is split is a heuristic that the bound does not depend on.
#[derive(Clone, Copy, Debug)]
pub struct SendLedger {
    lineage: Lineage,
    records: u32,
    free: u32,
    left: u32,
    sent: u32,
}

impl SendLedger {
    /// The ledger of a scope with this lineage that was merged from `records` records.
    pub fn new(lineage: Lineage, records: u32) -> Self {
        let records = records.max(1);
        Self { lineage, records, free: records, left: lineage.credit.left(), sent: 0 }
    }

    /// The lineage of the scope itself.
    pub const fn lineage(&self) -> &Lineage {
        &self.lineage
    }

    /// How many messages were sent so far.
    pub const fn sent(&self) -> u32 {
        self.sent
    }

    /// Learns that the scope has so many records, where that was not known when it began: each sends one message free.
    pub fn count_records(&mut self, records: u32) {
        self.free = self.free.saturating_add(records.saturating_sub(self.records));
        self.records = self.records.max(records);
    }

    /// Whether a message that goes there is one of a loop.
    pub fn is_split(&self, toward: Toward) -> bool {
        toward == Toward::Source || self.lineage.in_loop()
    }

    /// The lineage of one more message. `fan_out` is how many messages this function sent per scope of late.
    ///
    /// It takes seven eighths of what is left, divided by the fan-out; the rest is kept for the unexpected. A linear loop
    /// so keeps nearly all. Before a loop half of all is kept to pay with: a job that a root splits into parts of one level needs
    /// no more than that.
    pub fn send(&mut self, toward: Toward, fan_out: u32) -> Lineage {
        self.sent = self.sent.saturating_add(1);
        if !self.is_split(toward) {
            return self.lineage;
        }
        let credit = if self.pay() {
            let kept = if self.lineage.in_loop() { self.left / 8 } else { self.kept() };
            let share = self.left.saturating_sub(kept) / fan_out.max(1);
            self.left -= share;
            Credit::Left(share)
        } else {
            Credit::Exceeded
        };
        Lineage { credit, ..self.lineage }
    }

    /// The lineages of a batch whose size is known: all are paid for first, then each takes an equal part.
    pub fn send_batch(
        &mut self,
        toward: Toward,
        count: u32,
        fan_out: u32,
    ) -> impl Iterator<Item = Lineage> + use<> {
        self.sent = self.sent.saturating_add(count);
        let lineage = self.lineage;
        let (mut paid, mut passed) = (count, lineage.credit);
        if self.is_split(toward) {
            paid = (0..count).take_while(|_| self.pay()).count() as u32;
            let kept = if lineage.in_loop() { 0 } else { self.kept() };
            let share = self.left.saturating_sub(kept) / fan_out.max(paid).max(1);
            self.left -= share * paid;
            passed = Credit::Left(share);
        }
        (0..count)
            .map(move |nth| Lineage { credit: if nth < paid { passed } else { Credit::Exceeded }, ..lineage })
    }

    /// What is never shared out before a loop.
    const fn kept(&self) -> u32 {
        self.lineage.credit.left().div_ceil(2)
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
mod properties;

#[cfg(test)]
mod tests {
    use super::Toward::{Elsewhere, Source};
    use super::*;
    use crate::chain::ChainId;
    use crate::function::FunctionId;

    fn root(credit: u32) -> Lineage {
        Lineage::root(ChainId::new(1).unwrap(), FunctionId::from_bits(1), credit)
    }

    fn looping(credit: u32) -> Lineage {
        root(credit).arrive(FunctionId::from_bits(1), credit)
    }

    #[test]
    fn before_a_loop_credit_passes_on_whole() {
        let mut ledger = SendLedger::new(root(256), 1);
        assert_eq!(ledger.send(Elsewhere, 1).credit, Credit::Left(256));
        assert!(ledger.send_batch(Elsewhere, 10, 1).all(|lineage| lineage.credit == Credit::Left(256)));
        assert_eq!(ledger.sent(), 11);
    }

    #[test]
    fn what_goes_to_its_own_source_is_paid_for_at_once_and_the_rest_still_passes_whole() {
        let mut ledger = SendLedger::new(root(20), 1);
        let mut credits =
            |toward, count: usize| -> Vec<_> { (0..count).map(|_| ledger.send(toward, 2).credit).collect() };
        assert_eq!(credits(Source, 3), [Credit::Left(5), Credit::Left(2), Credit::Left(0)], "half is kept");
        assert_eq!(credits(Elsewhere, 2), [Credit::Left(20); 2]);
        assert_eq!(credits(Source, 11), [Credit::Left(0); 11], "and pays");
        assert_eq!(credits(Source, 1), [Credit::Exceeded]);
        assert_eq!(credits(Elsewhere, 1), [Credit::Left(20)]);
    }

    #[test]
    fn a_root_splits_its_job_over_several_batches() {
        let mut ledger = SendLedger::new(root(256), 1);
        let parts = (0..20).flat_map(|_| ledger.send_batch(Source, 10, 1).collect::<Vec<_>>());
        let marked = parts.filter(|lineage| lineage.credit == Credit::Exceeded).count();
        assert_eq!(marked, 53, "at least half of 256 messages are paid for, whatever was shared out");
    }

    #[test]
    fn records_that_are_known_late_send_one_message_free_each() {
        let mut ledger = SendLedger::new(root(0), 1);
        assert_eq!(ledger.send(Source, 1).credit, Credit::Left(0));
        ledger.count_records(3);
        ledger.count_records(3);
        let credits: Vec<_> = ledger.send_batch(Source, 3, 1).map(|lineage| lineage.credit).collect();
        assert_eq!(credits, [Credit::Left(0), Credit::Left(0), Credit::Exceeded]);
    }

    #[test]
    fn a_linear_loop_keeps_nearly_all() {
        let sent = SendLedger::new(looping(256), 1).send(Elsewhere, 1);
        assert_eq!(sent.credit, Credit::Left(224));
    }

    #[test]
    fn a_batch_is_paid_for_first_and_then_shared() {
        let credits = |ledger: &mut SendLedger, count, fan_out| -> Vec<_> {
            ledger.send_batch(Elsewhere, count, fan_out).map(|lineage| lineage.credit).collect()
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
        assert_eq!(
            (ledger.send(Elsewhere, 3).credit, ledger.send(Source, 3).credit),
            (Credit::Left(0), Credit::Exceeded)
        );
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
}
