//! One HTTP request to a loopback port, for what no SDK client asks.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::cloud::Cloud;

/// The longest that one request may take, unless it says otherwise.
const DEADLINE: Duration = Duration::from_secs(20);

/// One request of the harness's own.
#[derive(Debug)]
pub(crate) struct Request<'a> {
    method: &'a str,
    path: &'a str,
    headers: Vec<(&'a str, String)>,
    body: String,
    deadline: Duration,
}

/// An answer, whatever its status.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// The lines above the body.
    pub(crate) head: String,
    pub(crate) body: String,
}

/// Calls an operation by AWS's JSON protocol, as `DynamoDB_20120810.CreateTable`, for services that the test bed has no SDK client for.
///
/// # Errors
/// As [`Request::send`].
pub(crate) async fn call(port: u16, service: &str, operation: &str, input: &Value) -> Result<Value> {
    let version = if matches!(service, "kinesis" | "logs") { "1.1" } else { "1.0" };
    let request = Request::post("/", &format!("application/x-amz-json-{version}"), input.to_string());
    let answer = request.header("X-Amz-Target", operation).of_service(service).send(port).await;
    answer.with_context(|| format!("cannot call {operation}"))
}

/// Calls an operation by AWS's query protocol: a form, whose fields name the action, and an answer in XML.
///
/// # Errors
/// As [`Request::text`].
pub(crate) async fn query(
    port: u16,
    service: &str,
    version: &str,
    form: &[(String, String)],
) -> Result<String> {
    let fields = form.iter().map(|(key, value)| format!("{key}={}", escaped(value)));
    let form = fields.chain([format!("Version={version}")]).collect::<Vec<_>>().join("&");
    Request::post("/", "application/x-www-form-urlencoded", form).of_service(service).text(port).await
}

/// Percent-encodes for a form: letters and digits stay.
fn escaped(text: &str) -> String {
    let escape = |byte: u8| {
        if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") }
    };
    text.bytes().map(escape).collect()
}

impl<'a> Request<'a> {
    pub(crate) fn get(path: &'a str) -> Self {
        Self { method: "GET", path, headers: Vec::new(), body: String::new(), deadline: DEADLINE }
    }

    pub(crate) fn post(path: &'a str, content_type: &str, body: String) -> Self {
        let headers = vec![("Content-Type", content_type.to_owned())];
        Self { method: "POST", headers, body, ..Self::get(path) }
    }

    pub(crate) fn json(path: &'a str, body: &Value) -> Self {
        Self::post(path, "application/json", body.to_string())
    }

    pub(crate) fn put(path: &'a str, body: &Value) -> Self {
        Self { method: "PUT", ..Self::json(path, body) }
    }

    pub(crate) fn header(mut self, name: &'a str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    /// How long the answer may take, where that is not 20 seconds.
    pub(crate) fn within(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Names the caller and the service, as a signature would; the emulators read no further.
    pub(crate) fn of_service(self, service: &str) -> Self {
        let scope = format!("test/20260101/{}/{service}/aws4_request", Cloud::REGION);
        let signature = format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0");
        self.header("Authorization", &signature)
    }

    /// Sends it to `127.0.0.1:port` and reads the answer as JSON; an empty answer is `null`.
    ///
    /// # Errors
    /// As [`Request::text`], and where the answer is not JSON.
    pub(crate) async fn send(self, port: u16) -> Result<Value> {
        let name = format!("{} {}", self.method, self.path);
        let body = self.text(port).await?;
        if body.trim().is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_str(&body).with_context(|| format!("{name}: the answer is not JSON: {body}"))
    }

    /// Sends it to `127.0.0.1:port`.
    ///
    /// # Errors
    /// Where nobody listens, no answer comes in time, or its status is not 2xx.
    pub(crate) async fn text(self, port: u16) -> Result<String> {
        let name = format!("{} {}", self.method, self.path);
        let Reply { status, body, .. } = self.reply(port).await?;
        if !(200..300).contains(&status) {
            bail!("{name}: status {status}: {}", body.trim());
        }
        Ok(body)
    }

    /// Sends it to `127.0.0.1:port`, and leaves it to the caller what a status means.
    ///
    /// # Errors
    /// Where nobody listens, or no answer comes in time.
    pub(crate) async fn reply(self, port: u16) -> Result<Reply> {
        let name = format!("{} {}", self.method, self.path);
        let deadline = self.deadline;
        timeout(deadline, self.exchange(port))
            .await
            .with_context(|| format!("{name}: no answer in {deadline:?}"))?
            .with_context(|| name.clone())
    }

    async fn exchange(self, port: u16) -> Result<Reply> {
        // Version 1.0: the server neither chunks its answer nor keeps the connection, so the body ends where it ends.
        let mut request = format!(
            "{} {} HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\nContent-Length: {}\r\n",
            self.method,
            self.path,
            self.body.len()
        );
        for (name, value) in &self.headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str("\r\n");
        request.push_str(&self.body);
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.context("cannot connect")?;
        stream.write_all(request.as_bytes()).await.context("cannot send")?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.context("cannot receive")?;
        let answer = String::from_utf8_lossy(&answer);
        let (head, body) = answer.split_once("\r\n\r\n").context("the answer has no head")?;
        let status = head.split_whitespace().nth(1).and_then(|status| status.parse().ok());
        let status = status.with_context(|| format!("the answer has no status: {head}"))?;
        Ok(Reply { status, head: head.to_owned(), body: body.to_owned() })
    }
}
