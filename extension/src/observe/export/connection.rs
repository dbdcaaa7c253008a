use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::rt::{Read, Write};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tracing::debug;

use crate::observe::environment::Collector;

/// A connection that was not used for so long is closed: the other side, or what stands between, has forgotten it while the environment
/// was frozen, and a request on it would hang. By the wall clock, which goes on meanwhile.
const IDLE: Duration = Duration::from_secs(30);

/// The connections to collectors: made when they are needed, at most one to each place.
#[derive(Debug, Default)]
pub(crate) struct Connections(Vec<Kept>);

#[derive(Debug)]
struct Kept {
    place: (bool, String, u16),
    used: SystemTime,
    sender: SendRequest<Full<Bytes>>,
}

impl Connections {
    /// Sends a request, over the connection that is kept where there is one.
    pub(crate) async fn send(
        &mut self,
        collector: &Collector,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>> {
        let mut unsent = request;
        if let Some(mut kept) = self.take(collector)
            && kept.sender.ready().await.is_ok()
        {
            match kept.sender.try_send_request(unsent).await {
                Ok(response) => {
                    self.keep(collector, kept.sender);
                    return Ok(response);
                }
                Err(mut failed) => match failed.take_message() {
                    Some(request) => unsent = request,
                    None => return Err(failed.into_error()).context("no answer on a kept connection"),
                },
            }
        }
        let mut sender = connect(collector).await?;
        let response = sender.send_request(unsent).await.context("no answer")?;
        self.keep(collector, sender);
        Ok(response)
    }

    fn take(&mut self, collector: &Collector) -> Option<Kept> {
        let now = SystemTime::now();
        self.0.retain(|kept| {
            now.duration_since(kept.used).is_ok_and(|idle| idle < IDLE) && !kept.sender.is_closed()
        });
        let place = self.0.iter().position(|kept| kept.is_to(collector))?;
        Some(self.0.swap_remove(place))
    }

    fn keep(&mut self, collector: &Collector, sender: SendRequest<Full<Bytes>>) {
        let place = (collector.https, collector.host.clone(), collector.port);
        self.0.push(Kept { place, used: SystemTime::now(), sender });
    }

    /// Closes what goes to this collector: an answer that was not read to its end would be read as the next one.
    pub(crate) fn close(&mut self, collector: &Collector) {
        self.0.retain(|kept| !kept.is_to(collector));
    }
}

impl Kept {
    fn is_to(&self, collector: &Collector) -> bool {
        let (https, host, port) = &self.place;
        (*https, host.as_str(), *port) == (collector.https, collector.host.as_str(), collector.port)
    }
}

async fn connect(collector: &Collector) -> Result<SendRequest<Full<Bytes>>> {
    let Collector { https, host, port, .. } = collector;
    let stream = TcpStream::connect((host.as_str(), *port))
        .await
        .with_context(|| format!("no connection to {host}:{port}"))?;
    stream.set_nodelay(true).context("TCP_NODELAY")?;
    if !https {
        return handshake(TokioIo::new(stream)).await;
    }
    #[cfg(feature = "rustls")]
    return handshake(TokioIo::new(super::tls::connect(collector, stream).await?)).await;
    #[cfg(not(feature = "rustls"))]
    anyhow::bail!("this build of hopguard has no TLS: use http://");
}

async fn handshake<S: Read + Write + Unpin + Send + 'static>(stream: S) -> Result<SendRequest<Full<Bytes>>> {
    let (sender, connection) = http1::handshake(stream).await.context("no HTTP")?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            debug!(target: "hopguard", %error, "connection to a collector ended");
        }
    });
    Ok(sender)
}
