use std::pin::pin;
use std::sync::Arc;

use anyhow::{Context as _, Error, Result, anyhow};
use futures_util::future::{Either, select};
use http::StatusCode;
use tracing::{debug, warn};

use super::broken::{Broken, Cut};
use super::route::Route;
use crate::guard::Guard;
use crate::panics::{caught, caught_now};
use crate::sends;
use crate::wire::{Connection, Head, Left, Reader, Unread, Writer};

/// A question of an injector is some hundred bytes.
const MAX_QUESTION: usize = 4_096;

/// A connection of the runtime or of an injector, and its own one to the Runtime API.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) guard: Arc<Guard>,
    pub(super) runtime: Connection,
    /// Made when it is needed, and kept as long as both sides keep it.
    pub(super) lambda: Option<Connection>,
    pub(super) runtime_api: Arc<str>,
    /// The runtime handles one invocation at a time.
    pub(super) alone: bool,
    /// Something of the answer to the current request was written.
    pub(super) begun: bool,
}

/// Whether the connection of the runtime can take another request.
pub(super) type Keep = bool;

impl Session {
    /// Serves it to its end.
    pub(super) async fn serve(mut self) {
        let counters = Arc::clone(&self.guard.counters);
        loop {
            self.begun = false;
            let head = match self.runtime.reader().head(Head::request).await {
                Ok(Some(head)) => head,
                Ok(None) => return,
                Err(error) => {
                    self.give_up(Broken::Runtime(error)).await;
                    break;
                }
            };
            let exchanged = {
                // Pinned first: what is caught is moved.
                let exchange = pin!(self.exchange(&head));
                caught(&counters, exchange).await
            };
            match exchanged {
                Some(Ok(true)) => {}
                Some(Ok(false)) => break,
                Some(Err(broken)) => {
                    if !self.give_up(broken).await {
                        return;
                    }
                    break;
                }
                None => {
                    let why = "hopguard: this part of the layer panicked";
                    if self.begun || !self.refuse(StatusCode::INTERNAL_SERVER_ERROR, why).await {
                        return;
                    }
                    break;
                }
            }
        }
        drop(self.lambda);
        self.runtime.end().await;
    }

    async fn exchange(&mut self, head: &Head) -> Result<Keep, Broken> {
        let body = Left::of_request(head).map_err(|malformed| Broken::Runtime(malformed.into()))?;
        match Route::of(head.method(), head.path()) {
            Route::Sends => self.tell(head, body).await,
            Route::Next => self.next(head, body).await,
            Route::Response(id) => self.respond(head, body, &id).await,
            Route::Error(id) => self.fail(head, body, &id).await,
            Route::Other => self.relay(head, body, || {}).await,
        }
    }

