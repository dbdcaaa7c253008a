//! What Lambda demands of an extension: register, ask for the next event, end in time.

use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use bytes::Bytes;
use http::{Request, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::net::TcpStream;
use tracing::{debug, warn};

/// An event of the Extensions API is some hundred bytes.
const MAX_EVENT: usize = 64 * 1024;
/// After a failure to ask for the next event; Lambda ends this process when the environment ends, so that asking again is right.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// A registered extension.
#[derive(Debug)]
pub struct Lifecycle {
    id: String,
    extensions_api: String,
    function: String,
    sender: Option<SendRequest<Full<Bytes>>>,
}

/// What Lambda tells an extension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// An invocation has started.
    Invoke {
        /// Its request id.
        request_id: String,
        /// Its deadline, in milliseconds since 1970.
        deadline_ms: u64,
    },
    /// The environment ends.
    Shutdown {
        /// Until when this process may live, in milliseconds since 1970.
        deadline_ms: u64,
    },
    /// Something that this release does not know.
    Unknown,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawEvent {
    #[serde(default)]
    event_type: String,
    #[serde(default)]
    request_id: String,
    #[serde(default)]
    deadline_ms: u64,
}

impl Lifecycle {
    /// Registers for `events` with the Extensions API that `AWS_LAMBDA_RUNTIME_API` names.
    ///
    /// # Errors
    /// What the Extensions API answers.
    pub async fn register(extensions_api: &str, name: &str, events: &[&str]) -> Result<Self> {
        let extension = lambda_extension::Extension::new().with_extension_name(name).with_events(events);
        let registered = extension
            .register()
            .await
            .map_err(|error| anyhow!("the extension is not registered: {error}"))?;
        Ok(Self {
            id: registered.extension_id,
            extensions_api: extensions_api.to_owned(),
            function: registered.function_name,
            sender: None,
        })
    }

    /// What names this extension to the other APIs.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The function's name.
    pub fn function(&self) -> &str {
        &self.function
    }

    /// Waits for the next event, for as long as it takes. Says so to Lambda at the same time: what was to be done for the last one is
    /// done. Where Lambda cannot be asked it asks again: an extension that ends fails its function's invocation.
    pub async fn next(&mut self) -> Event {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.ask().await {
                Ok(event) => return event,
                Err(error) => {
                    self.sender = None;
                    warn!(target: "hopguard", error = format!("{error:#}"), "Extensions API not reached");
                    tokio::time::sleep(pause).await;
                    pause = (2 * pause).min(LONGEST_PAUSE);
                }
            }
        }
    }

    async fn ask(&mut self) -> Result<Event> {
        let request = Request::get("/2020-01-01/extension/event/next")
            .header(header::HOST, &self.extensions_api)
            .header("Lambda-Extension-Identifier", &self.id)
            .body(Full::default())
            .context("the identifier is no header")?;
        let mut kept = self.sender.take();
        if let Some(sender) = &mut kept
            && sender.ready().await.is_err()
        {
            kept = None;
        }
        let mut sender = match kept {
            Some(sender) => sender,
            None => connect(&self.extensions_api).await?,
        };
        let answer = sender.send_request(request).await.context("no answer")?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), MAX_EVENT).collect().await;
        let body = body.map_err(|error| anyhow!("the event cannot be read: {error}"))?.to_bytes();
        if !status.is_success() {
            return Err(anyhow!("the Extensions API answers {status}: {}", String::from_utf8_lossy(&body)));
        }
        self.sender = Some(sender);
        Ok(Event::read(&body))
    }
}

impl Event {
    fn read(json: &[u8]) -> Self {
        match serde_json::from_slice::<RawEvent>(json) {
            Ok(RawEvent { event_type, request_id, deadline_ms }) => match event_type.as_str() {
                "INVOKE" => Self::Invoke { request_id, deadline_ms },
                "SHUTDOWN" => Self::Shutdown { deadline_ms },
                _ => Self::Unknown,
            },
            Err(error) => {
                debug!(target: "hopguard", %error, "event of the Extensions API cannot be read");
                Self::Unknown
            }
        }
    }
}

async fn connect(address: &str) -> Result<SendRequest<Full<Bytes>>> {
    let stream = TcpStream::connect(address).await.with_context(|| format!("no connection to {address}"))?;
    stream.set_nodelay(true).context("TCP_NODELAY")?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.context("no HTTP")?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            debug!(target: "hopguard", %error, "connection to the Extensions API ended");
        }
    });
    Ok(sender)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read_leniently() {
        let invoke = Event::Invoke { request_id: "r".to_owned(), deadline_ms: 7 };
        let cases = [
            (r#"{"eventType":"INVOKE","requestId":"r","deadlineMs":7,"tracing":{"type":"x"}}"#, invoke),
            (
                r#"{"eventType":"SHUTDOWN","shutdownReason":"spindown","deadlineMs":9}"#,
                Event::Shutdown { deadline_ms: 9 },
            ),
            (r#"{"eventType":"THAW"}"#, Event::Unknown),
            ("{}", Event::Unknown),
            ("[", Event::Unknown),
        ];
        for (json, expected) in cases {
            assert_eq!(Event::read(json.as_bytes()), expected, "{json}");
        }
    }
}
