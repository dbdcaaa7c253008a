#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod admission;
mod answer;
pub mod batch;
#[cfg(feature = "aws")]
mod edge;
mod error;
mod guard;
mod guarded;
mod scope;
#[cfg(any(feature = "sqs", feature = "sns", feature = "s3", feature = "lambda"))]
mod sdk;
mod shared;
mod telemetry;
#[cfg(feature = "s3")]
mod write_index;

pub use answer::Answer;
pub use batch::{BatchAnswer, BatchRecord};
pub use error::BLOCKED;
pub use guard::{Builder, Guard};
pub use guarded::{Guarded, GuardedFuture};
pub use hopguard_core as core;
pub use scope::{InLineage, Scope};
#[cfg(any(feature = "sqs", feature = "sns", feature = "s3", feature = "lambda"))]
pub use sdk::Propagator;
