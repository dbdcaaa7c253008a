//! The end of a trip by itself: a one-time schedule of EventBridge Scheduler that restores the reserved concurrency. A function at 0 cannot
//! do it, and a function of hopguard's that did it would be one more to run.

use std::time::SystemTime;

use aws_config::SdkConfig;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::ErrorMetadata;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use hopguard_core::FunctionId;
use serde_json::{Value, json};

use crate::request::{Body, Outcome, Request, Requests, Service};
use crate::rest_json::{endpoint, problem};
use crate::tags::{Prior, to_rfc3339};

const SCHEDULER: Service = Service { id: "Scheduler", signing_name: "scheduler", is_s3: false };
/// What the names of hopguard's schedules begin with.
const PREFIX: &str = "hopguard-";
/// The longest name of a schedule.
const NAME_CHARS: usize = 64;
/// How long Scheduler goes on where Lambda throttles it. Whoever has resumed the function by hand long since is not to be surprised.
const RETRIED_SECONDS: u32 = 3600;

/// Schedules, without the SDK's client for them: three requests, of which the layer would have a client's size.
#[derive(Debug)]
pub(crate) struct Schedules {
    config: SdkConfig,
    requests: Requests,
}

/// What restores a function's reserved concurrency, and when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Restoration<'r> {
    /// The function's, unqualified.
    pub(crate) arn: &'r str,
    pub(crate) to: Restored,
    pub(crate) at: SystemTime,
    /// The ARN of the role by which Scheduler acts.
    pub(crate) role: &'r str,
}

/// A reserved concurrency that can be restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Restored {
    Unreserved,
    Reserved(u32),
}

impl Restored {
    /// `None` where it is not known.
    pub(crate) fn of(prior: Prior) -> Option<Self> {
        match prior {
            Prior::Unreserved => Some(Self::Unreserved),
            Prior::Reserved(reserved) => Some(Self::Reserved(reserved)),
            Prior::Unknown => None,
        }
    }
}

impl Schedules {
    pub(crate) fn new(config: &SdkConfig, retries: RetryConfig, timeouts: TimeoutConfig) -> Self {
        Self { config: config.clone(), requests: Requests::new(config, SCHEDULER, retries, timeouts) }
    }

    /// CreateSchedule. A schedule of the function's that is there is a conflict.
    pub(crate) async fn create(&self, restoration: &Restoration<'_>) -> Outcome<()> {
        self.send("CreateSchedule", "POST", restoration.arn, Some(restoration.input())).await
    }

    /// UpdateSchedule, in place of the function's schedule that is there.
    pub(crate) async fn update(&self, restoration: &Restoration<'_>) -> Outcome<()> {
        self.send("UpdateSchedule", "PUT", restoration.arn, Some(restoration.input())).await
    }

    /// DeleteSchedule.
    #[cfg(feature = "operator")]
    pub(crate) async fn delete(&self, arn: &str) -> Outcome<()> {
        self.send("DeleteSchedule", "DELETE", arn, None).await
    }

    async fn send(
        &self,
        operation: &'static str,
        method: &'static str,
        arn: &str,
        input: Option<Value>,
    ) -> Outcome<()> {
        let endpoint = endpoint(&self.config, SCHEDULER).await.map_err(SdkError::construction_failure)?;
        let path = format!("/schedules/{}", name(arn));
        let json =
            |input: Value| Body { content_type: "application/json", target: None, json: input.to_string() };
        let body = input.map(json);
        self.requests.send(Request { operation, method, endpoint, path, body }, done).await
    }
}

fn done(response: &HttpResponse) -> Result<(), ErrorMetadata> {
    if response.status().is_success() { Ok(()) } else { Err(problem(response)) }
}

/// The name of a function's schedule: one for each, so that a later trip replaces it. Functions of one account and Region have
/// different names; one that is too long for a schedule is cut, and told apart by its id.
pub(crate) fn name(arn: &str) -> String {
    let function = hopguard_core::function_name(arn);
    let name = format!("{PREFIX}{function}");
    if name.chars().count() <= NAME_CHARS {
        return name;
    }
    let id = FunctionId::from_arn(arn).to_string();
    let room = NAME_CHARS - 1 - id.len();
    let start: String = name.chars().take(room).collect();
    format!("{start}-{id}")
}

