//! A collector for tests: keeps what it got, and fails as it is told.

use std::collections::VecDeque;
use std::io::Read as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::Metric;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// What the sink does with one request.
#[derive(Clone, Debug)]
pub(super) enum Reply {
    /// A status, with further headers and a body.
    Status(u16, &'static str, Vec<u8>),
    /// Nothing, and the connection stays.
    Hang,
    /// The head of a 200 and half of its body.
    Cut,
    /// The connection is closed.
    Close,
}

#[derive(Clone, Debug)]
pub(super) struct Received {
    pub(super) path: String,
    pub(super) head: String,
    pub(super) body: Vec<u8>,
    pub(super) connection: usize,
}

#[derive(Default)]
struct Shared {
    received: Mutex<Vec<Received>>,
    script: Mutex<VecDeque<Reply>>,
}

pub(super) struct Sink {
    pub(super) address: SocketAddr,
    shared: Arc<Shared>,
}

impl Sink {
    /// One that does as scripted, and answers 200 after that.
    pub(super) async fn start(script: impl IntoIterator<Item = Reply>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared =
            Arc::new(Shared { script: Mutex::new(script.into_iter().collect()), ..Shared::default() });
        let this = Arc::clone(&shared);
        tokio::spawn(async move {
            for connection in 0.. {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(stream, connection, Arc::clone(&this)));
            }
        });
        Self { address, shared }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) fn received(&self) -> Vec<Received> {
        self.shared.received.lock().unwrap().clone()
    }

    /// Requests to a path, once there are so many.
    pub(super) async fn wait_for(&self, path: &str, count: usize) -> Vec<Received> {
        for _ in 0..500 {
            let found: Vec<_> = self.received().into_iter().filter(|one| one.path == path).collect();
            if found.len() >= count {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!(
            "not {count} of {path}: {:?}",
            self.received().iter().map(|one| &one.path).collect::<Vec<_>>()
        );
    }

    /// All spans so far.
    pub(super) fn spans(&self) -> Vec<Span> {
        let traces = self.received().into_iter().filter(|one| one.path == "/v1/traces");
        traces.flat_map(|one| spans(&one.body)).collect()
    }

    /// The metrics of the last request that had any.
    pub(super) fn metrics(&self) -> Vec<Metric> {
        let last = self.received().into_iter().rfind(|one| one.path == "/v1/metrics").unwrap();
        let request = ExportMetricsServiceRequest::decode(last.body.as_slice()).unwrap();
        request
            .resource_metrics
            .into_iter()
            .flat_map(|group| group.scope_metrics)
            .flat_map(|scope| scope.metrics)
            .collect()
    }
}

pub(super) fn spans(body: &[u8]) -> Vec<Span> {
    let request = ExportTraceServiceRequest::decode(body).unwrap();
    request
        .resource_spans
        .into_iter()
        .flat_map(|group| group.scope_spans)
        .flat_map(|scope| scope.spans)
        .collect()
}

async fn serve(stream: TcpStream, connection: usize, shared: Arc<Shared>) {
    let mut stream = BufReader::new(stream);
    while let Some(received) = read(&mut stream, connection).await {
        shared.received.lock().unwrap().push(received);
        let reply = shared.script.lock().unwrap().pop_front();
        let (head, body) = match reply.unwrap_or_else(|| Reply::Status(200, "", Vec::new())) {
            Reply::Status(status, headers, body) => {
                (format!("HTTP/1.1 {status} -\r\n{headers}content-length: {}\r\n\r\n", body.len()), body)
            }
            Reply::Hang => return std::future::pending().await,
            Reply::Close => return,
            Reply::Cut => {
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{\"par").await.unwrap();
                return;
            }
        };
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&body).await.unwrap();
    }
}

async fn read(stream: &mut BufReader<TcpStream>, connection: usize) -> Option<Received> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head).await.ok()? == 0 {
            return None;
        }
    }
    let head = head.to_ascii_lowercase();
    let length = head.split("content-length: ").nth(1)?.lines().next()?.parse().unwrap();
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    if head.contains("content-encoding: gzip") {
        let mut plain = Vec::new();
        flate2::read::GzDecoder::new(body.as_slice()).read_to_end(&mut plain).unwrap();
        body = plain;
    }
    let path = head.split(' ').nth(1)?.to_owned();
    Some(Received { path, head, body, connection })
}
