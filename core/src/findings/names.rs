use std::collections::BTreeMap;

use crate::wait::{MAX_TARGET_BYTES, prefix};

/// The most names that are told apart: as many as a `u64` has bits.
pub(super) const MAX_NAMES: usize = 64;
/// The most names that a finding shows.
const SHOWN: usize = 10;

/// Names that were seen, each once; a bounded number of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    places: BTreeMap<String, usize>,
    overflow: u64,
}

impl Names {
    /// Notes a name, and returns its place in the order in which they came. `None` where it is new and there is no room.
    pub(super) fn note(&mut self, name: &str) -> Option<usize> {
        let name = prefix(name, 2 * MAX_TARGET_BYTES);
        if let Some(place) = self.places.get(name) {
            return Some(*place);
        }
        let place = self.places.len();
        if place >= MAX_NAMES {
            self.overflow = self.overflow.saturating_add(1);
            return None;
        }
        self.places.insert(name.to_owned(), place);
        Some(place)
    }

    /// How many different ones.
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// How often one came that there was no room for.
    pub(super) const fn overflow(&self) -> u64 {
        self.overflow
    }

    /// The first few in the order of the alphabet, to be shown.
    pub(super) fn shown(&self) -> Vec<String> {
        self.places.keys().take(SHOWN).cloned().collect()
    }

    /// The first few of those whose bits are set.
    pub(super) fn shown_of(&self, mask: u64) -> Vec<String> {
        let set = self.places.iter().filter(|(_, place)| mask >> **place & 1 == 1);
        set.map(|(name, _)| name.clone()).take(SHOWN).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_places_and_the_sixty_fifth_has_none() {
        let mut names = Names::default();
        for n in 0..MAX_NAMES {
            assert_eq!(names.note(&format!("{n}")), Some(n));
            assert_eq!(names.note("0"), Some(0));
        }
        assert_eq!((names.note("new"), names.note("63"), names.overflow()), (None, Some(63), 1));
        assert_eq!(names.shown_of(1 | 1 << 63), ["0", "63"]);
        assert_eq!(names.shown()[..3], ["0", "1", "10"]);
    }
}
