use crate::function::FunctionId;

/// The most functions that one lineage carries.
pub const MAX_FUNCTIONS: usize = 12;

/// How often each function stands on a path, the least recent first; at most [`MAX_FUNCTIONS`] functions.
///
/// Where a thirteenth comes, the least recent entry with one visit goes (or, with no such entry, the least recent of those
/// with the fewest): the hop count still bounds such a path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Visits {
    functions: [FunctionId; MAX_FUNCTIONS],
    visits: [u16; MAX_FUNCTIONS],
    len: u8,
}

impl Visits {
    /// Counts one more visit of `function`, which becomes the most recent.
    pub fn visit(&mut self, function: FunctionId) {
        let seen = self.remove(function).unwrap_or(0);
        self.push(function, seen.saturating_add(1));
    }

    /// Appends an entry as read from a token. `false`, and no change, where the function is already there, the count is 0 or
    /// the table is full.
    #[must_use]
    pub fn append(&mut self, function: FunctionId, visits: u16) -> bool {
        if visits == 0 || self.len() == MAX_FUNCTIONS || self.of(function) > 0 {
            return false;
        }
        self.push_last(function, visits);
        true
    }

    /// How often `function` stands on the path; 0 where it does not, or was displaced.
    pub fn of(&self, function: FunctionId) -> u16 {
        self.position(function).and_then(|at| self.visits.get(at)).copied().unwrap_or(0)
    }

    /// The highest count of any function.
    pub fn highest(&self) -> u16 {
        self.iter().map(|(_, visits)| visits).max().unwrap_or(0)
    }

    /// The entries, the least recent first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (FunctionId, u16)> + '_ {
        self.functions.iter().copied().zip(self.visits.iter().copied()).take(self.len())
    }

    /// How many functions are carried.
    pub fn len(&self) -> usize {
        usize::from(self.len)
    }

    /// Whether none is carried.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Takes the higher count of each function. Functions that only `other` has count as less recent than ours.
    pub(crate) fn merge(&mut self, other: &Self) {
        let mut merged = Self::default();
        for (function, visits) in other.iter().filter(|(f, _)| self.of(*f) == 0) {
            merged.push(function, visits);
        }
        for (function, visits) in self.iter() {
            merged.push(function, visits.max(other.of(function)));
        }
        *self = merged;
    }

    fn push(&mut self, function: FunctionId, visits: u16) {
        if self.len() == MAX_FUNCTIONS {
            let least = self.iter().map(|(_, visits)| visits).min().unwrap_or(0);
            let displaced = self.iter().find(|(_, visits)| *visits == least).map(|(function, _)| function);
            displaced.and_then(|function| self.remove(function));
        }
        self.push_last(function, visits);
    }

    /// Appends an entry where there is room for one.
    fn push_last(&mut self, function: FunctionId, visits: u16) {
        let at = self.len();
        if let (Some(slot), Some(count)) = (self.functions.get_mut(at), self.visits.get_mut(at)) {
            (*slot, *count) = (function, visits);
            self.len += 1;
        }
    }

    fn remove(&mut self, function: FunctionId) -> Option<u16> {
        let at = self.position(function)?;
        let len = self.len();
        let (functions, visits) = (self.functions.get_mut(at..len)?, self.visits.get_mut(at..len)?);
        functions.rotate_left(1);
        visits.rotate_left(1);
        self.len -= 1;
        // What lies beyond `len` is kept at its default, so that equality is of the entries alone.
        *functions.last_mut()? = FunctionId::default();
        Some(std::mem::take(visits.last_mut()?))
    }

    fn position(&self, function: FunctionId) -> Option<usize> {
        self.functions.iter().take(self.len()).position(|known| *known == function)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn f(bits: usize) -> FunctionId {
        FunctionId::from_bits(bits as u32)
    }

    #[test]
    fn the_most_recent_stands_last() {
        let mut visits = Visits::default();
        for function in [1, 2, 1, 3, 2] {
            visits.visit(f(function));
        }
        assert_eq!(visits.iter().collect::<Vec<_>>(), [(f(1), 2), (f(3), 1), (f(2), 2)]);
        assert_eq!((visits.highest(), visits.of(f(4))), (2, 0));
    }

    #[test]
    fn the_thirteenth_displaces_the_least_recent_with_one_visit() {
        let mut visits = Visits::default();
        visits.visit(f(0));
        for function in 0..MAX_FUNCTIONS {
            visits.visit(f(function));
        }
        visits.visit(f(99));
        assert_eq!(visits.len(), MAX_FUNCTIONS);
        assert_eq!((visits.of(f(0)), visits.of(f(1)), visits.of(f(99))), (2, 0, 1));
    }

    #[test]
    fn where_all_have_more_the_fewest_go_first() {
        let mut visits = Visits::default();
        for function in 0..MAX_FUNCTIONS {
            assert!(visits.append(f(function), if function == 5 { 2 } else { 3 }));
        }
        assert!(!visits.append(f(50), 1), "a token never holds a thirteenth");
        visits.visit(f(50));
        assert_eq!((visits.of(f(5)), visits.of(f(0)), visits.of(f(50))), (0, 3, 1));
    }

    #[test]
    fn equality_is_of_entries() {
        let mut a = Visits::default();
        a.visit(f(1));
        a.visit(f(2));
        a.visit(f(1));
        let mut b = Visits::default();
        assert!(b.append(f(2), 1) && b.append(f(1), 2) && !b.append(f(1), 1) && !b.append(f(3), 0));
        assert_eq!(a, b);
    }
}
