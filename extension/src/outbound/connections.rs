use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result};
use aws_smithy_types::body::SdkBody;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tracing::debug;

use super::place::Place;
use super::stream::Stream;

/// A connection that was not used for so long is closed: the other side, or what stands between, has forgotten it while the environment
/// was frozen, and a request on it would hang. By the wall clock, which goes on meanwhile.
const IDLE: Duration = Duration::from_secs(30);
/// Connections that are kept. More than so many are open only while they are in use.
const MAX_KEPT: usize = 8;

/// Connections: made when they are needed, and kept for the next request to the same place.
#[derive(Debug, Default)]
pub(crate) struct Connections(Mutex<Vec<Kept>>);

#[derive(Debug)]
struct Kept {
    place: Place,
    used: SystemTime,
    sender: SendRequest<SdkBody>,
}

impl Connections {
    /// Sends a request, over a kept connection where one is free. `connect` is what a new one may take; the answer has no time limit.
    pub(crate) async fn send(
        &self,
        place: &Place,
        request: Request<SdkBody>,
        connect: Option<Duration>,
    ) -> Result<Response<Incoming>> {
        let mut unsent = request;
        if let Some(mut sender) = self.take(place).await {
            match sender.try_send_request(unsent).await {
                Ok(response) => {
                    self.keep(place, sender);
                    return Ok(response);
                }
                Err(mut failed) => match failed.take_message() {
                    Some(request) => unsent = request,
                    None => return Err(failed.into_error()).context("no answer on a kept connection"),
                },
            }
        }
        let made = handshake(place);
        let mut sender = match connect {
            Some(limit) => tokio::time::timeout(limit, made).await.with_context(|| {
                format!("no connection to {}:{} within {limit:?}", place.host, place.port)
            })??,
            None => made.await?,
        };
        let response = sender.send_request(unsent).await.context("no answer")?;
        self.keep(place, sender);
        Ok(response)
    }

    async fn take(&self, place: &Place) -> Option<SendRequest<SdkBody>> {
        if let Some(free) = self.free(place)? {
            return Some(free);
        }
        // One has just been read to its end, and its task has yet to see that.
        tokio::task::yield_now().await;
        self.free(place)?
    }

    /// A connection that nobody uses: the inner `None` where all are in use, the outer one where there is none.
    #[expect(clippy::option_option, reason = "two answers, both of them no")]
    fn free(&self, place: &Place) -> Option<Option<SendRequest<SdkBody>>> {
        let mut kept = self.lock();
        let now = SystemTime::now();
        kept.retain(|kept| {
            now.duration_since(kept.used).is_ok_and(|idle| idle < IDLE) && !kept.sender.is_closed()
        });
        let free = kept.iter().position(|kept| kept.place == *place && kept.sender.is_ready());
        match free {
            Some(free) => Some(Some(kept.swap_remove(free).sender)),
            None => kept.iter().any(|kept| kept.place == *place).then_some(None),
        }
    }

    /// Keeps a connection whose answer is being read: it is free once that is done, and closed where it is not.
    fn keep(&self, place: &Place, sender: SendRequest<SdkBody>) {
        let mut kept = self.lock();
        if kept.len() >= MAX_KEPT {
            kept.remove(0);
        }
        kept.push(Kept { place: place.clone(), used: SystemTime::now(), sender });
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn handshake(place: &Place) -> Result<SendRequest<SdkBody>> {
    let stream = TokioIo::new(Stream::to(place).await?);
    let (sender, connection) = http1::handshake(stream).await.context("no HTTP")?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            debug!(target: "hopguard", %error, "connection ended");
        }
    });
    Ok(sender)
}
