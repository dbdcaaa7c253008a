//! Anti-patterns that functions show at run time, each with its evidence, over a window of invocations.

mod finding;
mod kind;
mod names;
mod observation;
mod profile;
mod thresholds;
mod window;

pub use finding::{Evidence, Example, Finding};
pub use kind::Kind;
pub use observation::{Observation, Seen};
pub use thresholds::Thresholds;
pub use window::{MAX_FUNCTIONS, Window};
