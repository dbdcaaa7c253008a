//! Events by hand from the runtime's edge to the guard.
//!
//! `lambda_runtime` gives a handler its event deserialised, and to keep it as text costs a scan and a copy of all of it. So a layer at
//! the runtime's edge, where the event still is bytes, keeps them and lets a short stand-in go the usual way; the guarded handler
//! takes the bytes against it.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use lambda_runtime::LambdaInvocation;
use pin_project_lite::pin_project;
use serde_json::value::RawValue;
use tower::{Layer, Service};

use crate::payload::Payload;

/// What every stand-in begins with, and ends with: a JSON string. An event that says the same is no stand-in, since at the edge it
/// got one itself.
const BEGIN: &str = "\"hopguard event ";
const END: &str = ", which Guard::layer keeps for a handler of the same guard's Guard::wrap\"";

/// Events under way between the edge and the guard: as many as there are invocations at once.
#[derive(Debug, Default)]
pub(crate) struct Handover {
    events: Mutex<HashMap<u64, Bytes>>,
    next: AtomicU64,
}

impl Handover {
    fn leave(self: &Arc<Self>, event: Bytes) -> Ticket {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.events.lock().unwrap_or_else(PoisonError::into_inner).insert(number, event);
        Ticket { handover: Arc::clone(self), number }
    }

    fn take(&self, number: u64) -> Option<Bytes> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).remove(&number)
    }

    /// The event that came as this.
    pub(crate) fn claim(&self, came: Box<RawValue>) -> Payload {
        let number = came.get().strip_prefix(BEGIN).and_then(|rest| rest.strip_suffix(END));
        let event = number.and_then(|number| self.take(number.parse().ok()?));
        event.map_or(Payload::Checked(came), Payload::Bytes)
    }
}

/// One event's place. It goes when its invocation ends, also if nobody came for the event.
#[derive(Debug)]
struct Ticket {
    handover: Arc<Handover>,
    number: u64,
}

impl Ticket {
    fn stand_in(&self) -> Bytes {
        format!("{BEGIN}{}{END}", self.number).into()
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.handover.take(self.number);
    }
}

/// The layer that hands events to a guarded handler as the bytes that Lambda sent, made by [`Guard::layer`](crate::Guard::layer).
#[derive(Clone, Debug)]
pub struct EventLayer {
    handover: Arc<Handover>,
}

impl EventLayer {
    pub(crate) fn new(handover: &Arc<Handover>) -> Self {
        Self { handover: Arc::clone(handover) }
    }
}

impl<S> Layer<S> for EventLayer {
    type Service = EventService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        EventService { inner, handover: Arc::clone(&self.handover) }
    }
}

/// The service of an [`EventLayer`].
#[derive(Clone, Debug)]
pub struct EventService<S> {
    inner: S,
    handover: Arc<Handover>,
}

impl<S: Service<LambdaInvocation>> Service<LambdaInvocation> for EventService<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = EventFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut invocation: LambdaInvocation) -> Self::Future {
        let ticket = self.handover.leave(std::mem::take(&mut invocation.body));
        invocation.body = ticket.stand_in();
        EventFuture { inner: self.inner.call(invocation), ticket }
    }
}

pin_project! {
    /// The future of an [`EventService`]: an invocation, and the place of its event.
    #[derive(Debug)]
    pub struct EventFuture<F> {
        #[pin]
        inner: F,
        ticket: Ticket,
    }
}

impl<F: Future> Future for EventFuture<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().inner.poll(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(json: &str) -> Box<RawValue> {
        RawValue::from_string(json.to_owned()).unwrap()
    }

    fn as_raw(bytes: &[u8]) -> Box<RawValue> {
        serde_json::from_slice(bytes).unwrap()
    }

    #[test]
    fn each_stand_in_is_good_for_its_own_event_once() {
        let handover = Arc::<Handover>::default();
        let (one, two) = (handover.leave(Bytes::from_static(b"1")), handover.leave(Bytes::from_static(b"2")));
        assert_eq!(handover.claim(as_raw(&two.stand_in())).as_bytes(), b"2");
        assert_eq!(handover.claim(as_raw(&one.stand_in())).as_bytes(), b"1");
        assert_eq!(handover.claim(as_raw(&one.stand_in())).as_bytes(), one.stand_in());
    }

    #[test]
    fn an_event_that_nobody_took_goes_with_its_invocation() {
        let handover = Arc::<Handover>::default();
        drop(handover.leave(Bytes::from_static(b"1")));
        assert!(handover.events.lock().unwrap().is_empty());
    }

    #[test]
    fn what_is_no_stand_in_stays_what_it_is() {
        let handover = Arc::<Handover>::default();
        let _left = handover.leave(Bytes::from_static(b"1"));
        for json in ["{}", "null", "0", r#""""#, r#""hopguard event 0""#] {
            assert_eq!(handover.claim(raw(json)).as_bytes(), json.as_bytes());
        }
        for number in ["", "7", "-1", "0x0", "0 ", "99999999999999999999"] {
            let json = format!("{BEGIN}{number}{END}");
            assert_eq!(handover.claim(raw(&json)).as_bytes(), json.as_bytes());
        }
    }
}
