use std::time::{Duration, Instant, SystemTime};

/// Tells times since 1970 that never run backwards: the wall clock is read once, and what follows is measured from there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    started: SystemTime,
    reading: Instant,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self { started: SystemTime::now(), reading: Instant::now() }
    }

    /// Nanoseconds since 1970, now.
    pub(crate) fn now_ns(&self) -> u64 {
        self.started_ns().saturating_add(nanos(self.reading.elapsed()))
    }

    /// Nanoseconds since 1970 when it was started.
    pub(crate) fn started_ns(&self) -> u64 {
        nanos(self.started.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default())
    }
}

pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
