//! hopguard on the test bed: real functions, real event plumbing, and what ran.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod bed;
mod branching;
mod loops;
