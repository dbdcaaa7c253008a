#![doc = include_str!("../README.md")]

#[cfg(feature = "operator")]
mod arn;
mod async_events;
mod attempts;
mod clients;
#[cfg(feature = "cloudwatch")]
mod cloudwatch;
mod dead_letters;
mod edge;
pub mod environment;
mod failure;
mod ledger;
mod line_file;
#[cfg(feature = "s3")]
mod lookup;
mod mappings;
#[cfg(feature = "s3")]
mod object_index;
#[cfg(feature = "s3")]
mod objects;
#[cfg(feature = "operator")]
pub mod operator;
mod quarantine;
mod request;
mod reserved_concurrency;
mod rest_json;
mod schedule;
pub mod tags;
#[cfg(test)]
mod testing;
mod trip_report;
#[cfg(test)]
mod wire;

pub use clients::Clients;
#[cfg(feature = "cloudwatch")]
pub use cloudwatch::{CloudWatch, CloudWatchError, Datum, DatumValue};
pub use edge::Edge;
pub use line_file::LineFile;
#[cfg(feature = "s3")]
pub use lookup::{Head, Lookup, LookupError, ObjectName};
pub use mappings::{MappingError, Mappings};
#[cfg(feature = "s3")]
pub use object_index::{Known, ObjectIndex, Written};
#[cfg(feature = "s3")]
pub use objects::KnownObjects;
pub use quarantine::{Blocked, Form, Quarantine, QuarantineError};
pub use reserved_concurrency::ReservedConcurrency;
pub use trip_report::{TripReport, TripWarning};
