//! What fails around the layer, and what the function notices of it: nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::Result;
use hopguard_tests::{Environment, EnvironmentBuilder, Runtime};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::bed::token_of;
use crate::language::WRAPPER;
use crate::tree::layer;

/// What a collector does with a request.
#[derive(Clone, Copy, Debug)]
enum Collector {
    /// Nobody listens.
    Dead,
    /// It takes the request, and never answers.
    Hangs,
    /// It answers this.
    Answers(&'static str),
    /// It ends the connection in the middle of its answer.
    Cuts,
}

impl Collector {
    /// Starts it; its address, and how many connections it has had.
    async fn start(self) -> Result<(String, Arc<AtomicUsize>)> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = format!("http://{}", listener.local_addr()?);
        let seen = Arc::<AtomicUsize>::default();
        let counter = Arc::clone(&seen);
        if matches!(self, Self::Dead) {
            return Ok((address, seen));
        }
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                counter.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(async move {
                    let mut request = [0; 1024];
                    if !matches!(stream.read(&mut request).await, Ok(read) if read > 0) {
                        return;
                    }
                    let answer = match self {
                        Self::Answers(head) => {
                            format!("HTTP/1.1 {head}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
                        }
                        Self::Cuts => "HTTP/1.1 200 OK\r\ncontent-le".to_owned(),
                        Self::Dead | Self::Hangs => {
                            return tokio::time::sleep(Duration::from_secs(60)).await;
                        }
                    };
                    // The layer may be gone already.
                    let _ = stream.write_all(answer.as_bytes()).await;
                });
            }
        });
        Ok((address, seen))
    }
}

pub(crate) fn guarded(probe: &Runtime) -> EnvironmentBuilder {
    let environment = Environment::builder(layer(), probe.clone()).env("AWS_LAMBDA_EXEC_WRAPPER", WRAPPER);
    // All environments of this machine share its ports.
    environment.env("HOPGUARD_OTLP_PORT", "0")
}

/// How many lines of the layer's log say that something is wrong.
fn complaints(log: &[String]) -> Vec<&String> {
    let wrong = |line: &&String| {
        line.contains("\"target\":\"hopguard\"")
            && (line.contains("\"level\":\"WARN\"") || line.contains("\"level\":\"ERROR\""))
    };
    log.iter().filter(wrong).collect()
}

/// Invocations go on whatever the collector does, and the log says it once.
pub(crate) async fn a_collector_that_fails_costs_nothing(probe: &Runtime) -> Result<()> {
    let cases = [
        Collector::Dead,
        Collector::Hangs,
        Collector::Answers("429 Too Many Requests\r\nretry-after: 60"),
        Collector::Answers("500 Internal Server Error"),
        Collector::Cuts,
    ];
    for case in cases {
        let (address, seen) = case.start().await?;
        let environment = guarded(probe).env("OTEL_EXPORTER_OTLP_ENDPOINT", address).start().await?;
        for _ in 0..4 {
            let answer = environment.invoke(&json!({})).await?;
            assert_eq!(answer.error, None, "{case:?}: {}", answer.payload);
        }
        let log = environment.shut_down().await?;
        assert!(seen.load(Ordering::Relaxed) > 0 || matches!(case, Collector::Dead), "{case:?}: {log:#?}");
        let complaints = complaints(&log);
        assert_eq!(complaints.len(), 1, "{case:?}: {log:#?}");
    }
    Ok(())
}

/// Where AWS cannot be reached a blocked record stays blocked, and everything else goes on.
pub(crate) async fn without_aws_invocations_go_on(probe: &Runtime) -> Result<()> {
    let environment = guarded(probe)
        .env("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
        .env("HOPGUARD_MAX_VISITS", "5")
        .env("HOPGUARD_QUARANTINE", "http://127.0.0.1:9/000000000000/quarantine")
        .start()
        .await?;
    let looping =
        json!({ "hopguard": token_of("arn:aws:lambda:us-east-1:000000000000:function:function", 5, 1) });
    let kind = |payload: &Value| payload["errorType"].as_str().unwrap_or_default().to_owned();
    for _ in 0..2 {
        let blocked = environment.invoke(&looping).await?;
        assert_eq!(kind(&blocked.payload), "hopguard::Blocked", "{}", blocked.payload);
        let other = environment.invoke(&json!({})).await?;
        assert_eq!(other.error, None, "{}", other.payload);
    }
    let log = environment.shut_down().await?;
    let not_tripped = log.iter().filter(|line| line.contains("function not tripped")).count();
    assert_eq!(not_tripped, 1, "{log:#?}");
    Ok(())
}
