//! A collector that keeps what it gets, and shows it as JSON.

mod items;

use std::{
    io::Read as _,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use flate2::read::GzDecoder;
use opentelemetry_proto::tonic::collector::{
    logs::v1::ExportLogsServiceRequest, metrics::v1::ExportMetricsServiceRequest,
    trace::v1::ExportTraceServiceRequest,
};
use prost::Message as _;
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    sync::Notify,
    task::{AbortHandle, JoinSet},
};

use crate::eventually::eventually;

/// A loopback listener that takes OTLP over HTTP (protobuf, with gzip or without) and keeps every item.
///
/// An item is JSON as OTLP has it (ids in hex), with attributes as an object of plain values, and with the `resource` and the
/// `scope` that it came under.
#[derive(Debug)]
pub struct Collector {
    address: SocketAddr,
    shared: Arc<Mutex<Received>>,
    cut: Arc<Notify>,
    listener: AbortHandle,
}

#[derive(Debug, Default)]
struct Received {
    spans: Vec<Value>,
    metrics: Vec<Value>,
    logs: Vec<Value>,
    connections: usize,
    /// What could not be read.
    wrong: Vec<String>,
    /// What requests were encoded with, beside their paths.
    encodings: Vec<String>,
}

impl Collector {
    /// Listens on a free loopback port.
    ///
    /// # Errors
    /// Where no port can be bound.
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.context("cannot bind a loopback port")?;
        let address = listener.local_addr().context("a bound port has no address")?;
        let shared = Arc::<Mutex<Received>>::default();
        let cut = Arc::<Notify>::default();
        let listening = tokio::spawn(listen(listener, Arc::clone(&shared), Arc::clone(&cut)));
        Ok(Self { address, shared, cut, listener: listening.abort_handle() })
    }

    /// The value for `OTEL_EXPORTER_OTLP_ENDPOINT`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Ends all connections, as a collector does that has waited long enough for a next request.
    pub fn disconnect(&self) {
        self.cut.notify_waiters();
    }

    /// All spans so far.
    #[must_use]
    pub fn spans(&self) -> Vec<Value> {
        self.received().spans.clone()
    }

    /// All metrics so far: each one again with every export.
    #[must_use]
    pub fn metrics(&self) -> Vec<Value> {
        self.received().metrics.clone()
    }

    /// The first data point of a metric, as it was exported last; `null` where it was not.
    #[must_use]
    pub fn last_point(&self, metric: &str) -> Value {
        let received = self.received();
        let named = |known: &&Value| known.get("name").is_some_and(|name| name == metric);
        let last = received.metrics.iter().rfind(named);
        let kinds = ["/sum/dataPoints/0", "/histogram/dataPoints/0", "/gauge/dataPoints/0"];
        let point = last.and_then(|last| kinds.into_iter().find_map(|kind| last.pointer(kind)));
        point.cloned().unwrap_or_default()
    }

    /// All log records so far.
    #[must_use]
    pub fn logs(&self) -> Vec<Value> {
        self.received().logs.clone()
    }

    /// How many connections it has had.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.received().connections
    }

    /// Content type and encoding of each request so far, as in `/v1/traces application/x-protobuf gzip`.
    #[must_use]
    pub fn encodings(&self) -> Vec<String> {
        self.received().encodings.clone()
    }

    /// Waits until `count` spans match, and returns those that do.
    ///
    /// # Errors
    /// Where fewer match after `within`; it tells the names of all. Where a request could not be read.
    pub async fn wait_for_spans(
        &self,
        count: usize,
        within: Duration,
        matches: impl Fn(&Value) -> bool,
    ) -> Result<Vec<Value>> {
        let found = || self.spans().into_iter().filter(|span| matches(span)).collect::<Vec<_>>();
        let enough = |_: &Self| Some(found()).filter(|found| found.len() >= count);
        self.wait_for(&format!("{count} spans"), within, enough).await.with_context(|| {
            let names: Vec<_> = self.spans().iter().filter_map(|span| span.get("name").cloned()).collect();
            format!("the spans so far: {names:?}")
        })
    }

    /// Waits until `find` finds something.
    ///
    /// # Errors
    /// Where it does not `within` that time, or a request could not be read.
    pub async fn wait_for<T>(
        &self,
        what: &str,
        within: Duration,
        find: impl Fn(&Self) -> Option<T>,
    ) -> Result<T> {
        let found = eventually(what, within, async || Ok(find(self))).await;
        if let Some(wrong) = self.received().wrong.first() {
            bail!("a request cannot be read: {wrong}");
        }
        found
    }

    fn received(&self) -> MutexGuard<'_, Received> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

