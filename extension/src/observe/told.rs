//! An invocation as the crate tells of it, where the wrapper does not reach: on `provided` runtimes.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use hopguard_core::event::Source;
use hopguard_core::propagator::TraceParent;
use hopguard_core::{Counter, Measure, Token};
use serde::Deserialize;

use super::invocation::{Batch, Outcome, Started};
use super::observer::Inner;
use super::report::Nanos;
use super::span::End;
use super::waits::Closed;

/// The longest name of an error that is kept.
const MAX_ERROR: usize = 256;

#[derive(Debug, Deserialize)]
pub(crate) struct Told<'r> {
    #[serde(borrow)]
    id: Cow<'r, str>,
    #[serde(borrow)]
    arn: Cow<'r, str>,
    #[serde(borrow)]
    source: Cow<'r, str>,
    #[serde(borrow)]
    token: Cow<'r, str>,
    #[serde(borrow)]
    own: Cow<'r, str>,
    #[serde(borrow, default)]
    sender: Option<Cow<'r, str>>,
    #[serde(default)]
    senders: Vec<String>,
    #[serde(default)]
    records: usize,
    #[serde(borrow, default)]
    route: Option<Cow<'r, str>>,
    start_ns: Nanos,
    /// Absent where it has only begun.
    #[serde(default)]
    end_ns: Option<Nanos>,
    #[serde(default)]
    busy_ns: Option<u64>,
    #[serde(default)]
    init_ns: Option<u64>,
    #[serde(borrow, default)]
    error: Option<Cow<'r, str>>,
    #[serde(default)]
    traced: bool,
}

impl Told<'_> {
    /// Its start, as the proxy would have seen it; `None` where its ids cannot be read.
    fn started(&self) -> Option<Started> {
        let mut batch = Batch::of(self.records).by(self.route.as_deref().map(Cow::Borrowed));
        self.senders.iter().for_each(|sender| batch.sent_by(TraceParent::parse(sender)));
        Some(Started {
            request_id: self.id.chars().take(MAX_ERROR).collect(),
            arn: self.arn.chars().take(MAX_ERROR).collect(),
            source: Source::from_name(&self.source),
            lineage: Token::decode(self.token.as_bytes(), None).ok()?,
            sender: self.sender.as_deref().and_then(TraceParent::parse),
            batch,
            span: TraceParent::parse(&self.own)?,
            at: at(self.start_ns),
        })
    }

    /// The whole of it.
    fn closed(&self) -> Option<Closed> {
        let mut started = self.started()?;
        if self.traced {
            // A span that an SDK makes is none of the layer's.
            started.span.flags = 0;
        }
        let end = match self.error.as_deref() {
            None => End::Answered(Outcome::Answered),
            Some("hopguard::Blocked") => End::Answered(Outcome::Blocked),
            Some(error) => End::Lost(error.chars().take(MAX_ERROR).collect::<String>().into()),
        };
        Some(Closed {
            started,
            at: at(self.end_ns?),
            end,
            cold: false,
            busy_ns: self.busy_ns,
            init_ns: self.init_ns,
        })
    }
}

impl Inner {
    /// Takes the start of an invocation that the proxy has not seen: where no end of it is told of, the platform's word for it makes
    /// its span. Also that of an SDK in the function, which ends with the process. Whether it could be read.
    pub(super) fn begun(&self, told: &Told<'_>) -> bool {
        let Some(started) = told.started() else { return false };
        let mut state = self.state();
        if state.under_way.span(Some(&started.request_id)).is_none() {
            state.begun.start(started);
        }
        true
    }

    /// Takes an invocation that the proxy has not seen. Whether it could be read.
    pub(super) fn told(&self, told: &Told<'_>) -> bool {
        let Some(closed) = told.closed() else { return false };
        let mut state = self.state();
        let id = closed.started.request_id.clone();
        if state.under_way.span(Some(&id)).is_some() {
            return true;
        }
        state.begun.end(&id);
        if !self.is_subscribed() {
            self.counters.count(Counter::Invocations);
            if closed.end != End::Answered(Outcome::Answered) {
                self.counters.count(Counter::Errors);
            }
            let took = closed.at.duration_since(closed.started.at).unwrap_or_default();
            state.meter.record(Measure::InvokeDuration, took.as_secs_f64());
        }
        self.close_told(&mut state, closed);
        if self.is_subscribed() {
            // The platform says when the answer is out.
            return true;
        }
        state.proxied = true;
        state.under_way.end(&id);
        self.has_ended(state);
        true
    }
}

fn at(nanos: Nanos) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_nanos(nanos.get())
}
