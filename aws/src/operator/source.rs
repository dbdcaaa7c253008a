use aws_sdk_lambda::types::{EventSourceMappingConfiguration, FunctionResponseType};
use serde::Deserialize;

use super::{Operator, OperatorError};

const LIST: &str = "lambda:ListEventSourceMappings";
const UPDATE: &str = "lambda:UpdateEventSourceMapping";
const LIST_ALIASES: &str = "lambda:ListAliases";
const GET_POLICY: &str = "lambda:GetPolicy";
const GET_ASYNC: &str = "lambda:GetFunctionEventInvokeConfig";
/// Pages of 100 mappings.
const MAX_PAGES: usize = 10;

/// An event source mapping: a queue or a stream that Lambda reads for the function.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mapping {
    /// Its id.
    pub uuid: String,
    /// The ARN of the queue or stream.
    pub source: String,
    /// The alias or version that gets the records; `None` where it is the function itself.
    pub qualifier: Option<String>,
    /// `Enabled`, `Disabled` or what is under way.
    pub state: String,
    /// Whether a batch can fail in parts (`ReportBatchItemFailures`).
    pub reports_failures: bool,
    /// Where records of a stream go that nobody could process.
    pub on_failure: Option<String>,
}

impl Mapping {
    /// `sqs`, `kinesis`, `dynamodb`, `kafka` and so on.
    pub fn service(&self) -> &str {
        self.source.split(':').nth(2).unwrap_or_default()
    }

    /// Whether Lambda reads from it, while the function is not at 0.
    pub fn is_enabled(&self) -> bool {
        !self.state.starts_with("Disabl")
    }

    /// Whether a batch of it can fail in parts at all.
    pub fn can_report_failures(&self) -> bool {
        matches!(self.service(), "sqs" | "kinesis" | "dynamodb")
    }
}

impl From<EventSourceMappingConfiguration> for Mapping {
    fn from(mapping: EventSourceMappingConfiguration) -> Self {
        let reports_failures =
            mapping.function_response_types().contains(&FunctionResponseType::ReportBatchItemFailures);
        let function = mapping.function_arn.unwrap_or_default();
        let on_failure = mapping.destination_config.and_then(|config| config.on_failure);
        Self {
            uuid: mapping.uuid.unwrap_or_default(),
            source: mapping.event_source_arn.unwrap_or_default(),
            qualifier: function.split(':').nth(7).map(str::to_owned),
            state: mapping.state.unwrap_or_default(),
            reports_failures,
            on_failure: on_failure.and_then(|target| target.destination).filter(|target| !target.is_empty()),
        }
    }
}

/// A service that may invoke the function, as its resource policy says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Trigger {
    /// The service: `s3`, `sns`, `events`, `apigateway` and so on.
    pub service: String,
    /// The ARN of the bucket, topic or rule; `None` where any may.
    pub source: Option<String>,
}

impl Trigger {
    /// The services that a resource policy, as Lambda's GetPolicy has it, lets invoke a function.
    pub fn read(policy: &str) -> Vec<Self> {
        triggers(policy)
    }

    /// Whether it invokes asynchronously, so that an event is lost that is neither processed nor kept.
    pub fn is_asynchronous(&self) -> bool {
        matches!(
            self.service.as_str(),
            "s3" | "sns"
                | "events"
                | "scheduler"
                | "ses"
                | "iot"
                | "config"
                | "logs"
                | "codecommit"
                | "cloudformation"
        )
    }
}

impl Operator {
    /// The event source mappings of a function and of its aliases.
    ///
    /// # Errors
    /// [`OperatorError`].
    pub async fn mappings(&self, arn: &str) -> Result<Vec<Mapping>, OperatorError> {
        let lambda = self.clients.lambda().await;
        let name = hopguard_core::function_name(arn);
        let mut owners = vec![arn.to_owned()];
        let call = || lambda.list_aliases().function_name(arn).send();
        let answer = self.ask(LIST_ALIASES, name, call).await?;
        owners.extend(answer.aliases.unwrap_or_default().into_iter().filter_map(|alias| alias.alias_arn));
        let mut mappings: Vec<Mapping> = Vec::new();
        for owner in &owners {
            let mut marker = None;
            for _ in 0..MAX_PAGES {
                let call = || {
                    lambda.list_event_source_mappings().function_name(owner).set_marker(marker.clone()).send()
                };
                let page = self.ask(LIST, name, call).await?;
                for mapping in page.event_source_mappings.unwrap_or_default().into_iter().map(Mapping::from) {
                    if mappings.iter().all(|known| known.uuid != mapping.uuid) {
                        mappings.push(mapping);
                    }
                }
                marker = page.next_marker.filter(|marker| !marker.is_empty());
                if marker.is_none() {
                    break;
                }
            }
        }
        Ok(mappings)
    }

