//! The program `hopguard` against the cloud: what the person on call sees and does.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod attach;
#[path = "../guard/bed.rs"]
#[allow(dead_code, reason = "shared with the tests of the crate")]
mod bed;
mod doctor;
#[allow(dead_code, reason = "shared with the tests of least privilege")]
mod program;
mod refusals;
mod resume;
mod status;
#[path = "../layer/tree.rs"]
mod tree;
