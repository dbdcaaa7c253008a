//! Metrics of hopguard's own, put to CloudWatch.

use std::time::SystemTime;

use aws_sdk_cloudwatch::types::{Dimension, MetricDatum, StandardUnit, StatisticSet};
use aws_smithy_types::DateTime;
use tokio::time::Instant;

use crate::clients::Clients;
use crate::failure::{Kind, within};

/// What one PutMetricData may have. Each of ours is some 200 bytes, so that 1 MB, its other limit, is never reached.
const MAX_DATA: usize = 1_000;

/// One value of one metric, or several in sum.
#[derive(Clone, Debug, PartialEq)]
pub struct Datum {
    /// The metric's name.
    pub name: String,
    /// CloudWatch's name of the unit: `Count`, `Seconds`, `Bytes`.
    pub unit: &'static str,
    /// The only dimension: a name and a value.
    pub dimension: (&'static str, String),
    /// The value.
    pub value: DatumValue,
}

/// What a metric was.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum DatumValue {
    /// So many.
    Sum(f64),
    /// Several samples.
    Statistics {
        /// How many.
        count: f64,
        /// All together.
        sum: f64,
        /// The least of them.
        least: f64,
        /// The greatest of them.
        most: f64,
    },
}

/// Puts metrics to CloudWatch. Its client is made at the first call.
#[derive(Clone, Debug)]
pub struct CloudWatch {
    clients: Clients,
}

/// Metrics were not put.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CloudWatchError {
    /// The role may not.
    #[error("the function's role lacks cloudwatch:PutMetricData: {0}")]
    Denied(String),
    /// CloudWatch has refused, or was not reached.
    #[error("PutMetricData failed: {0}")]
    Failed(String),
    /// It took too long.
    #[error("PutMetricData was not answered in time")]
    Late,
}

impl CloudWatch {
    /// Puts with these clients.
    pub const fn new(clients: Clients) -> Self {
        Self { clients }
    }

    /// Puts these data, 1,000 a request. Where one request fails, the ones before are there and those after are not sent.
    ///
    /// # Errors
    /// [`CloudWatchError`].
    pub async fn put(
        &self,
        namespace: &str,
        data: &[Datum],
        at: SystemTime,
        deadline: Instant,
    ) -> Result<(), CloudWatchError> {
        for data in data.chunks(MAX_DATA) {
            let data = data.iter().map(|datum| metric(datum, at)).collect();
            let put = async {
                let request = self.clients.cloudwatch().await.put_metric_data().namespace(namespace);
                request.set_metric_data(Some(data)).send().await
            };
            within(deadline, put).await.map_err(|failure| match failure.kind {
                Kind::Denied => CloudWatchError::Denied(failure.detail),
                Kind::OutOfTime => CloudWatchError::Late,
                _ => CloudWatchError::Failed(failure.detail),
            })?;
        }
        Ok(())
    }
}

fn metric(datum: &Datum, at: SystemTime) -> MetricDatum {
    let (name, value) = &datum.dimension;
    let metric = MetricDatum::builder()
        .metric_name(&datum.name)
        .dimensions(Dimension::builder().name(*name).value(value).build())
        .timestamp(DateTime::from(at))
        .unit(StandardUnit::from(datum.unit));
    let metric = match datum.value {
        DatumValue::Sum(sum) => metric.value(sum),
        DatumValue::Statistics { count, sum, least, most } => metric.statistic_values(
            StatisticSet::builder().sample_count(count).sum(sum).minimum(least).maximum(most).build(),
        ),
    };
    metric.build()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::testing::{self, Fake, denied, ok};

    fn data(count: usize) -> Vec<Datum> {
        let datum = |nth| Datum {
            name: format!("hopguard.test.{nth}"),
            unit: "Count",
            dimension: ("FunctionName", "orders".to_owned()),
            value: DatumValue::Sum(1.0),
        };
        (0..count).map(datum).collect()
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(5)
    }

    #[tokio::test]
    async fn a_request_has_at_most_a_thousand_data_and_is_never_empty() {
        for (count, requests) in [(0, 0), (1, 1), (1_000, 1), (1_001, 2)] {
            let fake = Fake::new(|_| ok(""));
            let cloudwatch = CloudWatch::new(fake.clients.clone());
            let _ = cloudwatch.put("hopguard", &data(count), SystemTime::now(), soon()).await;
            assert_eq!(fake.calls().len(), requests, "{count}");
        }
    }

    #[tokio::test]
    async fn a_missing_permission_is_named() {
        let fake = Fake::new(|_| denied("cloudwatch:PutMetricData"));
        let put =
            CloudWatch::new(fake.clients.clone()).put("hopguard", &data(1), SystemTime::now(), soon()).await;
        assert!(matches!(&put, Err(CloudWatchError::Denied(_))), "{put:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn cloudwatch_that_hangs_ends_with_the_deadline() {
        let cloudwatch = CloudWatch::new(testing::silent());
        let start = Instant::now();
        let deadline = start + Duration::from_millis(700);
        let put = cloudwatch.put("hopguard", &data(1), SystemTime::now(), deadline).await;
        assert!(matches!(put, Err(CloudWatchError::Late)), "{put:?}");
        assert!(start.elapsed() < Duration::from_millis(750));
    }

    #[test]
    fn samples_become_a_statistic_set() {
        let value = DatumValue::Statistics { count: 2.0, sum: 3.0, least: 1.0, most: 2.0 };
        let unit = "Seconds";
        let datum = Datum { value, unit, ..data(1).remove(0) };
        let metric = metric(&datum, SystemTime::UNIX_EPOCH);
        let set = metric.statistic_values().unwrap();
        assert_eq!(
            (set.sample_count(), set.sum(), set.minimum(), set.maximum()),
            (Some(2.0), Some(3.0), Some(1.0), Some(2.0))
        );
        assert_eq!(
            (metric.unit(), metric.dimensions()[0].value()),
            (Some(&StandardUnit::Seconds), Some("orders"))
        );
    }
}
