//! What a panic costs: the part that it happens in, once, and never the function's invocation.

use std::future::Future;
use std::panic::{AssertUnwindSafe, PanicHookInfo};
use std::sync::{Mutex, PoisonError};

use futures_util::FutureExt as _;
use hopguard_core::{Counter, Counters};
use tracing::error;

/// Places that are remembered; beyond them nothing is logged.
const MAX_PLACES: usize = 64;

/// Runs a part to its end; `None` where it panics, which is counted. Nothing that it holds is used after that but what is behind
/// a mutex, and all of that is whole between two statements.
pub(crate) async fn caught<T>(counters: &Counters, part: impl Future<Output = T>) -> Option<T> {
    counted(counters, AssertUnwindSafe(part).catch_unwind().await)
}

/// The same for what never waits.
pub(crate) fn caught_now<T>(counters: &Counters, part: impl FnOnce() -> T) -> Option<T> {
    counted(counters, std::panic::catch_unwind(AssertUnwindSafe(part)))
}

fn counted<T, E>(counters: &Counters, ended: Result<T, E>) -> Option<T> {
    if ended.is_err() {
        counters.count(Counter::PartRestarts);
    }
    ended.ok()
}

/// Has every panic logged as this process logs, and each place that panics once: it may do so at every invocation.
pub(crate) fn log_each_place_once() {
    let seen = Mutex::new(Vec::new());
    std::panic::set_hook(Box::new(move |panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        if is_new(&mut seen, &place) {
            drop(seen);
            error!(target: "hopguard", place, error = said(panic), "part of the layer panicked: the function goes on");
        }
    }));
}

fn is_new(seen: &mut Vec<String>, place: &str) -> bool {
    let new = seen.len() < MAX_PLACES && !seen.iter().any(|seen| seen == place);
    if new {
        seen.push(place.to_owned());
    }
    new
}

fn said<'p>(panic: &'p PanicHookInfo<'_>) -> &'p str {
    panic.payload_as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_panics_is_counted_and_the_rest_goes_on() {
        let counters = Counters::default();
        assert_eq!(caught(&counters, async { 1 }).await, Some(1));
        assert_eq!(caught(&counters, async { panic!("for a test") }).await, None::<()>);
        assert_eq!(caught_now(&counters, || panic!("for a test")), None::<()>);
        assert_eq!(counters.value(Counter::PartRestarts), 2);
    }

    #[test]
    fn each_place_is_told_once_and_their_number_is_bounded() {
        let mut seen = Vec::new();
        assert_eq!(["a", "b", "a"].map(|place| is_new(&mut seen, place)), [true, true, false]);
        let told = (0..1_000).filter(|place| is_new(&mut seen, &place.to_string())).count();
        assert_eq!(told, MAX_PLACES - 2);
    }
}
