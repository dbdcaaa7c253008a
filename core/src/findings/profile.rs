use super::{Evidence, Example, Finding, Kind, Observation, Thresholds};
use crate::wait::Amount;

/// The most examples of one finding.
const MAX_EXAMPLES: usize = 5;

/// What was seen of one function.
#[derive(Clone, Debug, Default)]
pub(super) struct Profile {
    invocations: u64,
    recursion: Tally,
    highest_visits: u32,
}

/// Invocations that show something.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    pub(super) affected: u64,
    pub(super) cost: Amount,
    pub(super) examples: Vec<Example>,
}

impl Tally {
    pub(super) fn note(&mut self, observation: &Observation<'_>, cost: Amount) {
        self.affected += 1;
        self.cost += cost;
        if self.examples.len() < MAX_EXAMPLES {
            self.examples.push(Example {
                invocation: observation.invocation.to_owned(),
                trace: observation.trace.to_owned(),
            });
        }
    }
}

impl Profile {
    pub(super) fn observe(&mut self, observation: &Observation<'_>, thresholds: &Thresholds) {
        self.invocations += 1;
        self.highest_visits = self.highest_visits.max(observation.lineage.visits);
        if observation.lineage.visits >= thresholds.recursion_visits {
            self.recursion.note(observation, observation.analysis.paid);
        }
    }

    pub(super) fn findings(&self, function: &str, thresholds: &Thresholds) -> Vec<Finding> {
        let mut findings = Vec::new();
        if self.recursion.affected > 0 {
            findings.push(Finding {
                kind: Kind::Recursion,
                function: function.to_owned(),
                evidence: vec![Evidence {
                    what: "highest visit",
                    value: f64::from(self.highest_visits),
                    unit: "1",
                    threshold: Some(f64::from(thresholds.recursion_visits)),
                    ..Evidence::default()
                }],
                examples: self.recursion.examples.clone(),
                suggestion: Kind::Recursion.suggestion(),
                cost: Some(self.recursion.cost),
                affected: self.recursion.affected,
                invocations: self.invocations,
            });
        }
        findings
    }
}
