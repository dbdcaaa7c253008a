//! The Telemetry API's deliveries to a subscriber.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::http::Connection;

/// One subscription. It ends when this value is gone.
#[derive(Debug)]
pub(crate) struct Telemetry {
    events: Sender<String>,
    at_once: Arc<AtomicBool>,
}

impl Telemetry {
    /// Delivers in batches of `timeoutMs`, as the subscription asks and as Lambda does.
    pub(crate) fn start(subscription: &Value) -> Result<Self> {
        let uri = subscription.pointer("/destination/URI").and_then(Value::as_str).context("no URI")?;
        let (_, port) = uri.rsplit_once(':').context("no port")?;
        let port: u16 = port.trim_end_matches('/').parse().context("no port")?;
        let timeout = subscription.pointer("/buffering/timeoutMs").and_then(Value::as_u64).unwrap_or(1_000);
        let (events, waiting) = mpsc::channel();
        let at_once = Arc::<AtomicBool>::default();
        let no_wait = Arc::clone(&at_once);
        let (address, timeout) = (SocketAddr::from(([127, 0, 0, 1], port)), Duration::from_millis(timeout));
        thread::spawn(move || deliver(&waiting, address, timeout, &no_wait));
        Ok(Self { events, at_once })
    }

    pub(crate) fn at_once(&self) {
        self.at_once.store(true, Ordering::Relaxed);
    }

    pub(crate) fn tell(&self, kind: &str, record: &str) {
        let event = format!(r#"{{"time":"2026-11-24T09:00:00.000Z","type":"{kind}","record":{record}}}"#);
        let _ = self.events.send(event);
    }
}

fn deliver(events: &Receiver<String>, address: SocketAddr, timeout: Duration, at_once: &AtomicBool) {
    let Ok(mut connection) = Connection::to(address) else { return };
    while let Ok(first) = events.recv() {
        let mut batch = vec![first];
        let wait = if at_once.load(Ordering::Relaxed) { Duration::ZERO } else { timeout };
        let until = Instant::now() + wait;
        while batch.len() < 1_000 && !wait.is_zero() {
            match events.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(event) => batch.push(event),
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
        let body = format!("[{}]", batch.join(","));
        let head = "POST / HTTP/1.1\r\nHost: sandbox.localdomain\r\nContent-Type: application/json\r\n";
        if connection.ask(head, body.as_bytes()).is_err() {
            return;
        }
    }
}
