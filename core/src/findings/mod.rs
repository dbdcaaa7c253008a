//! Anti-patterns that functions show at run time, each with its evidence, over a window of invocations.

mod finding;
mod kind;
mod monolith;
mod names;
mod observation;
mod orchestrator;
mod profile;
mod recursion;
mod serial_wait;
mod steps;
mod sync_invoke;
mod tally;
mod thresholds;
mod window;

pub use finding::{Evidence, Example, Finding};
pub use kind::Kind;
pub use observation::{Observation, Seen};
pub use thresholds::{THRESHOLDS, Threshold, Thresholds, markdown_table};
pub use window::{MAX_FUNCTIONS, Window};

#[cfg(test)]
mod tests;
