use std::time::Duration;

/// How long to wait before calling the Lambda control plane again: exponential with full jitter.
///
/// The control plane allows 15 requests a second for a whole account and Region, and a thousand environments may trip at
/// once; full jitter spreads them evenly over the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The window of the first wait.
    pub base: Duration,
    /// The longest window.
    pub cap: Duration,
}

impl Default for Backoff {
    /// 200 ms doubling up to 10 s.
    fn default() -> Self {
        Self { base: Duration::from_millis(200), cap: Duration::from_secs(10) }
    }
}

impl Backoff {
    /// The wait after failure number `failure` (from 0): `random` of the window, where `random` is uniform over all `u32`.
    pub fn delay(&self, failure: u32, random: u32) -> Duration {
        let window = self.base.saturating_mul(2u32.saturating_pow(failure.min(20))).min(self.cap);
        window.mul_f64(f64::from(random) / f64::from(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_doubles_up_to_the_cap() {
        let backoff = Backoff::default();
        let longest = |failure| backoff.delay(failure, u32::MAX).as_millis();
        assert_eq!([0, 1, 2, 5, 6, 99].map(longest), [200, 400, 800, 6400, 10_000, 10_000]);
        assert_eq!(backoff.delay(3, 0), Duration::ZERO);
        assert!(backoff.delay(0, u32::MAX / 2) <= Duration::from_millis(100));
    }
}
