//! What an invocation waited for: from the times of its calls to nanoseconds, GB-seconds and USD.
//!
//! ```
//! use hopguard_core::wait::{Call, Calls, Invocation, Price, analyse};
//!
//! const MS: u64 = 1_000_000;
//! // A function of 512 MB reads an object for 80 ms, then writes an item for 20 ms, although neither needs the other.
//! let invocation = Invocation { start_ns: 0, end_ns: 110 * MS, memory_mb: 512, ..Invocation::default() };
//! let mut calls = Calls::default();
//! calls.push(Call::new("S3", "GetObject", 5 * MS, 85 * MS));
//! calls.push(Call::new("DynamoDB", "PutItem", 85 * MS, 105 * MS));
//! let analysis = analyse(&invocation, &calls, &Price::default());
//! assert_eq!((analysis.wait.ns, analysis.cpu_ns), (100 * MS, 10 * MS));
//! // Together they would take as long as the longer one.
//! assert_eq!(analysis.saving.ns, 20 * MS);
//! // 0.1 s × 0.5 GB × 0.0000166667 USD
//! assert!((analysis.wait.usd - 0.000_000_833_335).abs() < 1e-15);
//! ```

mod analysis;
mod call;
mod calls;
mod critical;
mod interval;
mod invocation;
mod price;
mod retries;
mod serial;

pub use analysis::{Analysis, SyncInvokes, Timeouts, analyse};
pub use call::{Attempt, Call, Callee, Kind};
pub(crate) use calls::prefix;
pub use calls::{Calls, MAX_ATTEMPTS, MAX_CALLS, MAX_DEPENDENCES, MAX_NAME_BYTES, MAX_TARGET_BYTES};
pub use invocation::Invocation;
pub use price::{Amount, Architecture, Price};
pub use retries::Retries;
pub use serial::SerialRun;

#[cfg(test)]
mod tests;
