use std::sync::Arc;

use anyhow::{Context as _, Result};
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tracing::debug;

use super::body::Body;

/// A connection to the Runtime API, that of one connection of the runtime or of the extension itself: made when it is needed, kept as
/// long as both sides keep it.
#[derive(Debug)]
pub(crate) struct Upstream {
    address: Arc<str>,
    // Requests of one connection come one after the other, so that nobody ever waits here.
    sender: Mutex<Option<SendRequest<Body>>>,
}

impl Upstream {
    pub(crate) fn new(address: Arc<str>) -> Self {
        Self { address, sender: Mutex::default() }
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Sends a request as it is, and returns the answer as it comes. No time limit: the next event may take hours.
    pub(crate) async fn send(&self, request: Request<Body>) -> Result<Response<Incoming>> {
        let mut slot = self.sender.lock().await;
        let mut unsent = request;
        if let Some(mut sender) = slot.take()
            && sender.ready().await.is_ok()
        {
            match sender.try_send_request(unsent).await {
                Ok(response) => {
                    *slot = Some(sender);
                    return Ok(response);
                }
                Err(mut failed) => match failed.take_message() {
                    // Lambda has closed the connection meanwhile: nothing of this request was sent.
                    Some(request) => unsent = request,
                    None => return Err(failed.into_error()).context("no answer from the Runtime API"),
                },
            }
        }
        let mut sender = self.connect().await?;
        let response = sender.send_request(unsent).await.context("no answer from the Runtime API")?;
        *slot = Some(sender);
        Ok(response)
    }

    async fn connect(&self) -> Result<SendRequest<Body>> {
        let stream = TcpStream::connect(&*self.address)
            .await
            .with_context(|| format!("no connection to the Runtime API at {}", self.address))?;
        stream.set_nodelay(true).context("TCP_NODELAY")?;
        let (sender, connection) = http1::Builder::new()
            .preserve_header_case(true)
            .handshake(TokioIo::new(stream))
            .await
            .context("no HTTP with the Runtime API")?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                debug!(target: "hopguard", %error, "connection to the Runtime API ended");
            }
        });
        Ok(sender)
    }
}
