//! The end of an invocation: its answer, completed with what was withheld from the handler.

use std::sync::Arc;
use std::time::SystemTime;

use anyhow::{Context as _, Result};
use hopguard_core::Reason;
use hopguard_core::admission::Withheld;
use http::{HeaderName, HeaderValue, Method, Request, Response, header};
use hyper::body::Incoming;
use serde_json::{Value, json};

use super::Connection;
use super::body::{Body, whole};
use crate::admit;
use crate::call::Call;
use crate::fault::panic_in;
use crate::invocations::Invocation;
use crate::observe::{Ended, Outcome};
use crate::panics::caught_now;

/// The `errorType` of an invocation that failed because records of it were blocked, as in the crate.
const BLOCKED: &str = "hopguard::Blocked";
const ERROR_TYPE: HeaderName = HeaderName::from_static("lambda-runtime-function-error-type");
const RESPONSE_MODE: HeaderName = HeaderName::from_static("lambda-runtime-function-response-mode");

impl Connection {
    /// Passes an answer on: as it comes where nothing was withheld, else completed.
    pub(super) async fn respond(&self, request: Request<Incoming>, id: &str) -> Result<Response<Body>> {
        let invocation = self.guard.invocations.of(id);
        let (request, outcome) = match invocation.as_deref().map(|invocation| &invocation.withheld) {
            Some(Withheld { fail_invocation: Some((records, reason)), .. }) => {
                let (parts, body) = request.into_parts();
                // The connection can be used again only when the runtime's answer was read.
                whole(body).await.context("the handler's answer broke off")?;
                (failure(parts, id, *records, *reason), Outcome::Blocked)
            }
            Some(withheld) if !withheld.failed.is_empty() => {
                (complete(request, withheld).await?, Outcome::Answered)
            }
            _ => (request.map(Body::from), Outcome::Answered),
        };
        self.end(request, id, invocation, outcome).await
    }

    /// Passes a failure on: all records of the batch come back with it.
    pub(super) async fn fail(&self, request: Request<Incoming>, id: &str) -> Result<Response<Body>> {
        let invocation = self.guard.invocations.of(id);
        self.end(request.map(Body::from), id, invocation, Outcome::Failed).await
    }

    async fn end(
        &self,
        request: Request<Body>,
        id: &str,
        invocation: Option<Arc<Invocation>>,
        outcome: Outcome,
    ) -> Result<Response<Body>> {
        if let Some(invocation) = &invocation {
            invocation.tripped().await;
        }
        let answered = self.upstream.send(request).await?;
        // The answer is out: whatever happens here is not the runtime's to know.
        let told = caught_now(&self.guard.counters, || {
            panic_in("answer");
            if let Some(invocation) = self.guard.invocations.end(id) {
                self.guard.observe_fan_out(invocation.sent());
            }
            self.guard.observer.ended(&Ended { request_id: id, outcome, at: SystemTime::now() });
        });
        if told.is_none() {
            self.guard.observer.forget(id);
        }
        Ok(answered.map(Body::from))
    }
}

/// The handler's answer with blocked records in its list of failures.
async fn complete(request: Request<Incoming>, withheld: &Withheld) -> Result<Request<Body>> {
    let (mut parts, body) = request.into_parts();
    let streamed = parts.headers.remove(RESPONSE_MODE).is_some();
    let answer = whole(body).await.context("the handler's answer broke off")?;
    // A stream has no list of failures; Lambda would not have read one in it either.
    let answer = if streamed { Value::Null } else { serde_json::from_slice(&answer).unwrap_or(Value::Null) };
    let answer = hopguard_core::answer::with_failures(answer, withheld.failed.iter().map(String::as_str));
    held(&mut parts.headers);
    parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(Request::from_parts(parts, Body::from(answer.to_string().into_bytes())))
}

/// The failure of an invocation whose handler has succeeded with what was left to it.
fn failure(mut parts: http::request::Parts, id: &str, records: usize, reason: Reason) -> Request<Body> {
    let path = parts.uri.path();
    let path = path.strip_suffix("/response").unwrap_or(path);
    if let Ok(uri) = format!("{path}/error").parse() {
        parts.uri = uri;
    }
    tracing::debug!(target: "hopguard", request_id = id, "answer replaced: blocked records fail the invocation");
    parts.headers.remove(RESPONSE_MODE);
    held(&mut parts.headers);
    blocked(Request::from_parts(parts, Body::from(Vec::new())), records, reason)
}

/// What an invocation answers that had nothing left for its handler.
pub(super) fn nothing_left(call: &Call, withheld: &Withheld) -> Request<Body> {
    let path = |end: &str| format!("/2018-06-01/runtime/invocation/{}/{end}", call.request_id);
    match admit::nothing_left(withheld) {
        Ok(answer) => own(&path("response"), Body::from(answer)),
        Err((records, reason)) => blocked(own(&path("error"), Body::from(Vec::new())), records, reason),
    }
}

fn own(path: &str, body: Body) -> Request<Body> {
    let mut request = Request::new(body);
    *request.method_mut() = Method::POST;
    if let Ok(uri) = path.parse() {
        *request.uri_mut() = uri;
    }
    request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    request.headers_mut().insert(header::HOST, HeaderValue::from_static("127.0.0.1"));
    request
}

/// Makes a request say what failed: in its body, and in a header as Lambda's own runtimes do.
fn blocked(mut request: Request<Body>, records: usize, reason: Reason) -> Request<Body> {
    let message = format!("hopguard blocked {records} of this invocation's records: {reason}");
    let error = json!({ "errorType": BLOCKED, "errorMessage": message, "stackTrace": [] });
    *request.body_mut() = Body::from(error.to_string().into_bytes());
    request.headers_mut().insert(ERROR_TYPE, HeaderValue::from_static(BLOCKED));
    request
}

/// A body that is held has a length, which hyper writes.
fn held(headers: &mut http::HeaderMap) {
    headers.remove(header::CONTENT_LENGTH);
    headers.remove(header::TRANSFER_ENCODING);
    headers.remove(header::TRAILER);
}
