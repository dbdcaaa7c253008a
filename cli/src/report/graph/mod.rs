//! A shape of chains, drawn: functions in layers, from what they begin with to what they end with.

mod label;
mod layers;
mod layout;
mod svg;

pub(crate) use layout::Flow;
pub(crate) use svg::{draw, markers};
