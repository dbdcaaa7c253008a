//! The OTLP receiver: spans, metrics and logs from any OpenTelemetry SDK in the function, over HTTP on the loopback interface.

mod answer;
mod payload;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hopguard_core::Counter;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Body as _, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tracing::debug;

use super::observer::{Inner, Observer};
use super::signal::Signal;
use crate::fault::panic_in;
use payload::{Form, Problem};

/// The largest body, compressed or not; OpenTelemetry's SDKs send 512 spans at once, some 500 KB.
pub(crate) const MAX_BODY: usize = 4 * 1024 * 1024;
/// Bodies that are read and decoded at once: each may take several times its size.
const MAX_AT_ONCE: usize = 2;
/// How long the rest of a request may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// After a failure to accept (no file handle left).
const PAUSE: Duration = Duration::from_millis(50);

impl Observer {
    /// Serves connections, for ever.
    pub(super) async fn receive(&self, listener: &TcpListener) {
        let at_once = Arc::new(Semaphore::new(MAX_AT_ONCE));
        loop {
            panic_in("receiver");
            match listener.accept().await {
                Ok((stream, _)) => {
                    tokio::spawn(serve(Arc::clone(&self.0), Arc::clone(&at_once), stream));
                }
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        }
    }
}

async fn serve(inner: Arc<Inner>, at_once: Arc<Semaphore>, stream: TcpStream) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| async {
        let form = Form::of(request.headers());
        let answer = match handle(&inner, &at_once, request, form).await {
            Ok((signal, refused)) => answer::taken(signal, form, refused),
            Err(problem) => {
                inner.counters.count(Counter::RejectedRequests);
                answer::problem(form, &problem)
            }
        };
        Ok::<_, Infallible>(answer)
    });
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(None)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = served.await {
        debug!(target: "hopguard", %error, "OTLP connection ended");
    }
}

/// Takes one request: its signal, and how many of its items had no room.
async fn handle(
    inner: &Inner,
    at_once: &Semaphore,
    request: Request<Incoming>,
    form: Form,
) -> Result<(Signal, usize), Problem> {
    panic_in("request");
    let (head, body) = request.into_parts();
    let found = Signal::ALL.into_iter().find(|signal| signal.path() == head.uri.path());
    let signal = found.ok_or_else(|| {
        Problem::new(StatusCode::NOT_FOUND, "no such path: OTLP has /v1/traces, /v1/metrics and /v1/logs")
    })?;
    if head.method != Method::POST {
        return Err(Problem::new(StatusCode::METHOD_NOT_ALLOWED, "OTLP is sent by POST"));
    }
    payload::check(&head.headers)?;
    let too_large = || Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "a request has at most 4 MiB");
    if body.size_hint().lower() > MAX_BODY as u64 {
        return Err(too_large());
    }
    let closed = |_| Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the layer ends");
    let _permit = at_once.acquire().await.map_err(closed)?;
    let body = tokio::time::timeout(PATIENCE, Limited::new(body, MAX_BODY).collect()).await;
    let body = body.map_err(|_| Problem::new(StatusCode::REQUEST_TIMEOUT, "the body did not come"))?;
    let body = body.map_err(|error| match error.is::<http_body_util::LengthLimitError>() {
        true => too_large(),
        false => Problem::new(StatusCode::BAD_REQUEST, "the body broke off"),
    })?;
    let zipped = head.headers.get(header::CONTENT_ENCODING).is_some_and(|encoding| encoding == "gzip");
    let body: Bytes = if zipped { payload::unzip(&body.to_bytes())? } else { body.to_bytes() };
    let resource = inner.resource();
    let chunk = match signal {
        Signal::Traces => payload::decode::<ExportTraceServiceRequest>(form, &body, resource),
        Signal::Metrics => payload::decode::<ExportMetricsServiceRequest>(form, &body, resource),
        Signal::Logs => payload::decode::<ExportLogsServiceRequest>(form, &body, resource),
    }?;
    Ok((signal, inner.take(signal, chunk)))
}

type Answer = Response<Full<Bytes>>;
