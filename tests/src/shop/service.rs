//! AWS's JSON protocol, for services that the test bed has no SDK client for.

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::{cloud::Cloud, http};

/// Calls an operation, as in `DynamoDB_20120810.CreateTable`.
pub(crate) async fn call(cloud: &Cloud, service: &str, operation: &str, input: &Value) -> Result<Value> {
    http::Request::post("/", "application/x-amz-json-1.0", input.to_string())
        .header("X-Amz-Target", operation)
        .of_service(service)
        .send(cloud.port())
        .await
        .with_context(|| format!("cannot call {operation}"))
}
