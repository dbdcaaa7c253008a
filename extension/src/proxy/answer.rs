//! The end of an invocation: its answer, completed with what was withheld from the handler.

use std::sync::Arc;
use std::time::SystemTime;

use hopguard_core::Reason;
use hopguard_core::admission::Withheld;
use serde_json::{Value, json};

use super::broken::Broken;
use super::session::{Keep, Session};
use crate::admit;
use crate::call::Call;
use crate::fault::panic_in;
use crate::guard::Guard;
use crate::invocations::Invocation;
use crate::observe::{Ended, Outcome};
use crate::panics::caught_now;
use crate::wire::{Head, Left, Malformed};

/// The `errorType` of an invocation that failed because records of it were blocked, as in the crate.
const BLOCKED: &str = "hopguard::Blocked";
const ERROR_TYPE: &str = "Lambda-Runtime-Function-Error-Type";
const RESPONSE_MODE: &str = "lambda-runtime-function-response-mode";
/// The largest answer that is completed; Lambda takes 6 MB.
const MAX_ANSWER: usize = 32 * 1024 * 1024;
/// What says how a body comes, and is written anew for one that is held.
const FRAMING: [&str; 4] = ["content-length", "transfer-encoding", "trailer", "expect"];

impl Session {
    /// Passes an answer on: as it comes where nothing was withheld, else completed.
    pub(super) async fn respond(&mut self, request: &Head, mut body: Left, id: &str) -> Result<Keep, Broken> {
        let invocation = self.guard.invocations.of(id);
        let wrong = |malformed: Malformed| Broken::Runtime(malformed.into());
        match invocation.as_deref().map(|invocation| &invocation.withheld) {
            Some(Withheld { fail_invocation: Some((records, reason)), .. }) => {
                self.discard(request, &mut body).await?;
                let (head, failure) = failure(request, id, *records, *reason).map_err(wrong)?;
                self.end(request, &head, &failure, id, invocation, Outcome::Blocked).await
            }
            Some(withheld) if !withheld.failed.is_empty() => {
                // A stream has no list of failures; Lambda would not have read one in it either.
                let answer = if request.text(RESPONSE_MODE).is_some() {
                    self.discard(request, &mut body).await?;
                    Value::Null
                } else {
                    self.invite(request, &body).await?;
                    let answer =
                        self.runtime.reader().body(body, MAX_ANSWER).await.map_err(Broken::Runtime)?;
                    serde_json::from_slice(&answer).unwrap_or(Value::Null)
                };
                let (head, answer) = complete(request, answer, withheld).map_err(wrong)?;
                self.end(request, &head, &answer, id, invocation, Outcome::Answered).await
            }
            _ => self.pass_end(request, body, id, invocation, Outcome::Answered).await,
        }
    }

    /// Passes a failure on: all records of the batch come back with it.
    pub(super) async fn fail(&mut self, request: &Head, body: Left, id: &str) -> Result<Keep, Broken> {
        let invocation = self.guard.invocations.of(id);
        self.pass_end(request, body, id, invocation, Outcome::Failed).await
    }

    /// Ends an invocation by what the runtime says, as it comes.
    async fn pass_end(
        &mut self,
        request: &Head,
        body: Left,
        id: &str,
        invocation: Option<Arc<Invocation>>,
        outcome: Outcome,
    ) -> Result<Keep, Broken> {
        tripped(invocation).await;
        let guard = Arc::clone(&self.guard);
        self.relay(request, body, || has_ended(&guard, id, outcome)).await
    }

    /// Ends an invocation by what is said here in the runtime's place.
    async fn end(
        &mut self,
        request: &Head,
        head: &[u8],
        body: &[u8],
        id: &str,
        invocation: Option<Arc<Invocation>>,
        outcome: Outcome,
    ) -> Result<Keep, Broken> {
        tripped(invocation).await;
        self.send(head, body).await?;
        let guard = Arc::clone(&self.guard);
        self.answer_of_lambda(request, || has_ended(&guard, id, outcome)).await
    }

    /// Reads what the runtime answers to its end: the connection can be used again only then.
    async fn discard(&mut self, request: &Head, body: &mut Left) -> Result<(), Broken> {
        self.invite(request, body).await?;
        self.runtime.reader().skip(body).await.map_err(Broken::Runtime)
    }
}

async fn tripped(invocation: Option<Arc<Invocation>>) {
    if let Some(invocation) = invocation {
        invocation.tripped().await;
    }
}

/// The answer is out: whatever happens here is not the runtime's to know.
fn has_ended(guard: &Guard, id: &str, outcome: Outcome) {
    let told = caught_now(&guard.counters, || {
        panic_in("answer");
        if let Some(invocation) = guard.invocations.end(id) {
            guard.observe_fan_out(invocation.sent());
        }
        guard.observer.ended(&Ended { request_id: id, outcome, at: SystemTime::now() });
    });
    if told.is_none() {
        guard.observer.forget(id);
    }
}

/// A head and a body.
type Message = (Vec<u8>, Vec<u8>);

/// The handler's answer with blocked records in its list of failures.
fn complete(request: &Head, answer: Value, withheld: &Withheld) -> Result<Message, Malformed> {
    let answer = hopguard_core::answer::with_failures(answer, withheld.failed.iter().map(String::as_str));
    let answer = answer.to_string().into_bytes();
    let length = answer.len().to_string();
    let without: Vec<_> = FRAMING.into_iter().chain([RESPONSE_MODE]).collect();
    let with = [("Content-Type", "application/json"), ("Content-Length", &length)];
    Ok((request.rewritten(None, &without, &with)?, answer))
}

/// The failure of an invocation whose handler has succeeded with what was left to it.
fn failure(request: &Head, id: &str, records: usize, reason: Reason) -> Result<Message, Malformed> {
    let path = request.path();
    let path = path.strip_suffix("/response").unwrap_or(path);
    tracing::debug!(target: "hopguard", request_id = id, "answer replaced: blocked records fail the invocation");
    let error = blocked(records, reason);
    let length = error.len().to_string();
    let without: Vec<_> = FRAMING.into_iter().chain([RESPONSE_MODE]).collect();
    let with = [(ERROR_TYPE, BLOCKED), ("Content-Length", &length)];
    let first = format!("POST {path}/error HTTP/1.1");
    Ok((request.rewritten(Some(&first), &without, &with)?, error))
}

/// What an invocation answers that had nothing left for its handler: a whole message.
pub(super) fn nothing_left(call: &Call, invocation: Option<&Invocation>) -> Result<Vec<u8>, Malformed> {
    let withheld = invocation.map(|invocation| &invocation.withheld);
    let (end, body, more) = match withheld.map_or(Ok(Vec::new()), admit::nothing_left) {
        Ok(answer) => ("response", answer, String::new()),
        Err((records, reason)) => ("error", blocked(records, reason), format!("{ERROR_TYPE}: {BLOCKED}\r\n")),
    };
    let id = &call.request_id;
    // It becomes part of a line.
    if !id.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Malformed::Head);
    }
    let mut message = format!(
        "POST /2018-06-01/runtime/invocation/{id}/{end} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n{more}Content-Length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    message.extend_from_slice(&body);
    Ok(message)
}

/// What failed, as Lambda's own runtimes say it.
fn blocked(records: usize, reason: Reason) -> Vec<u8> {
    let message = format!("hopguard blocked {records} of this invocation's records: {reason}");
    json!({ "errorType": BLOCKED, "errorMessage": message, "stackTrace": [] }).to_string().into_bytes()
}
