use std::time::SystemTime;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http::{HeaderValue, Request, Response, header};
use hyper::body::{Body as _, Incoming};

use super::body::{Body, Reading, whole};
use super::{Connection, answer};
use crate::admit::{self, Admitted};
use crate::call::{CLIENT_CONTEXT, Call};
use crate::observe::{Ended, Outcome};
use crate::panics::{caught, caught_now};

impl Connection {
    /// Brings the next event that has something for the handler. What has nothing left is answered here, and the next is asked for.
    pub(super) async fn next(&self, request: Request<Incoming>) -> Result<Response<Body>> {
        let (parts, body) = request.into_parts();
        // It has none, but it is the runtime's to say.
        drop(body);
        self.guard.observer.proxied();
        loop {
            let again = Request::from_parts(parts.clone(), Body::from(Bytes::new()));
            let (mut head, body) = self.upstream.send(again).await?.into_parts();
            let call = Call::read(&head.headers).filter(|_| head.status.is_success());
            let Some(call) = call else {
                return Ok(Response::from_parts(head, Body::from(body)));
            };
            let announced = body.size_hint().exact();
            let reading = Reading::begin(body).await.context("the event broke off")?;
            let counters = &self.guard.counters;
            if let Some(beginning) = reading.beginning()
                && let Some(invocation) =
                    caught_now(counters, || admit::admit_by(&self.guard, &call, beginning)).flatten()
            {
                self.guard.invocations.start(invocation, self.alone);
                return Ok(Response::from_parts(head, reading.passing()));
            }
            let body = reading.whole().await.context("the event broke off")?;
            if announced.is_none() {
                head.headers.remove(header::TRANSFER_ENCODING);
            }
            let admitted = caught(counters, admit::admit(&self.guard, &call, body.clone())).await;
            let Some(Admitted { event, client_context, invocation }) = admitted else {
                // Nobody knows what the layer thinks of this event: the function gets it as it would without the layer.
                return Ok(Response::from_parts(head, Body::from(body)));
            };
            if let Some(context) = client_context.and_then(|context| HeaderValue::try_from(context).ok()) {
                head.headers.insert(CLIENT_CONTEXT, context);
            }
            let Some(event) = event else {
                let answered = answer::nothing_left(&call, &invocation.withheld);
                invocation.tripped().await;
                let sent = self.upstream.send(answered).await?;
                // The connection is free for the next request when the answer was read.
                whole(sent.into_body()).await.context("the answer to an answer broke off")?;
                self.guard.observer.ended(&Ended {
                    request_id: &call.request_id,
                    outcome: Outcome::Blocked,
                    at: SystemTime::now(),
                });
                continue;
            };
            if head.headers.contains_key(header::CONTENT_LENGTH) && event.len() != body.len() {
                head.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(event.len()));
            }
            self.guard.invocations.start(invocation, self.alone);
            return Ok(Response::from_parts(head, Body::from(event)));
        }
    }
}
