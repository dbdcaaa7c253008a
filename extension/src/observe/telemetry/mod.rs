//! The Telemetry API: what Lambda says of the environment and of each invocation.
//!
//! Nothing here logs per event. The subscription leaves the logs of extensions out, so that a line would not come back as an event; but
//! another subscription could.

mod event;
mod listener;
mod platform;
mod subscription;

pub(super) use subscription::own_address;
