//! Least privilege: the policies of `deploy/iam` are all that hopguard uses, and each of their actions is needed for something.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod actions;
#[path = "../guard/bed.rs"]
#[allow(dead_code, reason = "shared with the tests of the crate")]
mod bed;
mod documented;
mod loops;
mod policy;
mod python;
mod rig;
#[path = "../layer/tree.rs"]
mod tree;
