use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hopguard_core::Counter;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

use crate::observe::observer::{Inner, Observer};
use crate::panics::caught_now;

/// The largest batch: the subscription asks for 256 KiB, and one event more may be added to that.
const MAX_BATCH: usize = 2 * 1024 * 1024;
/// After a failure to accept (no file handle left).
const PAUSE: Duration = Duration::from_millis(50);

impl Observer {
    /// Takes batches of the Telemetry API, for ever. The answer is always 200: a batch that is refused is sent again for ever.
    pub(in crate::observe) async fn take_telemetry(&self, listener: &TcpListener) {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    tokio::spawn(serve(Arc::clone(&self.0), stream));
                }
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        }
    }
}

async fn serve(inner: Arc<Inner>, stream: TcpStream) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request: Request<Incoming>| async {
        match Limited::new(request.into_body(), MAX_BATCH).collect().await {
            // One that panicked would come again for ever, where it was not answered.
            Ok(batch) => drop(caught_now(&inner.counters, || inner.platform(&batch.to_bytes()))),
            Err(_) => inner.counters.count(Counter::RejectedEvents),
        }
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::new())))
    });
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}
