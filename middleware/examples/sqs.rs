//! A function that feeds itself through SQS: for each message it sends one to `NEXT_QUEUE_URL`.
//!
//! Put that queue in front of the same function, or two such functions in front of each other, and there is the loop that
//! hopguard stops. `cargo xtask demo` does just that with this file.

use aws_config::BehaviorVersion;
use aws_lambda_events::event::sqs::{SqsEvent, SqsMessage};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use hopguard::{BatchAnswer, Guard};
use lambda_runtime::{Error, LambdaEvent, service_fn};

#[tokio::main]
async fn main() -> Result<(), Error> {
    tracing_subscriber::fmt()
        .json()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .init();
    let guard = Guard::from_env();
    let config = aws_config::defaults(BehaviorVersion::latest()).http_client(https()).load().await;
    let config = aws_sdk_sqs::config::Builder::from(&config).interceptor(guard.propagator()).build();
    let sqs = aws_sdk_sqs::Client::from_conf(config);
    let next = std::env::var("NEXT_QUEUE_URL")?;

    let handler = service_fn(|event| handle(&guard, &sqs, &next, event));
    guard.run(handler).await
}

/// HTTPS on ring. With the feature `default-https-client` of aws-config, which takes longer to build, none of this is needed.
fn https() -> SharedHttpClient {
    aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https()
}

async fn handle(
    guard: &Guard,
    sqs: &aws_sdk_sqs::Client,
    next: &str,
    event: LambdaEvent<SqsEvent>,
) -> Result<BatchAnswer, Error> {
    let forward = |message: SqsMessage| async move {
        let body = message.body.unwrap_or_default();
        sqs.send_message().queue_url(next).message_body(body).send().await?;
        Ok::<(), Error>(())
    };
    Ok(guard.each(event.payload.records, forward).await)
}
