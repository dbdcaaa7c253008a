//! A function that invokes `FUNCTION`, itself for example, with the event that it got.
//!
//! An asynchronous invocation carries its lineage as the field `hopguard` of the payload, a synchronous one in the client
//! context. Nothing is read record by record here: what is sent derives from the whole invocation.

use aws_config::BehaviorVersion;
use aws_sdk_lambda::types::InvocationType;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use hopguard::Guard;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;

#[tokio::main]
async fn main() -> Result<(), Error> {
    tracing_subscriber::fmt()
        .json()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .init();
    let guard = Guard::from_env();
    let config = aws_config::defaults(BehaviorVersion::latest()).http_client(https()).load().await;
    let config = aws_sdk_lambda::config::Builder::from(&config).interceptor(guard.propagator()).build();
    let lambda = aws_sdk_lambda::Client::from_conf(config);
    let function = std::env::var("FUNCTION")?;

    let handler = service_fn(|event| handle(&lambda, &function, event));
    guard.run(handler).await
}

/// HTTPS on ring. With the feature `default-https-client` of aws-config, which takes longer to build, none of this is needed.
fn https() -> SharedHttpClient {
    aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https()
}

async fn handle(
    lambda: &aws_sdk_lambda::Client,
    function: &str,
    event: LambdaEvent<Value>,
) -> Result<(), Error> {
    let payload = serde_json::to_vec(&event.payload)?;
    let invoke = lambda.invoke().function_name(function).invocation_type(InvocationType::Event);
    invoke.payload(payload.into()).send().await?;
    Ok(())
}
