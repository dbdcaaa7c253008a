use std::collections::HashMap;
use std::time::{Duration, SystemTime};

/// The same failure is logged at most this often.
const INTERVAL: Duration = Duration::from_secs(60);

/// Which failures were logged of late. By the wall clock, which goes on while the environment is frozen.
#[derive(Debug, Default)]
pub(crate) struct Seldom(HashMap<&'static str, SystemTime>);

impl Seldom {
    /// Whether this failure was not logged within the last minute.
    pub(crate) fn may(&mut self, what: &'static str) -> bool {
        let now = SystemTime::now();
        let last = self.0.get(what).copied();
        let may = last.is_none_or(|last| now.duration_since(last).is_ok_and(|since| since >= INTERVAL));
        if may {
            self.0.insert(what, now);
        }
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_is_said_once_a_minute() {
        let mut seldom = Seldom::default();
        assert_eq!(["a", "a", "b", "a"].map(|what| seldom.may(what)), [true, false, true, false]);
        seldom.0.insert("a", SystemTime::now() - INTERVAL);
        assert!(seldom.may("a"));
    }
}
