use super::steps::Steps;
use super::tally::Tally;
use super::{Evidence, Observation, Thresholds};
use crate::wait::{Amount, SerialRun};

/// Calls that are made one after the other although none is known to need another.
#[derive(Clone, Debug, Default)]
pub(super) struct SerialWait {
    pub(super) tally: Tally,
    best: u64,
    calls: usize,
    mask: u64,
}

impl SerialWait {
    pub(super) fn observe(&mut self, observation: &Observation<'_>, steps: &mut Steps) {
        let analysis = observation.analysis;
        if analysis.saving.ns == 0 {
            return;
        }
        self.tally.note(observation, analysis.saving);
        let Some(run) = analysis.serial.iter().max_by_key(|run| run.saving_ns()) else { return };
        if run.saving_ns() > self.best {
            self.best = run.saving_ns();
            self.calls = run.calls.len();
            self.mask = mask(observation, run, steps);
        }
    }

    pub(super) fn evidence(
        &self,
        thresholds: &Thresholds,
        paid: Amount,
        steps: &Steps,
    ) -> Option<Vec<Evidence>> {
        let saving = self.tally.cost();
        let average_ms = saving.ns as f64 / 1e6 / self.tally.affected().max(1) as f64;
        let share = Evidence::share("saving at the most, of what is paid", saving, paid)
            .against(thresholds.serial_wait_share);
        let average = Evidence::ms("saving at the most, by an invocation", average_ms)
            .against(thresholds.serial_wait_saving);
        let longest = Evidence {
            names: steps.names().shown_of(self.mask),
            ..Evidence::count("calls of the run with the largest saving", self.calls as f64)
        };
        (share.reaches() && average.reaches()).then(|| vec![share, average, longest])
    }
}

fn mask(observation: &Observation<'_>, run: &SerialRun, steps: &mut Steps) -> u64 {
    let calls = run.calls.iter().filter_map(|place| observation.calls.at(*place));
    calls.fold(0, |mask, call| mask | steps.bit(call))
}
