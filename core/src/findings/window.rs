use std::collections::BTreeMap;

use super::profile::Profile;
use super::{Finding, Observation, Thresholds};
use crate::wait::{MAX_TARGET_BYTES, prefix};

/// The most functions that one window tells apart.
pub const MAX_FUNCTIONS: usize = 1_024;

/// What was seen of each function since the window was opened. Whoever owns it decides when that is: it has no clock.
///
/// It keeps counts and sums, at most 64 names of a kind and a few examples of each function, and never a call.
#[derive(Clone, Debug, Default)]
pub struct Window {
    thresholds: Thresholds,
    functions: BTreeMap<String, Profile>,
    overflow: u64,
}

impl Window {
    /// An empty window.
    pub fn new(thresholds: Thresholds) -> Self {
        Self { thresholds, ..Self::default() }
    }

    /// Takes one invocation into account.
    pub fn observe(&mut self, observation: &Observation<'_>) {
        let function = prefix(observation.function, MAX_TARGET_BYTES);
        if !self.functions.contains_key(function) {
            if self.functions.len() >= MAX_FUNCTIONS {
                self.overflow = self.overflow.saturating_add(1);
                return;
            }
            self.functions.insert(function.to_owned(), Profile::default());
        }
        if let Some(profile) = self.functions.get_mut(function) {
            profile.observe(observation, &self.thresholds);
        }
    }

    /// What was found, by function and kind, in the order of their names and of [`Kind::ALL`](super::Kind::ALL).
    pub fn findings(&self) -> Vec<Finding> {
        self.functions
            .iter()
            .flat_map(|(function, profile)| profile.findings(function, &self.thresholds))
            .collect()
    }

    /// Begins anew: what was seen is forgotten, but the thresholds stay.
    pub fn clear(&mut self) {
        self.functions.clear();
        self.overflow = 0;
    }

    /// How many invocations were not taken into account, because theirs was one function too many.
    pub const fn overflow(&self) -> u64 {
        self.overflow
    }
}
