//! When the main loop waits, and for what.

use std::time::{Duration, SystemTime};

use hopguard_core::{Flush, Measure};
use tokio::time::Instant;
use tracing::warn;

use super::export::Progress;
use super::observer::Observer;
use crate::fault::panic_in;

/// What an invocation may wait for an export after its response. One that takes longer goes on beside the next invocations.
const FLUSH_LIMIT: Duration = Duration::from_millis(500);
/// What is left of an invocation's time when waiting ends, so that the layer never is why it times out.
const MARGIN: Duration = Duration::from_millis(50);
/// How long the first invocation is given to show whether its end will be known.
const GRACE: Duration = Duration::from_millis(20);
/// What the last export may take of the 2 seconds that Lambda leaves.
const LAST_LIMIT: Duration = Duration::from_millis(1_500);

/// Whether an invocation has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waited {
    Ended,
    /// Not by the time that waiting has to end.
    UnderWay,
    /// Neither proxy nor platform tells.
    Unknown,
}

impl Observer {
    /// Initialisation is over, and the first event is about to be asked for. `since` is when this process started.
    pub fn ready(&self, since: std::time::Instant) {
        self.0.state().meter.record(Measure::LayerInit, since.elapsed().as_secs_f64());
    }

    /// An invocation has started. Returns when the next event may be asked for: at once, or, where an export is due, when the response is
    /// out and the export done, or has met trouble. Never later than the invocation's deadline (milliseconds since 1970).
    pub async fn invoked(&self, request_id: &str, deadline_ms: u64) {
        let inner = &self.0;
        panic_in("invoked");
        if !inner.exports() {
            return;
        }
        let flush = {
            let mut state = inner.state();
            let pressed = inner.is_pressed(&state);
            state.policy.handle_invoke(Instant::now().into_std(), pressed)
        };
        let until = instant(deadline_ms).checked_sub(MARGIN).unwrap_or_else(Instant::now);
        match flush {
            Flush::Later => {}
            Flush::Beside => self.export_at_end(request_id),
            Flush::AtEnd => match self.ended_by(request_id, until).await {
                Waited::Ended => self.flush(until.min(Instant::now() + FLUSH_LIMIT), false).await,
                Waited::UnderWay => {}
                Waited::Unknown => {
                    inner.ask();
                }
            },
        }
    }

    /// A trip is over, well or not. Nothing may run here any more, and an alert hangs on it: what was counted goes out now, and not with a next
    /// invocation. Returns when that is done or has met trouble, and well before `deadline`.
    pub(crate) async fn tripped(&self, deadline: Instant) {
        if !self.0.exports() {
            return;
        }
        let latest = deadline.checked_sub(MARGIN).unwrap_or_else(Instant::now);
        self.flush(latest.min(Instant::now() + FLUSH_LIMIT), false).await;
    }

    /// The environment ends: exports what is left. Returns when that is done, or by the deadline (milliseconds since 1970).
    pub async fn shut_down(&self, deadline_ms: u64) {
        let inner = &self.0;
        panic_in("shutdown");
        {
            let mut state = inner.state();
            let now = SystemTime::now();
            let mut lost = state.under_way.give_up();
            lost.extend(state.begun.give_up());
            for lost in lost {
                inner.close(&mut state, lost, now, super::span::End::Lost("shutdown".into()));
            }
        }
        if !inner.exports() {
            return;
        }
        let latest = Instant::now() + LAST_LIMIT;
        let until = if deadline_ms == 0 { latest } else { latest.min(instant(deadline_ms)) };
        inner.shut_down(until);
        self.flush(until, true).await;
    }

    /// Begins an export with the end of this invocation, and waits for nothing.
    fn export_at_end(&self, request_id: &str) {
        let mut state = self.0.state();
        let tells = state.proxied || self.0.is_subscribed();
        if !tells || state.under_way.has_ended(request_id) {
            drop(state);
            self.0.ask();
        } else {
            state.export_at_end = true;
        }
    }

    async fn ended_by(&self, request_id: &str, until: Instant) -> Waited {
        let grace = until.min(Instant::now() + GRACE);
        loop {
            let mut moved = std::pin::pin!(self.0.moved.notified());
            moved.as_mut().enable();
            let tells = {
                let state = self.0.state();
                if state.under_way.has_ended(request_id) {
                    return Waited::Ended;
                }
                state.proxied || self.0.is_subscribed()
            };
            if tokio::time::timeout_at(if tells { until } else { grace }, moved).await.is_err() {
                return if tells { Waited::UnderWay } else { Waited::Unknown };
            }
        }
    }

    /// Asks for an export, and waits for its end. One that is not `patient` waits no longer where it meets trouble.
    async fn flush(&self, until: Instant, patient: bool) {
        let mut progress = self.0.progress.subscribe();
        let number = self.0.ask();
        let done = |progress: Progress| progress.done >= number;
        let over = progress.wait_for(|progress| done(*progress) || (!patient && progress.troubled >= number));
        let over = tokio::time::timeout_at(until, over).await;
        if !over.is_ok_and(|progress| progress.is_ok_and(|progress| done(*progress))) {
            // It goes on, and how it ends counts then; until that the next invocations do not wait.
            let mut state = self.0.state();
            state.policy.handle_outcome(false);
            if state.seldom.may("failed") {
                drop(state);
                warn!(target: "hopguard", "export takes long: invocations do not wait for it");
            }
        }
    }
}

/// A time in milliseconds since 1970.
fn instant(ms: u64) -> Instant {
    let at = SystemTime::UNIX_EPOCH + Duration::from_millis(ms);
    Instant::now() + at.duration_since(SystemTime::now()).unwrap_or_default()
}
