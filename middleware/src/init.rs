use std::fs;
use std::time::{Duration, Instant};

/// Ticks a second in which Linux tells user space the times of processes, on every machine that Lambda has.
const TICKS: u64 = 100;
/// What one of them is, and how exactly Linux tells how long the machine runs.
const TICK: Duration = Duration::from_millis(1_000 / TICKS);

/// How long the initialisation took that ended at `until`: from the start of this process, as far as Linux tells. To 10 ms.
pub(crate) fn since_start(until: Instant) -> Option<Duration> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let uptime = fs::read_to_string("/proc/uptime").ok()?;
    Some(age(&stat, &uptime)?.saturating_sub(until.elapsed()))
}

/// How old a process is. Its name is in brackets, and may have brackets and spaces in it.
fn age(stat: &str, uptime: &str) -> Option<Duration> {
    let started: u64 = stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(19)?.parse().ok()?;
    let uptime: f64 = uptime.split_ascii_whitespace().next()?.parse().ok()?;
    let uptime = Duration::try_from_secs_f64(uptime).ok()?;
    let started = Duration::from_millis(started.checked_mul(1_000 / TICKS)?);
    // A process that has just started may seem to start a tick from now.
    (uptime + TICK).checked_sub(started).map(|age| age.saturating_sub(TICK))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_knows_how_old_it_is() {
        let stat = "7 (boot) strap) S 1 7 7 0 -1 4194304 100 0 0 0 1 2 0 0 20 0 1 0 12345 1000 10";
        assert_eq!(age(stat, "124.50 99.0\n"), Some(Duration::from_millis(1_050)));
        assert_eq!(
            age(stat, "123.44 99.0\n"),
            Some(Duration::ZERO),
            "both are told to 10 ms: it has just started"
        );
        for (stat, uptime) in [("", "1.0"), (stat, ""), (stat, "1.0"), ("1 (a) S 1", "1.0"), (stat, "-1")] {
            assert_eq!(age(stat, uptime), None, "{stat} {uptime}");
        }
        assert!(since_start(Instant::now()).is_some_and(|age| age < Duration::from_secs(24 * 3_600)));
    }
}
