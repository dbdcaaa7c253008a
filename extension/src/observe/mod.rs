//! What is observed of invocations, and where it goes.

mod invocation;

pub(crate) use invocation::{Ended, Outcome, Started};

/// Takes what is observed, and exports it after the response. Cheap to clone; bounded.
#[derive(Clone, Debug, Default)]
pub struct Observer;

impl Observer {
    /// The runtime is about to get an event.
    pub(crate) fn started(&self, _: &Started) {}

    /// The answer of an invocation is out.
    pub(crate) fn ended(&self, _: &Ended<'_>) {}
}
