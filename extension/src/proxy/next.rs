use std::io;
use std::pin::pin;
use std::time::SystemTime;

use anyhow::{Error, anyhow};
use bytes::Bytes;

use super::answer;
use super::broken::Broken;
use super::session::{Keep, Session, head_of, pass_answer, pass_on};
use crate::admit::{self, Admitted, Begun};
use crate::call::{CLIENT_CONTEXT, Call};
use crate::observe::{Ended, Outcome};
use crate::panics::{caught, caught_now};
use crate::wire::{Head, Left, Malformed, Pieces, Unread, Writer};

/// How much of an event is its beginning, by which it can be judged.
const BEGINNING: usize = 64 * 1024;
/// A body of a request for an event, which has none.
const MAX_REQUEST: usize = 64 * 1024;

impl Session {
    /// Brings the next event that has something for the handler. What has nothing left is answered here, and the next is asked for.
    pub(super) async fn next(&mut self, request: &Head, body: Left) -> Result<Keep, Broken> {
        self.invite(request, &body).await?;
        let asked = self.runtime.reader().raw(body, MAX_REQUEST).await.map_err(Broken::Runtime)?;
        self.guard.observer.proxied();
        loop {
            self.send(request.bytes(), &asked).await?;
            if let Some(keep) = self.event(request).await? {
                return Ok(keep);
            }
        }
    }

    /// Reads an event and hands it to the runtime; `None` where nothing of it was left, and it was answered.
    async fn event(&mut self, request: &Head) -> Result<Option<Keep>, Broken> {
        let Self { guard, runtime, lambda, alone, begun, .. } = self;
        let (mut from, _) = lambda.as_mut().ok_or_else(|| Broken::Lambda(anyhow!("no connection")))?.split();
        let mut to = runtime.writer();
        let head = loop {
            let head = head_of(&mut from).await?;
            if !head.is_interim() {
                break head;
            }
        };
        let Some(call) = Call::read(&head).filter(|_| head.is_success()) else {
            return pass_answer(request, &head, &mut from, &mut to, begun).await.map(Some);
        };
        let broke_off = |error: Unread| Broken::Lambda(Error::from(error).context("the event broke off"));
        let left =
            Left::of_answer(&head, request.method()).map_err(|malformed| broke_off(malformed.into()))?;
        let keep = left != Left::UntilClose && !request.closes() && !head.closes();
        let look = from.look(left, BEGINNING).await.map_err(broke_off)?;
        let counters = &guard.counters;
        // Nothing else runs before this task waits: what the runtime has is known to all when it can act on it.
        let open = |invocation: Begun| {
            if let Some(invocation) = caught_now(counters, || invocation.open(guard, &call)) {
                guard.invocations.start(invocation, *alone);
            }
        };
        if !look.is_whole()
            && let Some(invocation) =
                caught_now(counters, || admit::admit_by(guard, &call, from.data(&look))).flatten()
        {
            *begun = true;
            let first = from.take(&look);
            let rest = to.write_now(head.bytes(), &first);
            open(invocation);
            finish(rest, &mut to).await?;
            drop(first);
            pass_on(look.left, &mut from, &mut to).await?;
            return Ok(Some(keep));
        }
        // As long as Lambda says.
        let body = from.whole(look, usize::MAX).await.map_err(broke_off)?;
        let admitted = {
            let admitting = pin!(admit::admit(guard, &call, body.clone()));
            caught(counters, admitting).await
        };
        let (event, context, invocation) = match admitted {
            Some(Admitted { event, client_context, invocation }) => (event, client_context, Some(invocation)),
            // Nobody knows what the layer thinks of this event: the function gets it as it would without the layer.
            None => (Some(body.clone()), None, None),
        };
        let Some(event) = event else {
            let invocation = invocation.map(|invocation| invocation.open(guard, &call));
            let answered = answer::nothing_left(&call, invocation.as_deref());
            let answered = answered.map_err(|malformed| broke_off(malformed.into()))?;
            if let Some(invocation) = &invocation {
                invocation.tripped().await;
            }
            self.send(&answered, b"").await?;
            self.answered().await?;
            self.guard.observer.ended(&Ended {
                request_id: &call.request_id,
                outcome: Outcome::Blocked,
                at: SystemTime::now(),
            });
            return Ok(None);
        };
        let changed = changed(&head, &left, &body, &event, context.as_deref());
        let changed = changed.map_err(|malformed| broke_off(malformed.into()))?;
        *begun = true;
        let rest = to.write_now(changed.as_deref().unwrap_or(head.bytes()), &event);
        if let Some(invocation) = invocation {
            open(invocation);
        }
        finish(rest, &mut to).await?;
        Ok(Some(keep))
    }

    /// Reads the answer to an answer of the proxy's own: the connection is free for the next request then.
    async fn answered(&mut self) -> Result<(), Broken> {
        let Some(lambda) = &mut self.lambda else { return Ok(()) };
        let mut from = lambda.reader();
        let head = loop {
            let head = head_of(&mut from).await?;
            if !head.is_interim() {
                break head;
            }
        };
        let broke_off =
            |error: Unread| Broken::Lambda(Error::from(error).context("the answer to an answer broke off"));
        let mut body = Left::of_answer(&head, "POST").map_err(|malformed| broke_off(malformed.into()))?;
        from.skip(&mut body).await.map_err(broke_off)?;
        if head.closes() || body == Left::UntilClose {
            self.lambda = None;
        }
        Ok(())
    }
}

/// Writes what is left of an event.
async fn finish(rest: io::Result<Pieces<'_>>, to: &mut Writer<'_>) -> Result<(), Broken> {
    let written = match rest {
        Ok((first, second)) => to.write(first, second).await,
        Err(error) => Err(error),
    };
    written.map_err(|error| Broken::Runtime(error.into()))
}

/// The head of an event of which something had to change.
fn changed(
    head: &Head,
    left: &Left,
    body: &Bytes,
    event: &Bytes,
    context: Option<&str>,
) -> Result<Option<Vec<u8>>, Malformed> {
    let length = event.len().to_string();
    let mut with = Vec::with_capacity(2);
    if let Some(context) = context {
        with.push((CLIENT_CONTEXT, context));
    }
    // What came in chunks is whole now.
    if left.length().is_none() || event.len() != body.len() {
        with.push(("Content-Length", length.as_str()));
    }
    if with.is_empty() {
        return Ok(None);
    }
    head.rewritten(None, &["transfer-encoding", "trailer"], &with).map(Some)
}