/// The ARN of a function's schedule, in the default group.
#[cfg(feature = "operator")]
pub(crate) fn arn(function_arn: &str) -> String {
    crate::arn::beside(function_arn, "scheduler", &format!("schedule/default/{}", name(function_arn)))
}

impl Restoration<'_> {
    /// The request's body: Lambda's API as a universal target.
    fn input(&self) -> Value {
        let partition = self.arn.split(':').nth(1).unwrap_or("aws");
        let (call, input) = match self.to {
            Restored::Unreserved => ("deleteFunctionConcurrency", json!({ "FunctionName": self.arn })),
            Restored::Reserved(reserved) => (
                "putFunctionConcurrency",
                json!({ "FunctionName": self.arn, "ReservedConcurrentExecutions": reserved }),
            ),
        };
        json!({
            "Description": "hopguard restores the reserved concurrency of a function that it tripped",
            // Without a zone, which is said by itself.
            "ScheduleExpression": format!("at({})", to_rfc3339(self.at).trim_end_matches('Z')),
            "ScheduleExpressionTimezone": "UTC",
            "FlexibleTimeWindow": { "Mode": "OFF" },
            "ActionAfterCompletion": "DELETE",
            "Target": {
                "Arn": format!("arn:{partition}:scheduler:::aws-sdk:lambda:{call}"),
                "RoleArn": self.role,
                "Input": input.to_string(),
                "RetryPolicy": { "MaximumEventAgeInSeconds": RETRIED_SECONDS },
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::testing::ARN;

    #[test]
    fn a_schedule_restores_what_was_there() {
        let at = SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_900);
        let input = |arn, to| Restoration { arn, to, at, role: "arn:aws:iam::123456789012:role/r" }.input();
        let reserved = input(ARN, Restored::Reserved(7));
        assert_eq!(reserved["ScheduleExpression"], "at(2023-11-14T22:13:20)");
        assert_eq!(reserved["Target"]["Arn"], "arn:aws:scheduler:::aws-sdk:lambda:putFunctionConcurrency");
        let of = |input: &Value| -> Value {
            serde_json::from_str(input["Target"]["Input"].as_str().unwrap()).unwrap()
        };
        assert_eq!(of(&reserved), json!({ "FunctionName": ARN, "ReservedConcurrentExecutions": 7 }));
        let china = ARN.replacen("aws", "aws-cn", 1);
        let unreserved = input(&china, Restored::Unreserved);
        assert_eq!(
            unreserved["Target"]["Arn"],
            "arn:aws-cn:scheduler:::aws-sdk:lambda:deleteFunctionConcurrency"
        );
        assert_eq!(of(&unreserved), json!({ "FunctionName": china }));
    }

    #[test]
    fn each_function_has_a_schedule_of_its_own_with_a_name_that_scheduler_takes() {
        assert_eq!(name(ARN), "hopguard-orders");
        assert_eq!(name(&format!("{ARN}:live")), "hopguard-orders");
        let arn = |length: usize, last: &str| ARN.replace("orders", &("o".repeat(length - 1) + last));
        assert_eq!(name(&arn(55, "a")), format!("hopguard-{}a", "o".repeat(54)));
        let long = [name(&arn(56, "a")), name(&arn(56, "b")), name(&arn(64, "a"))];
        for name in &long {
            assert!(name.len() == 64 && name.starts_with("hopguard-oooo"), "{name}");
            assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)), "{name}");
        }
        assert!(long[0] != long[1] && long[0] != long[2]);
    }

    #[cfg(feature = "operator")]
    #[test]
    fn its_arn_is_of_the_function_s_account() {
        assert_eq!(arn(ARN), "arn:aws:scheduler:us-east-1:123456789012:schedule/default/hopguard-orders");
    }
}
