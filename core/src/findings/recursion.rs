use super::tally::Tally;
use super::{Evidence, Observation, Thresholds};

/// A function that stands on its own path.
#[derive(Clone, Debug, Default)]
pub(super) struct Recursion {
    pub(super) tally: Tally,
    visits: u32,
    hop: u32,
    blocked: u64,
    tripped: u64,
}

impl Recursion {
    pub(super) fn observe(&mut self, observation: &Observation<'_>, thresholds: &Thresholds) {
        let seen = observation.lineage;
        self.visits = self.visits.max(seen.visits);
        self.hop = self.hop.max(seen.hop);
        self.blocked += u64::from(seen.blocked);
        self.tripped += u64::from(seen.tripped);
        if seen.visits >= thresholds.recursion_visits || seen.blocked || seen.tripped {
            self.tally.note(observation, observation.analysis.paid);
        }
    }

    pub(super) fn evidence(&self, thresholds: &Thresholds) -> Option<Vec<Evidence>> {
        (self.tally.affected() > 0).then(|| {
            vec![
                Evidence::count("highest visit", self.visits).against(thresholds.recursion_visits),
                Evidence::count("highest hop", self.hop),
                Evidence::count("blocked", self.blocked as f64),
                Evidence::count("tripped", self.tripped as f64),
            ]
        })
    }
}
