//! The test bed tested: that what the other tests rely on is really so.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod cloud;
mod environment;
mod layered;
mod node;
mod python;
