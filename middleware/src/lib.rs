#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
// One crate for every choice of features: what serves a feature that is off is not worth a condition on each item.
#![cfg_attr(not(all(feature = "aws", feature = "s3", feature = "sqs")), allow(dead_code))]

mod admission;
mod answer;
pub mod batch;
#[cfg(not(feature = "aws"))]
#[path = "edge_none.rs"]
mod edge;
mod error;
mod guard;
mod guarded;
mod handover;
mod init;
#[cfg_attr(not(feature = "s3"), path = "objects_unknown.rs")]
mod objects;
mod observed;
#[cfg(feature = "otlp")]
mod otlp;
#[cfg(not(feature = "otlp"))]
#[path = "otlp_none.rs"]
mod otlp;
mod payload;
mod reports;
mod run;
mod scope;
mod sdk;
mod shared;
mod telemetry;

pub use answer::Answer;
pub use batch::{BatchAnswer, BatchRecord};
pub use error::BLOCKED;
pub use guard::{Builder, Guard};
pub use guarded::{Guarded, GuardedFuture};
pub use handover::{EventFuture, EventLayer, EventService};
pub use hopguard_core as core;
#[cfg(feature = "otlp")]
pub use otlp::{Otlp, OtlpError};
pub use scope::{InLineage, Scope};
pub use sdk::Propagator;
