#![doc = include_str!("../README.md")]

pub mod admission;
pub mod answer;
mod backoff;
pub mod breaker;
mod chain;
mod credit;
pub mod dependence;
pub mod event;
pub mod findings;
mod flush;
mod function;
mod hex;
mod json;
mod lineage;
pub mod metrics;
mod policy;
pub mod propagator;
pub mod settings;
mod signing;
mod token;
mod visits;
pub mod wait;
mod xray;

pub use backoff::Backoff;
pub use chain::{ChainId, InvalidChainId};
pub use credit::{FanOut, SendLedger, Toward};
pub use flush::{Flush, FlushPolicy};
pub use function::{FunctionId, name as function_name, unqualified as unqualified_arn};
pub use lineage::{Credit, Lineage};
pub use metrics::{Counter, Counters, Measure};
pub use policy::{Mode, Policy, Reason, Verdict};
pub use settings::{OnBlock, Settings};
pub use signing::{MIN_KEY_BYTES, ShortKey, SigningKeys};
pub use token::{MAX_TOKEN_BYTES, Rejected, Token};
pub use visits::{MAX_FUNCTIONS, Visits};
pub use xray::Xray;
