use crate::wait::{MAX_TARGET_BYTES, prefix};

/// Names that were seen, each once, in the order in which they came; a bounded number of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    names: Vec<String>,
    overflow: u64,
}

/// The most names that are told apart: as many as a `u64` has bits.
pub(super) const MAX_NAMES: usize = 64;
/// The most names that a finding shows.
const SHOWN: usize = 10;

impl Names {
    /// Notes a name, and returns its place. `None` where it is new and there is no room.
    pub(super) fn note(&mut self, name: &str) -> Option<usize> {
        let name = prefix(name, 2 * MAX_TARGET_BYTES);
        if let Some(known) = self.names.iter().position(|known| known == name) {
            return Some(known);
        }
        if self.names.len() >= MAX_NAMES {
            self.overflow = self.overflow.saturating_add(1);
            return None;
        }
        self.names.push(name.to_owned());
        Some(self.names.len() - 1)
    }

    /// How many different ones.
    pub(super) const fn len(&self) -> usize {
        self.names.len()
    }

    /// How often a name came that there was no room for.
    pub(super) const fn overflow(&self) -> u64 {
        self.overflow
    }

    /// The first few, sorted, to be shown.
    pub(super) fn shown(&self) -> Vec<String> {
        let mut names: Vec<String> = self.names.clone();
        names.sort_unstable();
        names.truncate(SHOWN);
        names
    }
}
