//! A collector that keeps what it gets, and shows it as JSON.

use std::{
    collections::BTreeMap,
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
use prost::Message;
use serde_json::{Map, Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
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
    listener: AbortHandle,
}

#[derive(Debug, Default)]
struct Received {
    spans: Vec<Value>,
    metrics: Vec<Value>,
    logs: Vec<Value>,
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
        let listening = tokio::spawn(listen(listener, Arc::clone(&shared)));
        Ok(Self { address, shared, listener: listening.abort_handle() })
    }

    /// The value for `OTEL_EXPORTER_OTLP_ENDPOINT`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
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

    /// All log records so far.
    #[must_use]
    pub fn logs(&self) -> Vec<Value> {
        self.received().logs.clone()
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
            let names: Vec<_> = self.spans().iter().map(|span| format!("{}", span["name"])).collect();
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
                let request = json::<ExportTraceServiceRequest>(body)?;
                self.spans.extend(items(&request, ["resourceSpans", "scopeSpans", "spans"]));
            }
            "/v1/metrics" => {
                let request = json::<ExportMetricsServiceRequest>(body)?;
                self.metrics.extend(items(&request, ["resourceMetrics", "scopeMetrics", "metrics"]));
            }
            "/v1/logs" => {
                let request = json::<ExportLogsServiceRequest>(body)?;
                self.logs.extend(items(&request, ["resourceLogs", "scopeLogs", "logRecords"]));
            }
            other => bail!("nothing is exported to {other}"),
        }
        Ok(())
    }
}

async fn listen(listener: TcpListener, shared: Arc<Mutex<Received>>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(serve(stream, Arc::clone(&shared)));
        while connections.try_join_next().is_some() {}
    }
}

async fn serve(stream: TcpStream, shared: Arc<Mutex<Received>>) {
    let mut stream = BufReader::new(stream);
    // An error is the end of an exporter.
    while let Ok(Some((head, body))) = read(&mut stream).await {
        let taken = {
            let mut received = shared.lock().unwrap_or_else(PoisonError::into_inner);
            received.encodings.push(
                format!("{} {} {}", head["path"], head["content-type"], head["content-encoding"])
                    .replace('"', ""),
            );
            let taken = plain(&head, body)
                .and_then(|body| received.take(head["path"].as_str().unwrap_or_default(), &body));
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

/// One request: its path and headers, and its body.
async fn read(stream: &mut BufReader<TcpStream>) -> Result<Option<(Value, Vec<u8>)>> {
    let mut line = String::new();
    if stream.read_line(&mut line).await? == 0 {
        return Ok(None);
    }
    let mut head = Map::new();
    head.insert("path".to_owned(), json!(line.split(' ').nth(1).unwrap_or_default()));
    loop {
        line.clear();
        stream.read_line(&mut line).await?;
        let Some((name, value)) = line.split_once(':') else { break };
        head.insert(name.trim().to_ascii_lowercase(), json!(value.trim()));
    }
    let length = head.get("content-length").and_then(Value::as_str).unwrap_or_default();
    let mut body = vec![0; length.parse().context("a request without a length")?];
    stream.read_exact(&mut body).await?;
    Ok(Some((Value::Object(head), body)))
}

fn plain(head: &Value, body: Vec<u8>) -> Result<Vec<u8>> {
    if head["content-encoding"] != "gzip" {
        return Ok(body);
    }
    let mut plain = Vec::new();
    GzDecoder::new(body.as_slice()).read_to_end(&mut plain).context("no gzip")?;
    Ok(plain)
}

fn json<T: Message + Default + serde::Serialize>(body: &[u8]) -> Result<Value> {
    serde_json::to_value(T::decode(body).context("no protobuf of its kind")?).context("no JSON")
}

/// The items of a request, each with the resource and the scope that it stands in.
fn items(request: &Value, [resources, scopes, items]: [&str; 3]) -> Vec<Value> {
    let list = |value: &Value, key: &str| value[key].as_array().cloned().unwrap_or_default();
    let mut all = Vec::new();
    for group in list(request, resources) {
        for scope in list(&group, scopes) {
            for mut item in list(&scope, items) {
                flatten(&mut item);
                item["resource"] = attributes(&group["resource"]["attributes"]);
                item["scope"] = scope["scope"]["name"].clone();
                all.push(item);
            }
        }
    }
    all
}

/// Has every list of attributes in it be an object of plain values.
fn flatten(value: &mut Value) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(flatten),
        Value::Object(members) => {
            for (name, member) in members {
                if name == "attributes" {
                    *member = attributes(member);
                } else {
                    flatten(member);
                }
            }
        }
        _ => {}
    }
}

fn attributes(list: &Value) -> Value {
    let pair = |attribute: &Value| {
        let value = attribute["value"].as_object()?.values().next()?.clone();
        // OTLP's JSON has whole numbers as text.
        let number = attribute["value"]
            .get("intValue")
            .and_then(Value::as_str)
            .and_then(|text| text.parse::<i64>().ok());
        Some((attribute["key"].as_str()?.to_owned(), number.map_or(value, Value::from)))
    };
    let pairs: BTreeMap<String, Value> = list.as_array().into_iter().flatten().filter_map(pair).collect();
    json!(pairs)
}
