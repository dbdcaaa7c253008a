use std::collections::HashMap;

use super::{Operator, OperatorError};
use crate::schedule;
use crate::tags::{self, Prior, RESUMES_AT, TagError, TripTags};

const GET: &str = "lambda:GetFunctionConcurrency";
const PUT: &str = "lambda:PutFunctionConcurrency";
const DELETE: &str = "lambda:DeleteFunctionConcurrency";
const LIST_TAGS: &str = "lambda:ListTags";
const TAG: &str = "lambda:TagResource";
const UNTAG: &str = "lambda:UntagResource";
const DELETE_SCHEDULE: &str = "scheduler:DeleteSchedule";

/// The reserved concurrency of a function; `None` where none is reserved.
pub type Reserved = Option<u32>;

/// The tags of a function.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tags {
    /// What the last trip left; `None` where there is nothing of one.
    pub trip: Option<TripTags>,
    /// What is wrong with it, where somebody altered it.
    pub altered: Option<TagError>,
    /// The CloudFormation stack that the function belongs to.
    pub stack: Option<String>,
}

impl Tags {
    /// Reads the tags of a function.
    pub fn of(tags: &HashMap<String, String>) -> Self {
        let (trip, altered) = match TripTags::from_map(tags) {
            Ok(trip) => (trip, None),
            Err(error) => (None, Some(error)),
        };
        Self { trip, altered, stack: tags.get("aws:cloudformation:stack-name").cloned() }
    }
}

impl Operator {
    /// The reserved concurrency of a function.
    ///
    /// # Errors
    /// [`OperatorError`].
    pub async fn reserved(&self, arn: &str) -> Result<Reserved, OperatorError> {
        let lambda = self.clients.lambda().await;
        let call = || lambda.get_function_concurrency().function_name(arn).send();
        let answer = self.ask(GET, hopguard_core::function_name(arn), call).await?;
        // A negative number cannot come, and would not be 0.
        Ok(answer.reserved_concurrent_executions.map(|reserved| u32::try_from(reserved).unwrap_or(u32::MAX)))
    }

    /// Reserves concurrency, or removes the reservation.
    ///
    /// # Errors
    /// [`OperatorError`]; Lambda refuses what leaves fewer than 100 unreserved in the account.
    pub async fn reserve(&self, arn: &str, reserved: Reserved) -> Result<(), OperatorError> {
        let lambda = self.clients.lambda().await;
        let name = hopguard_core::function_name(arn);
        match reserved {
            Some(reserved) => {
                let reserved = i32::try_from(reserved).unwrap_or(i32::MAX);
                let call = || {
                    lambda
                        .put_function_concurrency()
                        .function_name(arn)
                        .reserved_concurrent_executions(reserved)
                        .send()
                };
                self.ask(PUT, name, call).await.map(drop)
            }
            None => {
                let call = || lambda.delete_function_concurrency().function_name(arn).send();
                self.ask(DELETE, name, call).await.map(drop)
            }
        }
    }

    /// The tags of a function.
    ///
    /// # Errors
    /// [`OperatorError`].
    pub async fn tags(&self, arn: &str) -> Result<Tags, OperatorError> {
        let lambda = self.clients.lambda().await;
        let call = || lambda.list_tags().resource(arn).send();
        let answer = self.ask(LIST_TAGS, hopguard_core::function_name(arn), call).await?;
        Ok(Tags::of(&answer.tags.unwrap_or_default()))
    }

    /// Restores the reserved concurrency of a tripped function and removes the tags of the trip. False where the loop goes on
    /// and the function was tripped again meanwhile: then it is at 0, and its tags say what to restore.
    ///
    /// # Errors
    /// [`OperatorError`]; where the tags could not be removed the function is resumed all the same.
    pub async fn resume(&self, arn: &str, restored: Reserved) -> Result<bool, OperatorError> {
        self.reserve(arn, restored).await?;
        // The tags go last: until the value is restored, they are all that tells it.
        if self.reserved(arn).await? == Some(0) {
            return Ok(false);
        }
        let before = self.tags(arn).await?.trip;
        self.untag(arn).await?;
        if self.reserved(arn).await? != Some(0) {
            return Ok(true);
        }
        // Between the two reads it tripped again, and the tags of that trip are gone with the old ones.
        if let Some(trip) = before {
            let prior = Some(restored.map_or(Prior::Unreserved, Prior::Reserved));
            self.tag(arn, TripTags { prior, resumes_at: None, ..trip }).await?;
        }
        Ok(false)
    }

    /// Deletes the schedule that would restore the function's reserved concurrency, and the tag that tells of it. False where there is
    /// no schedule: its time has come, or there was none.
    ///
    /// # Errors
    /// [`OperatorError`].
    pub async fn cancel_cooldown(&self, arn: &str) -> Result<bool, OperatorError> {
        let schedules = self.clients.schedules().await;
        let subject = format!("schedule {}", schedule::name(arn));
        let there = match self.ask(DELETE_SCHEDULE, &subject, || schedules.delete(arn)).await {
            Ok(()) => true,
            Err(error) if error.is_not_found() => false,
            Err(error) => return Err(error),
        };
        self.untag_keys(arn, &[RESUMES_AT]).await?;
        Ok(there)
    }

    /// Removes the tags of a trip.
    ///
    /// # Errors
    /// [`OperatorError`].
    pub async fn untag(&self, arn: &str) -> Result<(), OperatorError> {
        self.untag_keys(arn, &tags::ALL).await
    }

    async fn untag_keys(&self, arn: &str, keys: &[&str]) -> Result<(), OperatorError> {
        let lambda = self.clients.lambda().await;
        let keys = || Some(keys.iter().map(|key| (*key).to_owned()).collect());
        let call = || lambda.untag_resource().resource(arn).set_tag_keys(keys()).send();
        self.ask(UNTAG, hopguard_core::function_name(arn), call).await.map(drop)
    }

    async fn tag(&self, arn: &str, trip: TripTags) -> Result<(), OperatorError> {
        let lambda = self.clients.lambda().await;
        let call = || lambda.tag_resource().resource(arn).set_tags(Some(trip.to_map())).send();
        self.ask(TAG, hopguard_core::function_name(arn), call).await.map(drop)
    }
}
