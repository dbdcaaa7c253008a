//! The templates of `deploy/` on the cloud's CloudFormation.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

#[path = "../iam/policy.rs"]
#[allow(dead_code, reason = "shared with the tests of the policies")]
mod policy;
mod python;
mod template;
mod terraform;
#[path = "../layer/tree.rs"]
mod tree;