impl Received {
    fn take(&mut self, path: &str, body: &[u8]) -> Result<()> {
        match path {
            "/v1/traces" => {
                let request = ExportTraceServiceRequest::decode(body)?;
                self.spans.extend(items::of(&request, ["resourceSpans", "scopeSpans", "spans"])?);
            }
            "/v1/metrics" => {
                let request = ExportMetricsServiceRequest::decode(body)?;
                self.metrics.extend(items::of(&request, ["resourceMetrics", "scopeMetrics", "metrics"])?);
            }
            "/v1/logs" => {
                let request = ExportLogsServiceRequest::decode(body)?;
                self.logs.extend(items::of(&request, ["resourceLogs", "scopeLogs", "logRecords"])?);
            }
            other => bail!("nothing is exported to {other}"),
        }
        Ok(())
    }
}

async fn listen(listener: TcpListener, shared: Arc<Mutex<Received>>, cut: Arc<Notify>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let (shared, cut) = (Arc::clone(&shared), Arc::clone(&cut));
        shared.lock().unwrap_or_else(PoisonError::into_inner).connections += 1;
        connections.spawn(async move {
            tokio::select! {
                () = serve(stream, shared) => {}
                () = cut.notified() => {}
            }
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn serve(stream: TcpStream, shared: Arc<Mutex<Received>>) {
    let mut stream = BufReader::new(stream);
    // An error is the end of an exporter.
    while let Ok(Some(request)) = Request::read(&mut stream).await {
        let taken = {
            let mut received = shared.lock().unwrap_or_else(PoisonError::into_inner);
            let Request { path, kind, encoding, .. } = &request;
            received.encodings.push(format!("{path} {kind} {encoding}").trim_end().to_owned());
            let taken = request.plain().and_then(|body| received.take(path, &body));
            if let Err(error) = &taken {
                received.wrong.push(format!("{error:#}"));
            }
            taken
        };
        let status = if taken.is_ok() { "200 OK" } else { "400 Bad Request" };
        let answer =
            format!("HTTP/1.1 {status}\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n");
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// One request, as far as it matters.
#[derive(Debug, Default)]
struct Request {
    path: String,
    kind: String,
    encoding: String,
    body: Vec<u8>,
}

impl Request {
    async fn read(stream: &mut BufReader<TcpStream>) -> Result<Option<Self>> {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(None);
        }
        let mut request =
            Self { path: line.split(' ').nth(1).unwrap_or_default().to_owned(), ..Self::default() };
        let mut length = None;
        loop {
            line.clear();
            stream.read_line(&mut line).await?;
            let Some((name, value)) = line.split_once(':') else { break };
            let value = value.trim();
            match name.to_ascii_lowercase().as_str() {
                "content-type" => value.clone_into(&mut request.kind),
                "content-encoding" => value.clone_into(&mut request.encoding),
                "content-length" => length = value.parse().ok(),
                _ => {}
            }
        }
        request.body = vec![0; length.context("a request without a length")?];
        stream.read_exact(&mut request.body).await?;
        Ok(Some(request))
    }

    fn plain(&self) -> Result<Vec<u8>> {
        if self.encoding != "gzip" {
            return Ok(self.body.clone());
        }
        let mut plain = Vec::new();
        GzDecoder::new(self.body.as_slice()).read_to_end(&mut plain).context("no gzip")?;
        Ok(plain)
    }
}
