//! What Lambda demands of an extension: register, ask for the next event, end in time.

use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use bytes::Bytes;
use lambda_extension::{InvokeEvent, NextEvent, ShutdownEvent};
use serde::Deserialize;
use serde_json::json;
use tracing::{debug, warn};

use crate::proxy::Upstream;
use crate::wire::Head;

/// The header that names a registered extension.
pub(crate) const IDENTIFIER: &str = "Lambda-Extension-Identifier";
/// After a failure to ask for the next event; Lambda ends this process when the environment ends, so that asking again is right.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// A registered extension.
#[derive(Debug)]
pub struct Lifecycle {
    id: String,
    function: String,
    api: Upstream,
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

/// An event that is not as AWS's own crate has it: what is needed of it.
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

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Registered {
    #[serde(default)]
    function_name: String,
}

impl Lifecycle {
    /// Registers for `events` with the Extensions API at this address, that of `AWS_LAMBDA_RUNTIME_API`.
    ///
    /// # Errors
    /// What the Extensions API answers.
    pub async fn register(extensions_api: &str, name: &str, events: &[&str]) -> Result<Self> {
        let api = Upstream::new(extensions_api.into());
        let headers = [("Content-Type", "application/json"), ("Lambda-Extension-Name", name)];
        let body = json!({ "events": events }).to_string();
        let asked = ask(&api, "POST /2020-01-01/extension/register", &headers, body.as_bytes());
        let (head, body) = asked.await.context("the extension is not registered")?;
        let id = head.text(IDENTIFIER);
        Ok(Self {
            id: id.context("the Extensions API names no identifier")?.to_owned(),
            // Only for the log.
            function: serde_json::from_slice::<Registered>(&body).unwrap_or_default().function_name,
            api,
        })
    }

    /// The connection to Lambda, which serves every request in turn.
    pub(crate) const fn api(&self) -> &Upstream {
        &self.api
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
    pub async fn next(&self) -> Event {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.ask().await {
                Ok(event) => return event,
                Err(error) => {
                    warn!(target: "hopguard", error = format!("{error:#}"), "Extensions API not reached");
                    tokio::time::sleep(pause).await;
                    pause = (2 * pause).min(LONGEST_PAUSE);
                }
            }
        }
    }

    async fn ask(&self) -> Result<Event> {
        let headers = [(IDENTIFIER, self.id.as_str())];
        let (_, event) = ask(&self.api, "GET /2020-01-01/extension/event/next", &headers, b"").await?;
        Ok(Event::read(&event))
    }
}

/// Asks the Extensions API; anything but a success is an error.
async fn ask(api: &Upstream, line: &str, headers: &[(&str, &str)], body: &[u8]) -> Result<(Head, Bytes)> {
    let (head, body) = api.ask(line, headers, body).await?;
    match head.is_success() {
        true => Ok((head, body)),
        false => {
            Err(anyhow!("the Extensions API answers {}: {}", head.status(), String::from_utf8_lossy(&body)))
        }
    }
}

impl Event {
    fn read(json: &[u8]) -> Self {
        match serde_json::from_slice::<NextEvent>(json) {
            Ok(NextEvent::Invoke(InvokeEvent { request_id, deadline_ms, .. })) => {
                Self::Invoke { request_id, deadline_ms }
            }
            Ok(NextEvent::Shutdown(ShutdownEvent { deadline_ms, .. })) => Self::Shutdown { deadline_ms },
            Err(_) => Self::read_leniently(json),
        }
    }

    /// What this process is told must not depend on a member that it has no use for.
    fn read_leniently(json: &[u8]) -> Self {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read_leniently() {
        let invoke = Event::Invoke { request_id: "r".to_owned(), deadline_ms: 7 };
        let whole = r#"{"eventType":"INVOKE","requestId":"r","deadlineMs":7,"invokedFunctionArn":"arn","tracing":{"type":"X-Amzn-Trace-Id","value":"Root=1"}}"#;
        let cases = [
            (whole, invoke.clone()),
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
