//! What a function printed.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::{function::Function, http};

impl Function {
    /// The lines of its log group, oldest first: what its handlers printed on both outputs, and Lambda's `START`, `END`
    /// and `REPORT`. The lines of an invocation appear when it ends.
    ///
    /// # Errors
    /// Where the cloud is gone.
    pub async fn logs(&self) -> Result<Vec<String>> {
        let group = json!({"logGroupName": format!("/aws/lambda/{}", self.name())});
        let answer = match http::call(self.port, "logs", "Logs_20140328.FilterLogEvents", &group).await {
            // There is no log group before the first invocation has ended.
            Err(error) if format!("{error:#}").contains("ResourceNotFoundException") => return Ok(Vec::new()),
            other => other.with_context(|| format!("cannot read the log of {}", self.name()))?,
        };
        let events = answer.get("events").and_then(Value::as_array);
        let lines = events.into_iter().flatten().filter_map(|event| event.get("message")?.as_str());
        Ok(lines.map(|line| line.trim_end().to_owned()).collect())
    }
}
