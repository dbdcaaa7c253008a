//! A checkout as a state machine: the steps are the same, and nobody pays for waiting between them.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use crate::{cloud::Cloud, eventually::eventually, http::call};

/// What an execution of five steps may take on a busy machine.
const EXECUTION_WAIT: Duration = Duration::from_secs(60);

/// A state machine on the cloud.
#[derive(Debug)]
pub(crate) struct Workflow(String);

impl Workflow {
    /// The checkout: the choices that the function `checkout` makes are the machine's own.
    pub(crate) async fn create(cloud: &Cloud) -> Result<Self> {
        let task = |step: &str, next: Option<&str>| {
            let arn = format!("arn:aws:lambda:{}:{}:function:{step}", Cloud::REGION, Cloud::ACCOUNT);
            match next {
                Some(next) => {
                    json!({ "Type": "Task", "Resource": arn, "ResultPath": "$.last", "Next": next })
                }
                None => json!({ "Type": "Task", "Resource": arn, "ResultPath": "$.last", "End": true }),
            }
        };
        let definition = json!({ "StartAt": "reserve-stock", "States": {
            "reserve-stock": task("reserve-stock", Some("large")),
            "large": { "Type": "Choice", "Default": "charge-card",
                "Choices": [{ "Variable": "$.amount", "NumericGreaterThan": 1000, "Next": "check-fraud" }] },
            "check-fraud": task("check-fraud", Some("charge-card")),
            "charge-card": task("charge-card", Some("express")),
            "express": { "Type": "Choice", "Default": "book-parcel",
                "Choices": [{ "Variable": "$.express", "BooleanEquals": true, "Next": "book-courier" }] },
            "book-courier": task("book-courier", Some("send-receipt")),
            "book-parcel": task("book-parcel", Some("send-receipt")),
            "send-receipt": task("send-receipt", None),
        }});
        let input = json!({ "name": "checkout", "definition": definition.to_string(),
            "roleArn": format!("arn:aws:iam::{}:role/testbed", Cloud::ACCOUNT) });
        let created = call(cloud.port(), "states", "AWSStepFunctions.CreateStateMachine", &input).await?;
        let arn = created.get("stateMachineArn").and_then(Value::as_str);
        Ok(Self(arn.with_context(|| format!("no state machine: {created}"))?.to_owned()))
    }

    /// Runs it to its end.
    pub(crate) async fn run(&self, cloud: &Cloud, order: &Value) -> Result<()> {
        let input = json!({ "stateMachineArn": self.0, "input": order.to_string() });
        let started = call(cloud.port(), "states", "AWSStepFunctions.StartExecution", &input).await?;
        let execution = json!({ "executionArn": started.get("executionArn") });
        eventually("the state machine to end", EXECUTION_WAIT, async || {
            let now = call(cloud.port(), "states", "AWSStepFunctions.DescribeExecution", &execution).await?;
            match now.get("status").and_then(Value::as_str) {
                Some("RUNNING") => Ok(None),
                Some("SUCCEEDED") => Ok(Some(())),
                _ => bail!("the execution failed: {now}"),
            }
        })
        .await
    }
}
