//! Record-by-record processing of a batch, each record in a scope of its own.

mod answer;
mod each;
#[cfg(feature = "events")]
mod events;
mod record;

pub use answer::{BatchAnswer, BatchError, ItemFailure};
pub use record::BatchRecord;
