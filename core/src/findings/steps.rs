use std::fmt::Write as _;

use super::names::Names;
use crate::wait::Call;

/// What a function does downstream: each operation with what it goes to is a step.
#[derive(Clone, Debug, Default)]
pub(super) struct Steps {
    names: Names,
    /// A name that is being made: kept, so that a call needs no memory of its own.
    name: String,
}

impl Steps {
    /// The bit of a call's step; 0 where it is new and there is no room.
    pub(super) fn bit(&mut self, call: &Call) -> u64 {
        self.name.clear();
        // Writing to a string cannot fail.
        let _ = write!(self.name, "{}.{}", call.service, call.operation);
        if let Some(target) = &call.target {
            let _ = write!(self.name, " {target}");
        }
        self.names.note(&self.name).map_or(0, |place| 1 << place)
    }

    pub(super) const fn names(&self) -> &Names {
        &self.names
    }
}
