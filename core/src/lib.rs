#![doc = include_str!("../README.md")]

mod chain;
mod credit;
mod function;
mod hex;
mod lineage;
mod policy;
pub mod propagator;
mod signing;
mod token;
mod visits;
mod xray;

pub use chain::{ChainId, InvalidChainId};
pub use credit::{FanOut, SendLedger};
pub use function::{FunctionId, name as function_name, unqualified as unqualified_arn};
pub use lineage::{Credit, Lineage};
pub use policy::{Mode, Policy, Reason, Verdict};
pub use signing::{MIN_KEY_BYTES, ShortKey, SigningKeys};
pub use token::{MAX_TOKEN_BYTES, Rejected, Token};
pub use visits::{MAX_FUNCTIONS, Visits};
pub use xray::Xray;
