//! A proxy in front of the cloud that answers some calls with AWS's errors.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use serde_json::Value;
use tokio::task::spawn_blocking;

use crate::{
    cloud::healthy,
    http,
    supervised::{Launch, Supervised},
    toolbox::{Progress, Tool, Toolbox},
};

/// A running microburst, from [`Cloud::faults`](crate::Cloud::faults). Without rules, it passes everything on.
///
/// A function calls through it where its environment says so for a service: `AWS_ENDPOINT_URL_LAMBDA` with
/// [`Faults::endpoint`] as value.
#[derive(Debug)]
pub struct Faults {
    proxy: Supervised,
}

/// A fault that the proxy answered with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fired {
    /// The service, for example `lambda`.
    pub service: String,
    /// The call, for example `PutFunctionConcurrency`.
    pub operation: String,
    /// What was done, for example `error:TooManyRequestsException`.
    pub action: String,
}

impl Faults {
    pub(crate) async fn start(toolbox: &Toolbox, progress: &Progress, upstream: &str) -> Result<Self> {
        let (tools, hear) = (toolbox.clone(), Arc::clone(progress));
        spawn_blocking(move || tools.install(Tool::Microburst, &hear)).await.context("interrupted")??;
        let mut launch = Launch::new(toolbox, "faults")?;
        launch.tool(toolbox, Tool::Microburst);
        let port = launch.port.to_string();
        for argument in ["--host", "127.0.0.1", "--port", &port, "--upstream", upstream] {
            launch.argument(argument);
        }
        let mut proxy = launch.start(toolbox)?;
        healthy(&mut proxy, "/_microburst/health").await?;
        let faults = Self { proxy };
        faults.warm().await?;
        Ok(faults)
    }

    /// Where calls that may fail are to go.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.proxy.port())
    }

    /// Replaces the rules by one, for example
    /// `{"service":"lambda","operation":"PutFunctionConcurrency","error":{"code":"AccessDeniedException","status":403}}`.
    ///
    /// # Errors
    /// Where the proxy does not understand it.
    pub async fn rule(&self, rule: Value) -> Result<()> {
        self.rules(vec![rule]).await
    }

    /// Replaces the rules; the first that matches a call counts.
    ///
    /// # Errors
    /// Where the proxy does not understand one.
    pub async fn rules(&self, rules: Vec<Value>) -> Result<()> {
        self.ask(http::Request::json("/_microburst/rules", &Value::Array(rules))).await?;
        Ok(())
    }

    /// Removes all rules.
    ///
    /// # Errors
    /// Where the proxy is gone.
    pub async fn clear(&self) -> Result<()> {
        self.rules(Vec::new()).await
    }

    /// The faults so far, oldest first.
    ///
    /// # Errors
    /// Where the proxy is gone.
    pub async fn fired(&self) -> Result<Vec<Fired>> {
        let answer = self.ask(http::Request::get("/_microburst/fired")).await?;
        let text =
            |fault: &Value, key: &str| fault.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        Ok(answer
            .as_array()
            .into_iter()
            .flatten()
            .map(|fault| Fired {
                service: text(fault, "service"),
                operation: text(fault, "operation"),
                action: text(fault, "action"),
            })
            .collect())
    }

    /// The first call of a service through the proxy loads AWS's description of it, which takes seconds: not in a test's
    /// own time.
    async fn warm(&self) -> Result<()> {
        let request = http::Request::get("/2015-03-31/functions/").of_service("lambda");
        self.ask(request).await.map(drop)
    }

    async fn ask(&self, request: http::Request<'_>) -> Result<Value> {
        request
            .send(self.proxy.port())
            .await
            .with_context(|| format!("the fault proxy; its log ends with:\n{}", self.proxy.tail()))
    }
}