    /// Lets the batches of a mapping fail in parts.
    ///
    /// # Errors
    /// [`OperatorError`].
    pub async fn report_failures(&self, mapping: &Mapping) -> Result<(), OperatorError> {
        let lambda = self.clients.lambda().await;
        let call = || {
            lambda
                .update_event_source_mapping()
                .uuid(&mapping.uuid)
                .function_response_types(FunctionResponseType::ReportBatchItemFailures)
                .send()
        };
        self.ask(UPDATE, &mapping.source, call).await.map(drop)
    }

    /// The services that may invoke the function by its resource policy.
    ///
    /// # Errors
    /// [`OperatorError`].
    pub async fn triggers(&self, arn: &str) -> Result<Vec<Trigger>, OperatorError> {
        let lambda = self.clients.lambda().await;
        let call = || lambda.get_policy().function_name(arn).send();
        match self.ask(GET_POLICY, hopguard_core::function_name(arn), call).await {
            Ok(answer) => Ok(triggers(answer.policy.as_deref().unwrap_or_default())),
            // It has no policy.
            Err(error) if error.is_not_found() => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// Where asynchronous events go that failed: the ARN of the on-failure destination.
    ///
    /// # Errors
    /// [`OperatorError`].
    pub async fn on_failure(&self, arn: &str) -> Result<Option<String>, OperatorError> {
        let lambda = self.clients.lambda().await;
        let call = || lambda.get_function_event_invoke_config().function_name(arn).send();
        match self.ask(GET_ASYNC, hopguard_core::function_name(arn), call).await {
            Ok(config) => {
                let target = config.destination_config.and_then(|config| config.on_failure);
                Ok(target.and_then(|target| target.destination).filter(|target| !target.is_empty()))
            }
            // Nobody has configured asynchronous invocations of it.
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Reads a resource policy; what it does not know of, it leaves out.
fn triggers(policy: &str) -> Vec<Trigger> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Policy {
        statement: Vec<serde_json::Value>,
    }
    let Ok(policy) = serde_json::from_str::<Policy>(policy) else { return Vec::new() };
    let mut triggers: Vec<Trigger> = policy
        .statement
        .iter()
        .filter(|statement| statement.get("Effect").and_then(|effect| effect.as_str()) == Some("Allow"))
        .filter_map(|statement| {
            let service = statement.get("Principal")?.get("Service")?.as_str()?;
            let source = statement.get("Condition").and_then(|condition| {
                condition.as_object()?.values().find_map(|keys| {
                    let key = keys
                        .as_object()?
                        .iter()
                        .find(|(key, _)| key.eq_ignore_ascii_case("aws:SourceArn"))?;
                    key.1.as_str().map(str::to_owned)
                })
            });
            Some(Trigger { service: service.split('.').next().unwrap_or_default().to_owned(), source })
        })
        .collect();
    triggers.sort();
    triggers.dedup();
    triggers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_policy_tells_who_invokes() {
        let policy = r#"{"Version":"2012-10-17","Id":"default","Statement":[
            {"Sid":"a","Effect":"Allow","Principal":{"Service":"s3.amazonaws.com"},"Action":"lambda:InvokeFunction",
             "Condition":{"StringEquals":{"AWS:SourceAccount":"123456789012"},"ArnLike":{"AWS:SourceArn":"arn:aws:s3:::photos"}}},
            {"Sid":"b","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:root"},"Action":"lambda:InvokeFunction"},
            {"Sid":"c","Effect":"Deny","Principal":{"Service":"sns.amazonaws.com"},"Action":"lambda:InvokeFunction"},
            {"Sid":"d","Effect":"Allow","Principal":{"Service":"apigateway.amazonaws.com"},"Action":"lambda:InvokeFunction"},
            {"Sid":"e","Effect":"Allow","Principal":"*","Action":"lambda:InvokeFunctionUrl"}]}"#;
        let found = triggers(policy);
        assert_eq!(
            found,
            [
                Trigger { service: "apigateway".to_owned(), source: None },
                Trigger { service: "s3".to_owned(), source: Some("arn:aws:s3:::photos".to_owned()) },
            ]
        );
        assert_eq!(found.iter().map(Trigger::is_asynchronous).collect::<Vec<_>>(), [false, true]);
        for nothing in ["", "{}", "[]", r#"{"Statement":[1,{"Effect":"Allow"}]}"#] {
            assert_eq!(triggers(nothing), [], "{nothing}");
        }
    }
}
