//! Streams on the cloud: of Kinesis, and of a DynamoDB table.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::{cloud::Cloud, http::call};

/// A Kinesis stream with one shard.
#[derive(Debug, Clone)]
pub struct Stream {
    port: u16,
    name: String,
    arn: String,
}

/// The table of a chain ledger, as `deploy/` describes it.
#[derive(Debug, Clone)]
pub struct Ledger {
    port: u16,
    name: String,
}

/// A DynamoDB table with the key `id`, and with a stream of both images.
#[derive(Debug, Clone)]
pub struct Table {
    port: u16,
    name: String,
    stream: String,
}

impl Stream {
    pub(crate) async fn create(cloud: &Cloud, name: &str) -> Result<Self> {
        let port = cloud.port();
        kinesis(port, "CreateStream", &json!({ "StreamName": name, "ShardCount": 1 })).await?;
        let arn = format!("arn:aws:kinesis:{}:{}:stream/{name}", Cloud::REGION, Cloud::ACCOUNT);
        Ok(Self { port, name: name.to_owned(), arn })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its ARN.
    #[must_use]
    pub fn arn(&self) -> &str {
        &self.arn
    }

    /// Puts a record with this data.
    ///
    /// # Errors
    /// What Kinesis answers.
    pub async fn put(&self, data: &Value) -> Result<()> {
        let data = STANDARD.encode(data.to_string());
        let record = json!({ "StreamName": self.name, "PartitionKey": "p", "Data": data });
        kinesis(self.port, "PutRecord", &record).await.map(drop)
    }
}

impl Ledger {
    pub(crate) async fn create(cloud: &Cloud, name: &str) -> Result<Self> {
        let table = json!({
            "TableName": name,
            "KeySchema": [{ "AttributeName": "chain", "KeyType": "HASH" }],
            "AttributeDefinitions": [{ "AttributeName": "chain", "AttributeType": "S" }],
            "BillingMode": "PAY_PER_REQUEST",
        });
        dynamodb(cloud.port(), "CreateTable", &table).await?;
        Ok(Self::at(cloud, name))
    }

    pub(crate) fn at(cloud: &Cloud, name: &str) -> Self {
        Self { port: cloud.port(), name: name.to_owned() }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it has counted, by chain.
    ///
    /// # Errors
    /// What DynamoDB answers.
    pub async fn counts(&self) -> Result<BTreeMap<String, u64>> {
        let answer = dynamodb(self.port, "Scan", &json!({ "TableName": self.name })).await?;
        let mut counts = BTreeMap::new();
        for item in answer.get("Items").and_then(Value::as_array).into_iter().flatten() {
            let text = |pointer| item.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
            let expires: u64 = text("/expires/N").parse().context("no time to live")?;
            anyhow::ensure!(expires > 1_700_000_000, "{item}");
            counts.insert(text("/chain/S").to_owned(), text("/invocations/N").parse()?);
        }
        Ok(counts)
    }
}

impl Table {
    pub(crate) async fn create(cloud: &Cloud, name: &str) -> Result<Self> {
        let table = json!({
            "TableName": name,
            "KeySchema": [{ "AttributeName": "id", "KeyType": "HASH" }],
            "AttributeDefinitions": [{ "AttributeName": "id", "AttributeType": "S" }],
            "BillingMode": "PAY_PER_REQUEST",
            "StreamSpecification": { "StreamEnabled": true, "StreamViewType": "NEW_AND_OLD_IMAGES" },
        });
        let created = dynamodb(cloud.port(), "CreateTable", &table).await?;
        let stream = created.pointer("/TableDescription/LatestStreamArn").and_then(Value::as_str);
        let stream = stream.with_context(|| format!("table {name} has no stream"))?.to_owned();
        Ok(Self { port: cloud.port(), name: name.to_owned(), stream })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The ARN of its stream.
    #[must_use]
    pub fn stream_arn(&self) -> &str {
        &self.stream
    }

    /// Puts an item with this `id` and `text`.
    ///
    /// # Errors
    /// What DynamoDB answers.
    pub async fn put(&self, id: &str, text: &str) -> Result<()> {
        let item = json!({ "TableName": self.name, "Item": { "id": { "S": id }, "text": { "S": text } } });
        dynamodb(self.port, "PutItem", &item).await.map(drop)
    }
}

async fn kinesis(port: u16, operation: &str, input: &Value) -> Result<Value> {
    call(port, "kinesis", &format!("Kinesis_20131202.{operation}"), input).await
}

async fn dynamodb(port: u16, operation: &str, input: &Value) -> Result<Value> {
    call(port, "dynamodb", &format!("DynamoDB_20120810.{operation}"), input).await
}
