//! When a function's reserved concurrency is set to 0, as a state machine without clock or IO.

use std::time::{Duration, Instant};

use crate::backoff::Backoff;
use crate::chain::ChainId;
use crate::policy::Reason;

/// After a trip, invocations that were under way may still block; only a block after this time means that somebody has
/// let the function run again.
pub const HOLD: Duration = Duration::from_secs(30);
/// A function that runs again after a trip is watched this long: a block trips at once, whatever failed before.
pub const PROBATION: Duration = Duration::from_secs(300);
/// A failure to trip is logged at most this often.
pub const LOG_INTERVAL: Duration = Duration::from_secs(60);
/// An attempt whose outcome never came (its invocation was cut off) is given up after this time.
pub const ATTEMPT_LIMIT: Duration = Duration::from_secs(60);

/// Decides when this execution environment sets its function's reserved concurrency to 0.
///
/// It does nothing itself: [`Breaker::handle_block`] says that an attempt is due, whoever makes it tells
/// [`Breaker::handle_outcome`]. One attempt at a time.
#[derive(Clone, Debug)]
pub struct Breaker {
    state: State,
    since: Option<Instant>,
    attempt: Option<Instant>,
    retry_at: Option<Instant>,
    failures: u32,
    logged_at: Option<Instant>,
    backoff: Backoff,
}

/// Where a breaker stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Nothing has tripped.
    Admitting,
    /// This environment has set its function to 0, or found it there.
    Tripped,
    /// The function runs again after a trip, and the next block trips at once.
    Probing,
}

/// A record that was kept from the handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// Its chain.
    pub chain: ChainId,
    /// Its hop.
    pub hop: u32,
    /// The limit it went beyond.
    pub reason: Reason,
}

/// An attempt to trip that is now due: set the function's reserved concurrency to 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trip {
    /// What it is for.
    pub block: Block,
}

/// How an attempt to trip ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The function is at 0, confirmed, and was at the prior value before.
    Tripped {
        /// The reserved concurrency before; `None` where none was reserved.
        prior: Option<u32>,
    },
    /// The function was at 0 already.
    AlreadyTripped,
    /// The execution role lacks a permission.
    Denied,
    /// The control plane answered 429 until the time was over.
    Throttled,
    /// No answer in time, or another error.
    Failed,
}

/// Whether an outcome is worth a line in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Report {
    /// Log it.
    Log,
    /// The same was logged less than [`LOG_INTERVAL`] ago.
    Quiet,
}

impl Breaker {
    /// A breaker in an environment that just started.
    pub fn new(backoff: Backoff) -> Self {
        Self {
            state: State::Admitting,
            since: None,
            attempt: None,
            retry_at: None,
            failures: 0,
            logged_at: None,
            backoff,
        }
    }

    /// Where the breaker stands.
    pub const fn state(&self) -> State {
        self.state
    }

    /// Takes a block into account and says what to do about it, if anything.
    pub fn handle_block(&mut self, at: Instant, block: Block) -> Option<Trip> {
        self.handle_timeout(at);
        let waiting = self.attempt.is_some() || self.retry_at.is_some_and(|retry_at| at < retry_at);
        if waiting || self.state == State::Tripped {
            return None;
        }
        self.attempt = Some(at);
        Some(Trip { block })
    }

    /// Takes the outcome of the attempt into account. `random`, uniform over all `u32`, is the jitter of the next one.
    pub fn handle_outcome(&mut self, at: Instant, outcome: Outcome, random: u32) -> Report {
        self.attempt = None;
        match outcome {
            Outcome::Tripped { .. } | Outcome::AlreadyTripped => {
                self.enter(State::Tripped, at);
                self.retry_at = None;
                self.failures = 0;
                self.logged_at = None;
                Report::Log
            }
            Outcome::Denied | Outcome::Throttled | Outcome::Failed => {
                // Nobody adds a permission within seconds, while a throttled or failed call may succeed soon.
                let delay = match outcome {
                    Outcome::Denied => LOG_INTERVAL,
                    _ => self.backoff.delay(self.failures, random),
                };
                self.retry_at = Some(at + delay);
                self.failures = self.failures.saturating_add(1);
                let quiet =
                    self.logged_at.is_some_and(|logged_at| at.duration_since(logged_at) < LOG_INTERVAL);
                if quiet {
                    return Report::Quiet;
                }
                self.logged_at = Some(at);
                Report::Log
            }
        }
    }

