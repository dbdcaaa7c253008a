//! The layer on AWS's own emulator with the cloud behind it: functions in Python and Node.js that do not mention hopguard.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

#[path = "../guard/bed.rs"]
#[allow(dead_code, reason = "shared with the tests of the crate")]
mod bed;
mod environment;
mod faults;
mod language;
mod managed;
mod mixed;
mod node;
mod python;
mod received;
mod tree;
