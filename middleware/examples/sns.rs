//! A function that feeds itself through SNS: for each notification it publishes one to `TOPIC_ARN`.

use aws_config::BehaviorVersion;
use aws_lambda_events::event::sns::{SnsEvent, SnsRecord};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use hopguard::Guard;
use lambda_runtime::{Error, LambdaEvent, service_fn};

#[tokio::main]
async fn main() -> Result<(), Error> {
    tracing_subscriber::fmt()
        .json()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .init();
    let guard = Guard::from_env();
    let config = aws_config::defaults(BehaviorVersion::latest()).http_client(https()).load().await;
    let config = aws_sdk_sns::config::Builder::from(&config).interceptor(guard.propagator()).build();
    let sns = aws_sdk_sns::Client::from_conf(config);
    let topic = std::env::var("TOPIC_ARN")?;

    let handler = service_fn(|event| handle(&guard, &sns, &topic, event));
    guard.run(handler).await
}

/// HTTPS on ring. With the feature `default-https-client` of aws-config, which takes longer to build, none of this is needed.
fn https() -> SharedHttpClient {
    aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https()
}

async fn handle(
    guard: &Guard,
    sns: &aws_sdk_sns::Client,
    topic: &str,
    event: LambdaEvent<SnsEvent>,
) -> Result<(), Error> {
    let publish = |record: SnsRecord| async move {
        sns.publish().topic_arn(topic).message(record.sns.message).send().await?;
        Ok::<(), Error>(())
    };
    Ok(guard.each(event.payload.records, publish).await.into_result()?)
}
