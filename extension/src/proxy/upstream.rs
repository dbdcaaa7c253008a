use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use tokio::sync::Mutex;

use crate::wire::{Connection, Head, Left, Unread};

/// What Lambda answers an extension is some hundred bytes.
const MAX_ANSWER: usize = 64 * 1024;

/// The extension's own connection to Lambda: made when it is needed, kept as long as both sides keep it.
#[derive(Debug)]
pub(crate) struct Upstream {
    address: Arc<str>,
    // Requests come one after the other, so that nobody ever waits here.
    kept: Mutex<Option<Connection>>,
}

impl Upstream {
    pub(crate) fn new(address: Arc<str>) -> Self {
        Self { address, kept: Mutex::default() }
    }

    /// Sends a request (`GET /path`) with these headers, and reads its answer. No time limit: the next event may take hours.
    pub(crate) async fn ask(
        &self,
        line: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<(Head, Bytes)> {
        let request = request(line, &self.address, headers, body.len())?;
        let mut slot = self.kept.lock().await;
        let mut connection = self.written(slot.take(), request.as_bytes(), body).await?;
        let mut from = connection.reader();
        let head = loop {
            let head = from.head(Head::answer).await.context("no answer from Lambda")?;
            let head = head.ok_or_else(Unread::cut).context("no answer from Lambda")?;
            if !head.is_interim() {
                break head;
            }
        };
        let left = Left::of_answer(&head, line.split(' ').next().unwrap_or_default())?;
        let answer = from.body(left, MAX_ANSWER).await.context("the answer cannot be read")?;
        if left != Left::UntilClose && !head.closes() {
            *slot = Some(connection);
        }
        Ok((head, answer))
    }

    /// A connection over which the request was written: the kept one where it is still open.
    async fn written(&self, kept: Option<Connection>, head: &[u8], body: &[u8]) -> Result<Connection> {
        if let Some(mut kept) = kept.filter(Connection::is_quiet) {
            let mut to = kept.writer();
            match to.write(head, body).await {
                Ok(()) => return Ok(kept),
                Err(error) if to.written() > 0 => return Err(error).context("no answer from Lambda"),
                // Closed meanwhile: nothing of this request was sent.
                Err(_) => {}
            }
        }
        let made = Connection::to(&self.address).await;
        let mut made = made.with_context(|| format!("no connection to Lambda at {}", self.address))?;
        made.writer().write(head, body).await.context("no answer from Lambda")?;
        Ok(made)
    }
}

fn request(line: &str, host: &str, headers: &[(&str, &str)], length: usize) -> Result<String> {
    let mut request = format!("{line} HTTP/1.1\r\nHost: {host}\r\n");
    for (name, value) in headers {
        ensure!(value.bytes().all(|byte| byte >= b' ' && byte != 0x7f), "{name} is no header");
        request.push_str(name);
        request.push_str(": ");
        request.push_str(value);
        request.push_str("\r\n");
    }
    request.push_str(&format!("Content-Length: {length}\r\n\r\n"));
    Ok(request)
}
