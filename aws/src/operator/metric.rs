use std::time::{Duration, SystemTime};

use aws_sdk_cloudwatch::types::{Dimension, Statistic};
use aws_smithy_types::DateTime;
use hopguard_core::Counter;

use super::{Operator, OperatorError};

const GET: &str = "cloudwatch:GetMetricStatistics";
/// The namespace that the layer writes to.
const NAMESPACE: &str = "hopguard";
/// One data point an hour.
const PERIOD_S: i32 = 3600;

impl Operator {
    /// How often something was counted of a function within the last so many hours, as far as its metrics go to CloudWatch.
    ///
    /// # Errors
    /// [`OperatorError`].
    pub async fn counted(&self, function: &str, counter: Counter, hours: u32) -> Result<u64, OperatorError> {
        let cloudwatch = self.clients.cloudwatch().await;
        let now = SystemTime::now();
        let start = now.checked_sub(Duration::from_secs(3600) * hours).unwrap_or(now);
        let dimension = Dimension::builder().name("FunctionName").value(function).build();
        let name = counter.flat_name();
        let call = || {
            cloudwatch
                .get_metric_statistics()
                .namespace(NAMESPACE)
                .metric_name(name.as_ref())
                .dimensions(dimension.clone())
                .start_time(DateTime::from(start))
                .end_time(DateTime::from(now))
                .period(PERIOD_S)
                .statistics(Statistic::Sum)
                .send()
        };
        let answer = self.ask(GET, function, call).await?;
        let sum: f64 = answer.datapoints().iter().filter_map(aws_sdk_cloudwatch::types::Datapoint::sum).sum();
        Ok(sum.max(0.0) as u64)
    }
}
