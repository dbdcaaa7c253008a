//! What the spans say, put together: invocations with their calls, who sent what to whom, and chains.

mod assembly;
mod builder;
mod chains;
mod invocation;
mod names;
mod senders;

pub(crate) use builder::Builder;
pub(crate) use chains::{Chain, chains};
pub(crate) use invocation::{Attempt, Call, Invocation, Sender};
pub(crate) use names::{Name, Names};

/// Everything that was read. Invocations are in the order of their start.
#[derive(Debug, Default)]
pub(crate) struct Model {
    pub(crate) invocations: Vec<Invocation>,
    /// Calls whose invocation is not there.
    pub(crate) lost_calls: u64,
}
