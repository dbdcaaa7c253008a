//! One run of each figure.

mod invocations;
mod proxy;
mod soak;
mod start;

use std::time::Duration;

pub(crate) use invocations::{Platform, idle, with_spans};
pub(crate) use proxy::latencies;
pub(crate) use soak::soak;
pub(crate) use start::{slow_start, start};

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// A request id as Lambda writes it.
fn request_id(nth: u64) -> String {
    format!("{nth:08x}-0000-4000-8000-00000000be7c")
}