    /// When [`Breaker::handle_timeout`] would change something next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let stage = self.since.map(|since| since + self.stage_length());
        let attempt = self.attempt.map(|attempt| attempt + ATTEMPT_LIMIT);
        stage.into_iter().chain(attempt).min()
    }

    /// Takes the passing of time into account.
    pub fn handle_timeout(&mut self, at: Instant) {
        if self.attempt.is_some_and(|attempt| at >= attempt + ATTEMPT_LIMIT) {
            self.attempt = None;
        }
        while let Some(end) = self.since.map(|since| since + self.stage_length()).filter(|end| at >= *end) {
            match self.state {
                State::Tripped => self.enter(State::Probing, end),
                State::Probing | State::Admitting => {
                    self.state = State::Admitting;
                    self.since = None;
                }
            }
        }
    }

    fn enter(&mut self, state: State, at: Instant) {
        self.state = state;
        self.since = Some(at);
    }

    const fn stage_length(&self) -> Duration {
        match self.state {
            State::Tripped => HOLD,
            State::Probing | State::Admitting => PROBATION,
        }
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "a test needs some instant to start from")]
mod tests {
    use super::*;

    fn block() -> Block {
        Block { chain: ChainId::new(1).unwrap(), hop: 5, reason: Reason::Visits { visits: 6, limit: 5 } }
    }

    fn breaker() -> (Breaker, impl Fn(u64) -> Instant) {
        let start = Instant::now();
        (Breaker::new(Backoff::default()), move |seconds| start + Duration::from_secs(seconds))
    }

    #[test]
    fn one_attempt_at_a_time_and_none_while_tripped() {
        let (mut breaker, at) = breaker();
        assert_eq!(breaker.handle_block(at(0), block()), Some(Trip { block: block() }));
        assert_eq!(breaker.handle_block(at(0), block()), None, "one is under way");
        assert_eq!(breaker.handle_outcome(at(1), Outcome::Tripped { prior: Some(7) }, 0), Report::Log);
        assert_eq!(breaker.state(), State::Tripped);
        assert_eq!(breaker.handle_block(at(2), block()), None, "an invocation that was under way");
        assert_eq!(breaker.poll_timeout(), Some(at(31)));
    }

    #[test]
    fn a_function_that_runs_again_trips_at_its_first_block() {
        let (mut breaker, at) = breaker();
        breaker.handle_block(at(0), block());
        breaker.handle_outcome(at(0), Outcome::AlreadyTripped, 0);
        breaker.handle_timeout(at(30));
        assert_eq!(breaker.state(), State::Probing);
        assert!(breaker.handle_block(at(31), block()).is_some());
        breaker.handle_outcome(at(31), Outcome::Tripped { prior: Some(1) }, 0);
        breaker.handle_timeout(at(31 + 30 + 300));
        assert_eq!((breaker.state(), breaker.poll_timeout()), (State::Admitting, None));
    }

    #[test]
    fn failures_wait_and_are_logged_once_a_minute() {
        let (mut breaker, at) = breaker();
        assert!(breaker.handle_block(at(0), block()).is_some());
        assert_eq!(breaker.handle_outcome(at(0), Outcome::Denied, 0), Report::Log);
        assert_eq!(breaker.handle_block(at(59), block()), None, "nobody adds a permission within a minute");
        assert!(breaker.handle_block(at(60), block()).is_some());
        assert_eq!(breaker.handle_outcome(at(60), Outcome::Throttled, u32::MAX), Report::Log);
        assert!(breaker.handle_block(at(61), block()).is_some(), "after 400 ms at the most");
        assert_eq!(breaker.handle_outcome(at(61), Outcome::Failed, 0), Report::Quiet);
        assert_eq!(breaker.state(), State::Admitting);
    }

    #[test]
    fn an_attempt_that_never_ends_is_given_up() {
        let (mut breaker, at) = breaker();
        assert!(breaker.handle_block(at(0), block()).is_some());
        assert_eq!(breaker.poll_timeout(), Some(at(60)));
        assert_eq!(breaker.handle_block(at(59), block()), None);
        assert!(breaker.handle_block(at(60), block()).is_some());
    }
}
