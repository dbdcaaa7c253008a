//! Panics for tests, at named places. Nothing of this is in the layer: it takes the feature `fault-injection`, which only the tests ask for.

/// The environment variable that names the places, separated by commas: `place` panics whenever it is reached, `place=2` twice.
#[cfg(feature = "fault-injection")]
const VARIABLE: &str = "PANIC_IN_HOPGUARD";

/// Panics where a test says so.
#[cfg(feature = "fault-injection")]
#[allow(clippy::panic, reason = "it is what this is for")]
pub(crate) fn panic_in(place: &str) {
    use std::collections::HashMap;
    use std::sync::{LazyLock, Mutex, PoisonError};

    static LEFT: LazyLock<Mutex<HashMap<String, u32>>> = LazyLock::new(|| {
        let places = std::env::var(VARIABLE).unwrap_or_default();
        let left = places.split(',').map(|place| {
            let (place, times) = place.split_once('=').unwrap_or((place, ""));
            (place.to_owned(), times.parse().unwrap_or(u32::MAX))
        });
        Mutex::new(left.collect())
    });
    let mut left = LEFT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(left) = left.get_mut(place).filter(|left| **left > 0) {
        *left -= 1;
        panic!("told to panic in {place}");
    }
}

#[cfg(not(feature = "fault-injection"))]
pub(crate) const fn panic_in(_place: &str) {}
