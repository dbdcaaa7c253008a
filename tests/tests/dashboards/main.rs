//! Dashboards, alert rules and alarms: that they name what is exported, and that what is exported is seen on them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

#[path = "../guard/bed.rs"]
#[allow(dead_code, reason = "shared with the tests of the crate")]
mod bed;
mod cloudwatch;
mod contract;
mod exposition;
mod files;
mod grafana;
mod known;
#[path = "../layer/language.rs"]
#[allow(dead_code, reason = "shared with the tests of the layer")]
mod language;
mod looped;
mod prometheus;
#[path = "../layer/environment/simulator.rs"]
#[allow(dead_code, reason = "shared with the tests of the layer")]
mod simulator;
#[path = "../layer/tree.rs"]
mod tree;
