//! What is observed of invocations, and where it goes.
//!
//! Everything that comes in is bounded and counted, and waits encoded as it will be sent. Everything that goes out goes through the
//! [exporter](export), after the response; only what a trip has counted goes before it (docs/adr/0014).

mod buffer;
mod environment;
mod export;
mod faults;
mod flushing;
mod found;
mod invocation;
mod listeners;
mod meter;
mod observer;
mod own_spans;
mod package;
mod points;
mod receiver;
mod report;
mod reports;
mod resource;
mod seldom;
mod signal;
mod span;
mod supervise;
mod telemetry;
#[cfg(test)]
mod tests;
mod told;
mod under_way;
mod waits;

pub use environment::Environment;
pub(crate) use invocation::{Batch, Ended, Outcome, Started};
pub use listeners::Listeners;
pub use observer::Observer;
pub(crate) use supervise::supervise;