    /// Answers an injector.
    async fn tell(&mut self, head: &Head, body: Left) -> Result<Keep, Broken> {
        self.invite(head, &body).await?;
        let question = self.runtime.reader().body(body, MAX_QUESTION).await;
        let (whole, (status, json)) = match question {
            Ok(question) => {
                let told = caught_now(&self.guard.counters, || sends::answer(&self.guard, &question));
                let panicked =
                    || (StatusCode::INTERNAL_SERVER_ERROR, r#"{"error":"the layer panicked"}"#.to_owned());
                (true, told.unwrap_or_else(panicked))
            }
            Err(Unread::Io(error)) => return Err(Broken::Runtime(error.into())),
            Err(_) => {
                (false, (StatusCode::BAD_REQUEST, r#"{"error":"the question cannot be read"}"#.to_owned()))
            }
        };
        let keep = whole && !head.closes();
        self.answer(status, "application/json", &json, keep).await?;
        Ok(keep)
    }

    /// Passes a request on as it comes, and its answer. `answered` is called when that begins to come.
    pub(super) async fn relay(
        &mut self,
        request: &Head,
        mut body: Left,
        answered: impl FnOnce(),
    ) -> Result<Keep, Broken> {
        let begun =
            self.runtime.reader().begun(&mut body).map_err(|malformed| Broken::Runtime(malformed.into()))?;
        self.send(request.bytes(), &begun).await?;
        drop(begun);
        let Self { runtime, lambda, begun, .. } = self;
        let lambda = lambda.as_mut().ok_or_else(|| Broken::Lambda(anyhow!("no connection")))?;
        let ((mut from_runtime, mut to_runtime), (mut from_lambda, mut to_lambda)) =
            (runtime.split(), lambda.split());
        let answering = answering(request, &mut from_lambda, &mut to_runtime, begun, answered);
        if body.is_done() {
            return answering.await;
        }
        // The answer may come before the request is over: of one that Lambda refuses, say, or after a "100 Continue".
        let (answering, passing) =
            (pin!(answering), pin!(pass(&mut from_runtime, &mut body, &mut to_lambda)));
        match select(passing, answering).await {
            // Lambda reads no further: what it says of it is on its way.
            Either::Left((Ok(()) | Err(Cut::Write(_)), answering)) => answering.await,
            Either::Left((Err(Cut::Read(error)), _)) => Err(Broken::Runtime(error)),
            Either::Right((answered, passing)) => {
                let keep = answered?;
                if keep {
                    passing.await?;
                }
                Ok(keep)
            }
        }
    }

    /// Writes a request to the Runtime API: over the connection that is there, where it is still open.
    pub(super) async fn send(&mut self, first: &[u8], second: &[u8]) -> Result<(), Broken> {
        if let Some(kept) = self.lambda.as_mut().filter(|kept| kept.is_quiet()) {
            let mut writer = kept.writer();
            match writer.write(first, second).await {
                Ok(()) => return Ok(()),
                Err(error) if writer.written() > 0 => return Err(Broken::Lambda(error.into())),
                // Lambda has closed it meanwhile: nothing of this request was sent.
                Err(_) => {}
            }
        }
        self.lambda = None;
        let made = Connection::to(&self.runtime_api)
            .await
            .with_context(|| format!("no connection to the Runtime API at {}", self.runtime_api));
        let made = self.lambda.insert(made.map_err(Broken::Lambda)?);
        made.writer().write(first, second).await.map_err(|error| Broken::Lambda(error.into()))
    }

    /// Passes the answer to a request that was written, body and all.
    pub(super) async fn answer_of_lambda(
        &mut self,
        request: &Head,
        answered: impl FnOnce(),
    ) -> Result<Keep, Broken> {
        let Self { runtime, lambda, begun, .. } = self;
        let lambda = lambda.as_mut().ok_or_else(|| Broken::Lambda(anyhow!("no connection")))?;
        answering(request, &mut lambda.reader(), &mut runtime.writer(), begun, answered).await
    }

    /// Tells the runtime that the body of its request is wanted, where it waits for that, and nobody behind this proxy will tell it.
    pub(super) async fn invite(&mut self, request: &Head, body: &Left) -> Result<(), Broken> {
        if !request.expects_invitation() || body.is_done() {
            return Ok(());
        }
        let invited = self.runtime.writer().write(b"HTTP/1.1 100 Continue\r\n\r\n", b"").await;
        invited.map_err(|error| Broken::Runtime(error.into()))
    }

    /// Answers a request here.
    async fn answer(&mut self, status: StatusCode, kind: &str, text: &str, keep: Keep) -> Result<(), Broken> {
        let end = if keep { "" } else { "connection: close\r\n" };
        let reason = status.canonical_reason().unwrap_or_default();
        let head = format!(
            "HTTP/1.1 {} {reason}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n{end}\r\n",
            status.as_u16(),
            text.len()
        );
        self.begun = true;
        let written = self.runtime.writer().write(head.as_bytes(), text.as_bytes()).await;
        written.map_err(|error| Broken::Runtime(error.into()))
    }

    /// Answers a request that comes to nothing; whether the runtime could be told.
    async fn refuse(&mut self, status: StatusCode, why: &str) -> bool {
        self.answer(status, "text/plain", why, false).await.is_ok()
    }

    /// What the runtime is told of an exchange that was not brought to its end: nothing, where its answer had begun. Both connections end
    /// then, so that each side sees the other's end.
    async fn give_up(&mut self, broken: Broken) -> bool {
        match broken {
            Broken::Runtime(Unread::Malformed(malformed)) if !self.begun => {
                warn!(target: "hopguard", error = %malformed, "request of the runtime cannot be read");
                self.refuse(malformed.status(), &format!("hopguard: {malformed}")).await
            }
            Broken::Runtime(error) => {
                debug!(target: "hopguard", %error, "proxy connection ended");
                false
            }
            Broken::Lambda(error) => {
                warn!(target: "hopguard", error = format!("{error:#}"), "Runtime API not reached");
                !self.begun && self.refuse(StatusCode::BAD_GATEWAY, &format!("hopguard: {error:#}")).await
            }
        }
    }
}

/// Reads the head of the real answer; those before it are passed on.
async fn answering(
    request: &Head,
    from: &mut Reader<'_>,
    to: &mut Writer<'_>,
    begun: &mut bool,
    answered: impl FnOnce(),
) -> Result<Keep, Broken> {
    let answer = loop {
        let answer = head_of(from).await?;
        // It would be another protocol from there on, which nobody can follow here.
        if answer.status() == 101 {
            return Err(Broken::Lambda(anyhow!("it changes the protocol")));
        }
        if !answer.is_interim() {
            break answer;
        }
        to.write(answer.bytes(), b"").await.map_err(|error| Broken::Runtime(error.into()))?;
    };
    answered();
    pass_answer(request, &answer, from, to, begun).await
}

/// The head of the next answer of the Runtime API.
pub(super) async fn head_of(from: &mut Reader<'_>) -> Result<Head, Broken> {
    let head = from.head(Head::answer).await;
    let broken = |error: Error| Broken::Lambda(error.context("no answer from the Runtime API"));
    head.map_err(|error| broken(error.into()))?.ok_or_else(|| broken(Unread::cut().into()))
}

/// Passes an answer on whose head was read.
pub(super) async fn pass_answer(
    request: &Head,
    answer: &Head,
    from: &mut Reader<'_>,
    to: &mut Writer<'_>,
    begun: &mut bool,
) -> Result<Keep, Broken> {
    let wrong = |error| Broken::Lambda(Error::from(error).context("no answer from the Runtime API"));
    let mut body = Left::of_answer(answer, request.method()).map_err(wrong)?;
    let first = from.begun(&mut body).map_err(wrong)?;
    *begun = true;
    to.write(answer.bytes(), &first).await.map_err(|error| Broken::Runtime(error.into()))?;
    drop(first);
    pass_on(body, from, to).await?;
    Ok(body != Left::UntilClose && !request.closes() && !answer.closes())
}

/// Passes the rest of an answer on.
pub(super) async fn pass_on(
    mut body: Left,
    from: &mut Reader<'_>,
    to: &mut Writer<'_>,
) -> Result<(), Broken> {
    match pass(from, &mut body, to).await {
        Ok(()) => Ok(()),
        Err(Cut::Read(error)) => Err(Broken::Lambda(Error::from(error).context("the answer broke off"))),
        Err(Cut::Write(error)) => Err(Broken::Runtime(error.into())),
    }
}

/// Passes a body on as it comes.
async fn pass(from: &mut Reader<'_>, body: &mut Left, to: &mut Writer<'_>) -> Result<(), Cut> {
    if body.is_done() {
        return Ok(());
    }
    while !body.is_done() {
        let Some(piece) = from.piece(body).await.map_err(Cut::Read)? else { break };
        to.write(&piece, b"").await.map_err(Cut::Write)?;
    }
    from.forget();
    Ok(())
}
