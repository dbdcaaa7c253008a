#![doc = include_str!("../README.md")]

mod async_events;
mod attempts;
mod clients;
mod failure;
#[cfg(feature = "s3")]
mod lookup;
mod mappings;
mod quarantine;
mod reserved_concurrency;
pub mod tags;
#[cfg(test)]
mod testing;
mod trip_report;

pub use clients::Clients;
#[cfg(feature = "s3")]
pub use lookup::{Head, Lookup, LookupError, ObjectName};
pub use mappings::{MappingError, Mappings};
pub use quarantine::{Blocked, Form, Quarantine, QuarantineError};
pub use reserved_concurrency::ReservedConcurrency;
pub use trip_report::{TripReport, TripWarning};
