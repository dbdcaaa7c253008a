use super::steps::Steps;
use super::tally::Tally;
use super::{Evidence, Observation, Thresholds};
use crate::wait::{MAX_TARGET_BYTES, prefix};

/// The most kinds of events whose branches are kept apart.
const MAX_KINDS: usize = 16;
/// The most branches that are told apart for events of one kind.
const MAX_BRANCHES: usize = 16;

/// One function that leads many steps, and chooses among them.
#[derive(Clone, Debug, Default)]
pub(super) struct Orchestrator {
    pub(super) tally: Tally,
    steps: u32,
    mask: u64,
    invokes: u32,
    branches: Vec<Branches>,
}

/// What was done for events of one source and route: sets of steps, none of which is part of another.
#[derive(Clone, Debug)]
struct Branches {
    kind: (Option<String>, Option<String>),
    sets: Vec<u64>,
}

impl Orchestrator {
    /// `all` has the bits of all of the invocation's steps.
    pub(super) fn observe(
        &mut self,
        observation: &Observation<'_>,
        all: u64,
        steps: &mut Steps,
        thresholds: &Thresholds,
    ) {
        let analysis = observation.analysis;
        // Calls in parallel are one step of the sequence: the one that the handler had to wait for.
        let sequence = analysis.critical_path.iter().filter_map(|place| observation.calls.at(*place));
        let mask = sequence.fold(0, |mask, call| mask | steps.bit(call));
        if mask.count_ones() > self.steps {
            (self.steps, self.mask) = (mask.count_ones(), mask);
        }
        self.invokes = self.invokes.max(analysis.sync_invokes.count);
        self.note_branch(observation, all);
        if mask.count_ones() >= thresholds.orchestrator_steps
            || analysis.sync_invokes.count >= thresholds.orchestrator_invokes
        {
            self.tally.note(observation, analysis.wait);
        }
    }

    fn note_branch(&mut self, observation: &Observation<'_>, all: u64) {
        let cut = |name| prefix(name, MAX_TARGET_BYTES);
        let (source, route) = (observation.source.map(cut), observation.route.map(cut));
        let is_kind =
            |known: &&mut Branches| (known.kind.0.as_deref(), known.kind.1.as_deref()) == (source, route);
        if let Some(known) = self.branches.iter_mut().find(is_kind) {
            known.note(all);
        } else if self.branches.len() < MAX_KINDS {
            let kind = (source.map(str::to_owned), route.map(str::to_owned));
            self.branches.push(Branches { kind, sets: vec![all] });
        }
    }

    pub(super) fn evidence(&self, thresholds: &Thresholds, steps: &Steps) -> Option<Vec<Evidence>> {
        let branches = self.branches.iter().map(|known| known.sets.len()).max().unwrap_or_default();
        let evidence = vec![
            Evidence {
                names: steps.names().shown_of(self.mask),
                ..Evidence::count("different steps one after the other", self.steps)
                    .against(thresholds.orchestrator_steps)
            },
            Evidence::count("synchronous invokes in one invocation", self.invokes)
                .against(thresholds.orchestrator_invokes),
            Evidence::count("branches for events of one kind", branches as f64)
                .against(thresholds.orchestrator_branches),
        ];
        let signals = evidence.iter().filter(|one| one.reaches()).count();
        // Without a step or an invoke too many there is nothing that would be led.
        (signals >= thresholds.orchestrator_signals as usize && self.tally.affected() > 0).then_some(evidence)
    }
}

impl Branches {
    /// A set that is part of another says nothing: steps are left out where a call fails, or its answer is still known.
    fn note(&mut self, set: u64) {
        if self.sets.iter().any(|known| set & !known == 0) {
            return;
        }
        self.sets.retain(|known| known & !set != 0);
        if self.sets.len() < MAX_BRANCHES {
            self.sets.push(set);
        }
    }
}
