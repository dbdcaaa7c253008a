//! The chain ledger: a DynamoDB table that counts the invocations of each chain, over all functions and execution environments.

use std::num::ParseIntError;
use std::time::{Duration, SystemTime};

use aws_config::SdkConfig;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::ErrorMetadata;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use futures_util::{StreamExt as _, stream};
use hopguard_core::Counter;
use hopguard_core::admission::{Counting, Spent, ToCount};
use serde::Deserialize;
use serde_json::json;
use tokio::time::Instant;
use tracing::warn;

use crate::edge::Edge;
use crate::failure::{Kind, within};
use crate::request::{Body, Outcome, Request, Requests, Service};
use crate::rest_json::{endpoint, problem};

const DYNAMODB: Service = Service { id: "DynamoDB", signing_name: "dynamodb", is_s3: false };
pub(crate) const UPDATE_ITEM: &str = "dynamodb:UpdateItem";
/// How long an item stays after the last invocation of its chain: longer than any queue keeps a message.
const KEPT: Duration = Duration::from_secs(15 * 24 * 3600);
/// So many chains of one invocation are counted at once.
const AT_ONCE: usize = 16;

/// UpdateItem, without the SDK's client for DynamoDB: one request, for which the layer would have a whole client.
#[derive(Debug)]
pub(crate) struct Ledger {
    config: SdkConfig,
    requests: Requests,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Updated {
    attributes: Attributes,
}

#[derive(Debug, Deserialize)]
struct Attributes {
    invocations: Number,
}

#[derive(Debug, Deserialize)]
struct Number {
    #[serde(rename = "N")]
    value: String,
}

impl Ledger {
    pub(crate) fn new(config: &SdkConfig, retries: RetryConfig, timeouts: TimeoutConfig) -> Self {
        Self { config: config.clone(), requests: Requests::new(config, DYNAMODB, retries, timeouts) }
    }

    /// Counts an invocation of a chain, unless it was counted before; how many there were.
    async fn count(&self, table: &str, one: ToCount, now: SystemTime) -> Outcome<u64> {
        let endpoint = endpoint(&self.config, DYNAMODB).await.map_err(SdkError::construction_failure)?;
        let request = Request {
            operation: "UpdateItem",
            method: "POST",
            endpoint: of_gov_cloud(endpoint),
            path: "/".to_owned(),
            body: Some(Body {
                content_type: "application/x-amz-json-1.0",
                target: Some("DynamoDB_20120810.UpdateItem"),
                json: update(table, one, now),
            }),
        };
        self.requests.send(request, counted).await
    }
}

/// In GovCloud, DynamoDB's usual endpoint is the one of FIPS.
fn of_gov_cloud(endpoint: String) -> String {
    match endpoint.strip_prefix("https://dynamodb-fips.us-gov-") {
        Some(rest) if rest.ends_with(".amazonaws.com") => format!("https://dynamodb.us-gov-{rest}"),
        _ => endpoint,
    }
}

fn update(table: &str, one: ToCount, now: SystemTime) -> String {
    let since = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let (more, expires) = (u8::from(!one.again), (since + KEPT).as_secs());
    json!({
        "TableName": table,
        "Key": { "chain": { "S": one.chain.to_string() } },
        "UpdateExpression": "SET expires = :expires ADD invocations :more",
        "ExpressionAttributeValues": {
            ":more": { "N": more.to_string() },
            ":expires": { "N": expires.to_string() },
        },
        "ReturnValues": "UPDATED_NEW",
    })
    .to_string()
}

fn counted(response: &HttpResponse) -> Result<u64, ErrorMetadata> {
    if !response.status().is_success() {
        return Err(problem(response));
    }
    let unreadable = |error: String| ErrorMetadata::builder().message(error).build();
    let body = response.body().bytes().unwrap_or_default();
    let updated: Updated = serde_json::from_slice(body).map_err(|error| unreadable(error.to_string()))?;
    let counted = updated.attributes.invocations.value.parse();
    counted.map_err(|error: ParseIntError| unreadable(error.to_string()))
}

impl Edge {
    /// Whether chains have a budget, and so each invocation that carries lineage has to be counted before it is judged.
    pub const fn has_ledger(&self) -> bool {
        self.settings.ledger.is_some()
    }

    /// Counts an invocation in its chains. What could not be counted in time is let in: nobody's work waits for a ledger that is
    /// not there.
    pub async fn spend(&self, counting: &Counting, timeout: Duration) -> Spent {
        let Some(table) = self.settings.ledger.as_deref() else { return Spent::default() };
        let (deadline, now) = (Instant::now() + timeout, SystemTime::now());
        let count = |one: ToCount| async move {
            let answer = async { self.clients.ledger().await.count(table, one, now).await };
            (one.chain, within(deadline, answer).await)
        };
        let counts = stream::iter(counting.chains().iter().copied()).map(count).buffer_unordered(AT_ONCE);
        let answers: Vec<_> = counts.collect().await;
        let mut uncounted = counting.left_out() as u64;
        let mut spent = Vec::with_capacity(answers.len());
        for (chain, answer) in answers {
            match answer {
                Ok(counted) => spent.push((chain, counted)),
                Err(failure) => {
                    uncounted += 1;
                    if self.logs("ledger") {
                        let missing = (failure.kind == Kind::Denied).then_some(UPDATE_ITEM);
                        let detail = failure.detail;
                        warn!(target: "hopguard", table, %chain, missing, detail, "chain not counted: its records are let in");
                    }
                }
            }
        }
        self.add(Counter::Uncounted, uncounted);
        spent.into_iter().collect()
    }
}

#[cfg(test)]
mod tests;
