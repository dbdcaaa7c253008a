//! One HTTP request to a loopback port, for what no SDK client asks.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

/// The longest that one request may take.
const DEADLINE: Duration = Duration::from_secs(20);

/// A request whose answer is JSON.
#[derive(Debug)]
pub(crate) struct Request<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) headers: &'a [(&'a str, &'a str)],
    pub(crate) body: Option<Value>,
}

impl<'a> Request<'a> {
    pub(crate) fn get(path: &'a str) -> Self {
        Self { method: "GET", path, headers: &[], body: None }
    }

    pub(crate) fn post(path: &'a str, body: Value) -> Self {
        Self { method: "POST", path, headers: &[], body: Some(body) }
    }

    /// Sends it to `127.0.0.1:port`. An empty answer is `null`.
    ///
    /// # Errors
    /// Where nobody listens, no answer comes in time, or its status is not 2xx.
    pub(crate) async fn send(self, port: u16) -> Result<Value> {
        let name = format!("{} {}", self.method, self.path);
        let (status, body) = timeout(DEADLINE, self.exchange(port))
            .await
            .with_context(|| format!("{name}: no answer in {DEADLINE:?}"))?
            .with_context(|| name.clone())?;
        if !(200..300).contains(&status) {
            bail!("{name}: status {status}: {}", body.trim());
        }
        if body.trim().is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_str(&body).with_context(|| format!("{name}: the answer is not JSON: {body}"))
    }

    async fn exchange(self, port: u16) -> Result<(u16, String)> {
        let body = self.body.map(|value| value.to_string()).unwrap_or_default();
        // Version 1.0: the server neither chunks its answer nor keeps the connection, so the body ends where it ends.
        let mut request = format!(
            "{} {} HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\nContent-Length: {}\r\n",
            self.method,
            self.path,
            body.len()
        );
        for (name, value) in self.headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str("\r\n");
        request.push_str(&body);
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.context("cannot connect")?;
        stream.write_all(request.as_bytes()).await.context("cannot send")?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.context("cannot receive")?;
        let answer = String::from_utf8_lossy(&answer);
        let (head, body) = answer.split_once("\r\n\r\n").context("the answer has no head")?;
        let status = head.split_whitespace().nth(1).and_then(|status| status.parse().ok());
        Ok((status.with_context(|| format!("the answer has no status: {head}"))?, body.to_owned()))
    }
}
