//! What services of AWS's JSON protocols have in common: where they are, and how they name errors.

use aws_config::SdkConfig;
use aws_sdk_lambda::config::endpoint::{DefaultResolver, Params, ResolveEndpoint as _};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::error::ErrorMetadata;
use serde::Deserialize;

use crate::request::{Service, own_endpoint};

#[derive(Debug, Default, Deserialize)]
struct Problem {
    #[serde(rename = "__type")]
    code: Option<String>,
    #[serde(alias = "Message")]
    message: Option<String>,
}

/// Where a service is that has one endpoint in each Region, named as the service signs. By the rules of Lambda's client, which other
/// requests have linked already: they are the same for all such services but for the name.
pub(crate) async fn endpoint(config: &SdkConfig, service: Service) -> Result<String, BoxError> {
    let own = own_endpoint(config, service.id);
    let is_own = own.is_some();
    let params = Params::builder()
        .set_region(config.region().map(ToString::to_string))
        .set_use_fips(config.use_fips())
        .set_use_dual_stack(config.use_dual_stack())
        .set_endpoint(own)
        .build()?;
    let endpoint = DefaultResolver::new().resolve_endpoint(&params).await?;
    Ok(match endpoint.url().strip_prefix("https://lambda") {
        Some(rest) if !is_own => format!("https://{}{rest}", service.signing_name),
        _ => endpoint.url().to_owned(),
    })
}

/// Errors are named in a header, what stands before the service in the body; both may have more around the name.
pub(crate) fn problem(response: &HttpResponse) -> ErrorMetadata {
    let body = response.body().bytes().unwrap_or_default();
    let Problem { code, message } = serde_json::from_slice(body).unwrap_or_default();
    let code = response.headers().get("x-amzn-errortype").or(code.as_deref());
    let name = |code: &str| {
        let code = code.split(':').next().unwrap_or_default();
        code.rsplit('#').next().unwrap_or_default().to_owned()
    };
    let mut error = ErrorMetadata::builder();
    if let Some(code) = code.map(name) {
        error = error.code(code);
    }
    if let Some(message) = message {
        error = error.message(message);
    }
    error.build()
}

#[cfg(test)]
mod tests {
    use aws_config::Region;

    use super::*;

    const SCHEDULER: Service = Service { id: "Scheduler", signing_name: "scheduler", is_s3: false };

    /// As AWS's own rules for Scheduler's endpoints have it (botocore 1.43.106); each Region that it knows was compared once.
    #[tokio::test]
    async fn a_service_is_where_its_rules_say() {
        let cases = [
            ("us-east-1", false, false, "https://scheduler.us-east-1.amazonaws.com"),
            ("us-east-1", true, false, "https://scheduler-fips.us-east-1.amazonaws.com"),
            ("us-east-1", false, true, "https://scheduler.us-east-1.api.aws"),
            ("us-gov-west-1", true, true, "https://scheduler-fips.us-gov-west-1.api.aws"),
            ("cn-north-1", false, false, "https://scheduler.cn-north-1.amazonaws.com.cn"),
            ("cn-north-1", false, true, "https://scheduler.cn-north-1.api.amazonwebservices.com.cn"),
            ("eusc-de-east-1", false, false, "https://scheduler.eusc-de-east-1.amazonaws.eu"),
            ("us-iso-east-1", false, false, "https://scheduler.us-iso-east-1.c2s.ic.gov"),
        ];
        for (region, fips, dual_stack, expected) in cases {
            let config =
                SdkConfig::builder().region(Region::new(region)).use_fips(fips).use_dual_stack(dual_stack);
            assert_eq!(endpoint(&config.build(), SCHEDULER).await.unwrap(), expected);
        }
    }

    #[tokio::test]
    async fn an_endpoint_of_ones_own_stays_as_it_is() {
        for own in ["http://127.0.0.1:9", "https://lambda.example"] {
            let config = SdkConfig::builder().region(Region::new("us-east-1")).endpoint_url(own).build();
            let url = endpoint(&config, SCHEDULER).await.unwrap();
            assert_eq!(url.trim_end_matches('/'), own);
        }
    }
}
