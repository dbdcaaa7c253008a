//! A function that feeds itself through S3: for each object it writes another one into `BUCKET`, under `out/`.
//!
//! Where the bucket notifies the function of that prefix too, there is the classic loop of the AWS documentation.

use aws_config::BehaviorVersion;
use aws_lambda_events::event::s3::{S3Event, S3EventRecord};
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
    // Path style serves S3-compatible stores on one host; AWS takes it too.
    let config = aws_sdk_s3::config::Builder::from(&config)
        .interceptor(guard.propagator())
        .force_path_style(true)
        .build();
    let s3 = aws_sdk_s3::Client::from_conf(config);
    let bucket = std::env::var("BUCKET")?;

    let handler = service_fn(|event| handle(&guard, &s3, &bucket, event));
    guard.run(handler).await
}

/// HTTPS on ring. With the feature `default-https-client` of aws-config, which takes longer to build, none of this is needed.
fn https() -> SharedHttpClient {
    aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https()
}

async fn handle(
    guard: &Guard,
    s3: &aws_sdk_s3::Client,
    bucket: &str,
    event: LambdaEvent<S3Event>,
) -> Result<(), Error> {
    let thumbnail = |record: S3EventRecord| async move {
        let name = record.s3.object.sequencer.unwrap_or_default();
        s3.put_object()
            .bucket(bucket)
            .key(format!("out/{name}.jpg"))
            .body(b"a thumbnail".to_vec().into())
            .send()
            .await?;
        Ok::<(), Error>(())
    };
    // S3 takes no partial answer: where one record fails, the invocation does.
    let answer: BatchAnswer = guard.each(event.payload.records, thumbnail).await;
    Ok(answer.into_result()?)
}
