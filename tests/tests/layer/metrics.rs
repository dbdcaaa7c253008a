//! Metrics where CloudWatch has them.

use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result};
use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::types::{Dimension, Statistic};
use hopguard_tests::{Cloud, Environment, Runtime, eventually};
use serde_json::json;

use crate::bed::token_of;
use crate::language::{SOON, WRAPPER};
use crate::tree::layer;

const NAMESPACE: &str = "hopguard";

/// By PutMetricData, in a namespace and with a dimension that an alarm can name.
pub(crate) async fn reach_cloudwatch(probe: &Runtime) -> Result<()> {
    let cloud = Cloud::start().await?;
    let environment = Environment::builder(layer(), probe.clone())
        .name("orders")
        .on(&cloud)
        .env("AWS_LAMBDA_EXEC_WRAPPER", WRAPPER)
        .env("HOPGUARD_OTLP_PORT", "0")
        .env("HOPGUARD_METRICS", "cloudwatch")
        .env("HOPGUARD_MAX_VISITS", "5")
        .start()
        .await?;
    for _ in 0..3 {
        assert_eq!(environment.invoke(&json!({})).await?.error, None);
    }
    let arn = "arn:aws:lambda:us-east-1:000000000000:function:orders";
    let blocked = environment.invoke(&json!({ "hopguard": token_of(arn, 5, 1) })).await?;
    assert_eq!(blocked.payload["errorType"], "hopguard::Blocked", "{}", blocked.payload);
    let log = environment.shut_down().await?;

    let cloudwatch = Client::new(cloud.sdk());
    let listed = eventually("metrics in CloudWatch", SOON, async || {
        let listed = cloudwatch.list_metrics().namespace(NAMESPACE).send().await?;
        let names: Vec<_> =
            listed.metrics().iter().filter_map(|metric| metric.metric_name()).map(str::to_owned).collect();
        for metric in listed.metrics() {
            let [dimension] = metric.dimensions() else { panic!("{metric:?}") };
            assert_eq!((dimension.name(), dimension.value()), (Some("FunctionName"), Some("orders")));
        }
        Ok((!names.is_empty()).then_some(names))
    });
    let listed = listed.await.with_context(|| format!("{log:#?}"))?;
    for name in
        ["faas.invocations", "faas.invoke_duration", "hopguard.records.block", "hopguard.layer.memory"]
    {
        assert!(listed.iter().any(|listed| listed == name), "{name}: {listed:?}");
    }
    assert_eq!(sum(&cloudwatch, "faas.invocations").await?, 4.0);
    assert_eq!(sum(&cloudwatch, "hopguard.records.block").await?, 1.0);
    Ok(())
}

/// What a metric came to in the last minutes.
async fn sum(cloudwatch: &Client, name: &str) -> Result<f64> {
    let now = SystemTime::now();
    let statistics = cloudwatch
        .get_metric_statistics()
        .namespace(NAMESPACE)
        .metric_name(name)
        .dimensions(Dimension::builder().name("FunctionName").value("orders").build())
        .statistics(Statistic::Sum)
        .start_time((now - Duration::from_secs(600)).into())
        .end_time((now + Duration::from_secs(60)).into())
        .period(60)
        .send()
        .await?;
    Ok(statistics.datapoints().iter().filter_map(aws_sdk_cloudwatch::types::Datapoint::sum).sum())
}
