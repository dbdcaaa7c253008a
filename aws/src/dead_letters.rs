use aws_config::SdkConfig;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::ErrorMetadata;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use serde::Deserialize;

use crate::request::{Outcome, Request, Requests, Service, encode};
use crate::rest_json::{endpoint, problem};

/// GetFunctionConfiguration for the dead-letter queue or topic alone. What the SDK reads of its answer, all that a function
/// can be configured with, would be 0.1 MiB of the layer.
#[derive(Debug)]
pub(crate) struct DeadLetters {
    config: SdkConfig,
    requests: Requests,
}

const LAMBDA: Service = Service { id: "Lambda", signing_name: "lambda", is_s3: false };

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Configuration {
    dead_letter_config: Option<DeadLetterConfig>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DeadLetterConfig {
    target_arn: Option<String>,
}

impl DeadLetters {
    pub(crate) fn new(config: &SdkConfig, retries: RetryConfig, timeouts: TimeoutConfig) -> Self {
        Self { config: config.clone(), requests: Requests::new(config, LAMBDA, retries, timeouts) }
    }

    /// The ARN of the target, or none. `qualifier` is a version or an alias.
    pub(crate) async fn target(
        &self,
        function_arn: &str,
        qualifier: Option<&str>,
    ) -> Outcome<Option<String>> {
        let endpoint = endpoint(&self.config, LAMBDA).await.map_err(SdkError::construction_failure)?;
        let function = encode(function_arn);
        let query =
            qualifier.map(|qualifier| format!("?Qualifier={}", encode(qualifier))).unwrap_or_default();
        let path = format!("/2015-03-31/functions/{function}/configuration{query}");
        let operation = "GetFunctionConfiguration";
        let request = Request { operation, method: "GET", endpoint, path, body: None };
        self.requests.send(request, target).await
    }
}

fn target(response: &HttpResponse) -> Result<Option<String>, ErrorMetadata> {
    if !response.status().is_success() {
        return Err(problem(response));
    }
    let body = response.body().bytes().unwrap_or_default();
    let unreadable = |error: serde_json::Error| ErrorMetadata::builder().message(error.to_string()).build();
    let configuration: Configuration = serde_json::from_slice(body).map_err(unreadable)?;
    let target = configuration.dead_letter_config.and_then(|config| config.target_arn);
    Ok(target.filter(|target| !target.is_empty()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use aws_config::{BehaviorVersion, Region};
    use aws_sdk_lambda::config::{Credentials, SharedCredentialsProvider};
    use tokio::time::Instant;

    use super::*;
    use crate::clients::Clients;
    use crate::failure::within;
    use crate::testing::ARN;
    use crate::wire::{Anonymous, Fixed, Headers, Wire};

    fn config(region: &'static str, wire: &Wire) -> aws_types::sdk_config::Builder {
        let credentials = Credentials::new("AKID", "a/secret", Some("token==".into()), None, "test");
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new(region))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .time_source(Fixed)
            .http_client(wire.client.clone())
    }

    /// By the SDK's client and by this one.
    async fn both(
        config: SdkConfig,
        qualifier: Option<&str>,
    ) -> [Result<Option<String>, crate::failure::Failure>; 2] {
        let deadline = Instant::now() + Duration::from_secs(5);
        let sdk = aws_sdk_lambda::config::Builder::from(&config).retry_config(RetryConfig::disabled());
        let sdk = aws_sdk_lambda::Client::from_conf(sdk.build());
        let sdk =
            sdk.get_function_configuration().function_name(ARN).set_qualifier(qualifier.map(str::to_owned));
        let by_sdk = within(deadline, sdk.customize().interceptor(Anonymous).send()).await;
        let by_sdk = by_sdk.map(|found| found.dead_letter_config.and_then(|config| config.target_arn));
        let clients = Clients::from_config(config);
        let by_own = within(deadline, async { clients.dead_letters().await.target(ARN, qualifier).await });
        [by_sdk, by_own.await]
    }

    #[tokio::test]
    async fn what_is_sent_is_what_the_sdk_sends() {
        let regions =
            ["us-east-1", "eu-central-1", "us-gov-west-1", "cn-north-1", "eusc-de-east-1", "us-iso-east-1"];
        let endpoints =
            [None, Some("http://127.0.0.1:9"), Some("https://vpce-1.lambda.us-east-1.vpce.amazonaws.com/")];
        let mut compared = 0;
        for region in regions {
            for (fips, dual_stack) in [(false, false), (true, false), (false, true), (true, true)] {
                for endpoint in endpoints {
                    for qualifier in [None, Some("live"), Some("$LATEST")] {
                        let wire = Wire::answered(200, &[], "{}");
                        let mut config = config(region, &wire).use_fips(fips).use_dual_stack(dual_stack);
                        config.set_endpoint_url(endpoint.map(str::to_owned));
                        both(config.build(), qualifier).await[1].clone().ok();
                        let sent = wire.sent();
                        if endpoint.is_some() && (fips || dual_stack) {
                            assert!(sent.is_empty(), "refused by both");
                            continue;
                        }
                        let [by_sdk, by_own] = &sent[..] else { panic!("{sent:?}") };
                        assert_eq!(by_own, by_sdk, "{region} {fips} {dual_stack} {endpoint:?}");
                        compared += 1;
                    }
                }
            }
        }
        assert_eq!(compared, 6 * (4 + 2) * 3);
    }

    #[tokio::test]
    async fn what_is_answered_is_read_as_the_sdk_reads_it() {
        const CODE: Headers =
            &[("x-amzn-errortype", b"com.amazonaws.lambda#TooManyRequestsException:http://internal/")];
        let cases: [(u16, Headers, &str); 10] = [
            (
                200,
                &[],
                r#"{"FunctionName":"orders","DeadLetterConfig":{"TargetArn":"arn:aws:sqs:us-east-1:1:dlq"}}"#,
            ),
            (200, &[], r#"{"DeadLetterConfig":{}}"#),
            (200, &[], r#"{"DeadLetterConfig":null,"Environment":{"Variables":{"A":"1"}}}"#),
            (200, &[], "{}"),
            (
                404,
                &[("x-amzn-errortype", b"ResourceNotFoundException")],
                r#"{"Type":"User","Message":"Function not found"}"#,
            ),
            (
                403,
                &[("x-amzn-errortype", b"AccessDeniedException")],
                r#"{"Message":"User is not authorized"}"#,
            ),
            (429, CODE, r#"{"message":"Rate exceeded","Reason":"CallerRateLimitExceeded"}"#),
            (400, &[], r#"{"__type":"a.b#InvalidParameterValueException","message":"no"}"#),
            (500, &[], ""),
            (503, &[], r#"{"message":null}"#),
        ];
        for (status, headers, body) in cases {
            let wire = Wire::answered(status, headers, body);
            let [by_sdk, by_own] = both(config("us-east-1", &wire).build(), None).await;
            assert_eq!(by_own, by_sdk, "{status} {body}");
            assert_eq!(wire.sent().len(), 2, "{status}: neither is repeated");
        }
    }

    #[tokio::test]
    async fn what_is_no_answer_is_a_failure() {
        for body in ["", "<html>", "[]", r#"{"DeadLetterConfig":{"TargetArn":7}}"#] {
            let wire = Wire::answered(200, &[], body);
            let [_, by_own] = both(config("us-east-1", &wire).build(), None).await;
            assert!(by_own.is_err(), "{body}");
        }
    }
}
