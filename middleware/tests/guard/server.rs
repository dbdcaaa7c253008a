//! A local HTTP/1.1 server that keeps what it received, byte for byte, and answers by a function.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_config::SdkConfig;
use aws_sdk_lambda::config::{BehaviorVersion, Credentials, Region, SharedCredentialsProvider};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::AbortHandle;

/// One request as it came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    pub method: String,
    /// Path and query.
    pub target: String,
    /// By lower-case name; one that came twice has both values.
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// The request without what differs between two sends of one and the same input.
    pub fn stable(mut self) -> Self {
        for name in ["authorization", "x-amz-date", "amz-sdk-invocation-id"] {
            self.headers.remove(name);
        }
        self
    }
}

#[derive(Clone, Debug)]
pub struct Response {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
}

impl Response {
    pub fn new(status: u16, body: impl Into<String>) -> Self {
        Self { status, headers: Vec::new(), body: body.into() }
    }

    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

type Answer = dyn Fn(&Request) -> Option<Response> + Send + Sync;

/// Listens until it is dropped.
pub struct Server {
    pub address: String,
    requests: watch::Receiver<Vec<Request>>,
    kept: Kept,
    task: AbortHandle,
}

type Kept = Arc<watch::Sender<Vec<Request>>>;

impl Server {
    /// `None` never answers, and keeps the connection.
    pub async fn start(answer: impl Fn(&Request) -> Option<Response> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (kept, requests) = watch::channel(Vec::new());
        let (kept, answer): (Kept, Arc<Answer>) = (Arc::new(kept), Arc::new(answer));
        let keep = Arc::clone(&kept);
        let accept = async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&keep), Arc::clone(&answer)));
            }
        };
        Self { address, requests, kept, task: tokio::spawn(accept).abort_handle() }
    }

    /// What came since the last time.
    pub fn take(&self) -> Vec<Request> {
        self.kept.send_replace(Vec::new())
    }

    /// Waits until so many requests of this kind have come, and returns them.
    pub async fn wait_for(&self, count: usize, wanted: impl Fn(&Request) -> bool) -> Vec<Request> {
        let enough =
            |requests: &Vec<Request>| requests.iter().filter(|request| wanted(request)).count() >= count;
        self.requests.clone().wait_for(enough).await.unwrap();
        self.take().into_iter().filter(wanted).collect()
    }

    /// An SDK configuration that sends everything here, over plain HTTP.
    pub fn sdk_config(&self) -> SdkConfig {
        let credentials = Credentials::new("AKIDEXAMPLE", "secret", None, None, "test");
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .endpoint_url(format!("http://{}", self.address))
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .build()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(stream: TcpStream, kept: Kept, answer: Arc<Answer>) {
    let mut stream = BufReader::new(stream);
    while let Some(request) = read(&mut stream).await {
        let response = answer(&request);
        let head = request.method == "HEAD";
        kept.send_modify(|requests| requests.push(request));
        let Some(Response { status, headers, body }) = response else { return std::future::pending().await };
        let mut text = format!("HTTP/1.1 {status} -\r\ncontent-length: {}\r\n", body.len());
        headers.iter().for_each(|(name, value)| text.push_str(&format!("{name}: {value}\r\n")));
        text.push_str("\r\n");
        if !head {
            text.push_str(&body);
        }
        if stream.write_all(text.as_bytes()).await.is_err() {
            return;
        }
    }
}

async fn read(stream: &mut BufReader<TcpStream>) -> Option<Request> {
    let first = line(stream).await?;
    let mut words = first.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut request = Request { method, target, ..Request::default() };
    loop {
        let header = line(stream).await?;
        let Some((name, value)) = header.split_once(':') else { break };
        let values = request.headers.entry(name.to_ascii_lowercase()).or_default();
        if !values.is_empty() {
            values.push_str(", ");
        }
        values.push_str(value.trim());
    }
    if request.header("expect") == Some("100-continue") {
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await.ok()?;
    }
    if request.header("transfer-encoding") == Some("chunked") {
        loop {
            let size = usize::from_str_radix(line(stream).await?.trim(), 16).ok()?;
            let mut chunk = vec![0; size];
            stream.read_exact(&mut chunk).await.ok()?;
            request.body.append(&mut chunk);
            if size == 0 {
                break;
            }
            line(stream).await?;
        }
        // Trailers, and the empty line after them.
        loop {
            let trailer = line(stream).await?;
            let Some((name, value)) = trailer.split_once(':') else { break };
            request.headers.insert(format!("trailer {}", name.to_ascii_lowercase()), value.trim().to_owned());
        }
    } else if let Some(length) = request.header("content-length") {
        request.body = vec![0; length.parse().unwrap()];
        stream.read_exact(&mut request.body).await.ok()?;
    }
    Some(request)
}

/// One line without its end; `None` where the connection is over.
async fn line(stream: &mut BufReader<TcpStream>) -> Option<String> {
    let mut line = String::new();
    let read = stream.read_line(&mut line).await.ok()?;
    (read > 0).then(|| line.trim_end_matches(['\r', '\n']).to_owned())
}
