use super::monolith::Monolith;
use super::orchestrator::Orchestrator;
use super::recursion::Recursion;
use super::serial_wait::SerialWait;
use super::steps::Steps;
use super::sync_invoke::SyncInvoke;
use super::tally::Tally;
use super::{Evidence, Finding, Kind, Observation, Thresholds};
use crate::wait::Amount;

/// What was seen of one function.
#[derive(Clone, Debug, Default)]
pub(super) struct Profile {
    invocations: u64,
    paid: Amount,
    steps: Steps,
    recursion: Recursion,
    sync_invoke: SyncInvoke,
    serial_wait: SerialWait,
    orchestrator: Orchestrator,
    monolith: Monolith,
}

impl Profile {
    pub(super) fn observe(&mut self, observation: &Observation<'_>, thresholds: &Thresholds) {
        self.invocations = self.invocations.saturating_add(1);
        self.paid += observation.analysis.paid;
        let steps = &mut self.steps;
        let all = observation.calls.as_slice().iter().fold(0, |all, call| all | steps.bit(call));
        self.recursion.observe(observation, thresholds);
        self.sync_invoke.observe(observation);
        self.serial_wait.observe(observation, steps);
        self.orchestrator.observe(observation, all, steps, thresholds);
        self.monolith.observe(observation);
    }

    pub(super) fn findings(&self, function: &str, thresholds: &Thresholds) -> Vec<Finding> {
        Kind::ALL.iter().filter_map(|kind| self.finding(*kind, function, thresholds)).collect()
    }

    fn finding(&self, kind: Kind, function: &str, thresholds: &Thresholds) -> Option<Finding> {
        let (evidence, tally) = self.evidence(kind, thresholds)?;
        // What a monolith costs, its many tasks cost together.
        let whole = kind == Kind::Monolith;
        Some(Finding {
            kind,
            function: function.to_owned(),
            evidence,
            examples: tally.examples(),
            suggestion: kind.suggestion(),
            cost: (!whole).then(|| tally.cost()),
            affected: if whole { self.invocations } else { tally.affected() },
            invocations: self.invocations,
        })
    }

    fn evidence(&self, kind: Kind, thresholds: &Thresholds) -> Option<(Vec<Evidence>, &Tally)> {
        let Self { paid, steps, .. } = self;
        Some(match kind {
            Kind::Recursion => (self.recursion.evidence(thresholds)?, &self.recursion.tally),
            Kind::SyncInvoke => (self.sync_invoke.evidence(thresholds, *paid)?, &self.sync_invoke.tally),
            Kind::SerialWait => {
                (self.serial_wait.evidence(thresholds, *paid, steps)?, &self.serial_wait.tally)
            }
            Kind::Orchestrator => (self.orchestrator.evidence(thresholds, steps)?, &self.orchestrator.tally),
            Kind::Monolith => (self.monolith.evidence(thresholds, steps)?, &self.monolith.tally),
        })
    }
}
