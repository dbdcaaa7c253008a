//! A shop in two designs for each thing that it does: one that waits, and a better one beside it. Python functions under the layer;
//! none of them mentions hopguard.

mod design;
mod workflow;

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Result;

use crate::{
    cloud::Cloud, eventually::eventually, faults::Faults, function::Builder, layer::Layer, runtime::Runtime,
};

pub use design::{Design, Pair};

/// What every function of the shop is given. A gigabyte makes figures that are easy to check by hand.
const MEMORY_MB: i32 = 1_024;
/// What an invocation and its export may take on a busy machine.
const SOON: Duration = Duration::from_secs(60);
/// The wrapper of the layer.
const WRAPPER: &str = "/opt/hopguard/wrap";

/// The shop on a cloud, from [`Shop::open`].
#[derive(Debug)]
pub struct Shop<'c> {
    cloud: &'c Cloud,
    /// Object store and table answer through it, as slowly as they are told to.
    services: Faults,
    layer: Layer,
    code: PathBuf,
    spans: PathBuf,
    pace: f64,
}

impl<'c> Shop<'c> {
    /// How long the object store takes for a write.
    pub const OBJECT_WRITE_MS: u64 = 120;
    /// How long the table takes for one.
    pub const ROW_WRITE_MS: u64 = 80;

    /// Opens it: functions from the folder `code` (this repository's `tests/functions/shop`) under a layer, whose spans are
    /// written to the folder `spans`, a file for each function.
    ///
    /// # Errors
    /// Where the services behind the functions do not start.
    pub async fn open(cloud: &'c Cloud, layer: Layer, code: &Path, spans: &Path) -> Result<Self> {
        fs::create_dir_all(spans)?;
        let services = cloud.faults().await?;
        let slow = |service: &str, operation: &str, latency: u64| serde_json::json!({ "service": service, "operation": operation, "latency": latency });
        services
            .rules(vec![
                slow("s3", "PutObject", Self::OBJECT_WRITE_MS),
                slow("dynamodb", "PutItem", Self::ROW_WRITE_MS),
            ])
            .await?;
        Ok(Self { cloud, services, layer, code: code.to_owned(), spans: spans.to_owned(), pace: 1.0 })
    }

    /// Has the functions of [`Design::Synchronous`] work so many times as slowly.
    #[must_use]
    pub fn pace(mut self, pace: f64) -> Self {
        self.pace = pace;
        self
    }

    /// Waits until the spans of so many invocations of each function are in its file.
    async fn written(&self, functions: &[&str], invocations: u64) -> Result<()> {
        for name in functions {
            eventually(&format!("{invocations} spans of {name}"), SOON, async || {
                let text = fs::read_to_string(self.file(name)).unwrap_or_default();
                let found = text.matches("\"faas.trigger\"").count() as u64;
                Ok((found >= invocations).then_some(()))
            })
            .await?;
        }
        Ok(())
    }

    /// Waits for these spans, and forgets them.
    async fn forget(&self, functions: &[&str], invocations: u64) -> Result<()> {
        self.written(functions, invocations).await?;
        for name in functions {
            fs::File::options().write(true).truncate(true).open(self.file(name))?;
        }
        Ok(())
    }

    fn file(&self, function: &str) -> PathBuf {
        self.spans.join(function).with_extension("jsonl")
    }

    /// A function from a file below `code`.
    fn function(&self, name: &str, file: &str) -> Builder<'c> {
        self.function_of(name, self.code.join(file))
    }

    fn function_of(&self, name: &str, source: PathBuf) -> Builder<'c> {
        let spans = self.file(name);
        self.cloud
            .function(name)
            .layered(self.layer.clone(), Runtime::Python { source })
            .memory_mb(MEMORY_MB)
            .env("AWS_LAMBDA_EXEC_WRAPPER", WRAPPER)
            .env("HOPGUARD_OTLP_PORT", "0")
            .env("HOPGUARD_OTLP_FILE", spans.to_string_lossy())
            .env("HOPGUARD_FLUSH_INTERVAL", "0ms")
            .env("PACE", self.pace.to_string())
    }

    /// Lets a function reach the object store and the table through their delays.
    fn slowly(&self, function: Builder<'c>) -> Builder<'c> {
        function
            .env("AWS_ENDPOINT_URL_S3", self.services.endpoint())
            .env("AWS_ENDPOINT_URL_DYNAMODB", self.services.endpoint())
    }
}
