//! The layer's own metrics as OTLP.

use std::time::SystemTime;

use hopguard_core::metrics::{CallDurations, CallSeries};
use hopguard_core::{Counter, Counters, Measure};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics,
    ScopeMetrics, Sum,
};
use opentelemetry_proto::tonic::resource::v1::Resource;

use super::meter::{Distribution, Mark, Meter, Summary};
use super::resource::{scope, text};
use super::span::nanos;

/// What was exported last, where sums are exported as differences.
#[derive(Clone, Debug)]
pub(crate) struct Exported {
    at: SystemTime,
    mark: Mark,
    distributions: Vec<(Measure, Distribution)>,
    calls: CallDurations,
}

impl Exported {
    pub(crate) fn new(since: SystemTime) -> Self {
        Self { at: since, mark: Mark::default(), distributions: Vec::new(), calls: CallDurations::default() }
    }
}

/// All counters and measures at this moment. Sums are cumulative, OpenTelemetry's default: an environment lives for hours, each has its
/// own `faas.instance`, and a batch that gets lost then costs nothing. With `delta` they say what came since the last time.
pub(crate) fn request(
    resource: &Resource,
    counters: &Counters,
    meter: &Meter,
    now: SystemTime,
    delta: Option<&mut Exported>,
) -> ExportMetricsServiceRequest {
    let mut metrics = Vec::new();
    let temporality = match &delta {
        Some(_) => AggregationTemporality::Delta,
        None => AggregationTemporality::Cumulative,
    };
    let start = delta.as_ref().map_or(meter.since, |exported| exported.at);
    let times = (nanos(start), nanos(now));
    let (counts, mark) = match &delta {
        Some(exported) => exported.mark.gained(counters),
        None => (counters.snapshot(), Mark::default()),
    };
    for (counter, value) in counts {
        push_sum(&mut metrics, counter, value, times, temporality);
    }
    let before = delta.as_ref().map_or(&[][..], |exported| &exported.distributions[..]);
    for (measure, one) in meter.measured() {
        let earlier = before.iter().find(|(earlier, _)| *earlier == measure).map(|(_, one)| one);
        metrics.extend(measured(measure, one, earlier, times, temporality));
    }
    let calls_before = delta.as_ref().map(|exported| &exported.calls);
    metrics.extend(called(&meter.calls, calls_before, times, temporality));
    if let Some(exported) = delta {
        let distributions = meter.measured().map(|(measure, one)| (measure, one.clone())).collect();
        *exported = Exported { at: now, mark, distributions, calls: meter.calls.clone() };
    }
    let scope = ScopeMetrics { scope: Some(scope()), metrics, ..ScopeMetrics::default() };
    let group = ResourceMetrics {
        resource: Some(resource.clone()),
        scope_metrics: vec![scope],
        ..ResourceMetrics::default()
    };
    ExportMetricsServiceRequest { resource_metrics: vec![group] }
}

/// Adds a counter's value, to its metric where another counter has begun that.
fn push_sum(
    metrics: &mut Vec<Metric>,
    counter: Counter,
    value: u64,
    (start, now): (u64, u64),
    temporality: AggregationTemporality,
) {
    let (name, attribute) = counter.metric();
    let point = NumberDataPoint {
        attributes: attribute.map(|(key, value)| text(key, value)).into_iter().collect(),
        start_time_unix_nano: start,
        time_unix_nano: now,
        value: Some(Value::AsInt(i64::try_from(value).unwrap_or(i64::MAX))),
        ..NumberDataPoint::default()
    };
    if let Some(Metric { data: Some(Data::Sum(sum)), .. }) =
        metrics.iter_mut().find(|metric| metric.name == name)
    {
        sum.data_points.push(point);
        return;
    }
    let sum =
        Sum { data_points: vec![point], aggregation_temporality: temporality.into(), is_monotonic: true };
    metrics.push(Metric {
        name: name.to_owned(),
        unit: "1".to_owned(),
        data: Some(Data::Sum(sum)),
        ..Metric::default()
    });
}

fn measured(
    measure: Measure,
    one: &Distribution,
    earlier: Option<&Distribution>,
    (start, now): (u64, u64),
    temporality: AggregationTemporality,
) -> Option<Metric> {
    let data = if measure.bounds().is_empty() {
        let point = NumberDataPoint {
            time_unix_nano: now,
            value: one.last.map(Value::AsDouble),
            ..NumberDataPoint::default()
        };
        Data::Gauge(Gauge { data_points: vec![point] })
    } else {
        let Summary { count, sum, least, most } = one.total;
        let less = |counts: &[u64]| -> Vec<u64> {
            let then = earlier
                .map_or(&[][..], |earlier| &earlier.buckets)
                .iter()
                .copied()
                .chain(std::iter::repeat(0));
            counts.iter().zip(then).map(|(now, then)| now.saturating_sub(then)).collect()
        };
        let (count_then, sum_then) =
            earlier.map_or((0, 0.0), |earlier| (earlier.total.count, earlier.total.sum));
        if count == count_then {
            return None;
        }
        // Of a difference, the extremes are not known.
        let extremes = earlier.is_none();
        let point = HistogramDataPoint {
            start_time_unix_nano: start,
            time_unix_nano: now,
            count: count - count_then,
            sum: Some(sum - sum_then),
            bucket_counts: less(&one.buckets),
            explicit_bounds: measure.bounds().to_vec(),
            min: extremes.then_some(least),
            max: extremes.then_some(most),
            ..HistogramDataPoint::default()
        };
        Data::Histogram(Histogram { data_points: vec![point], aggregation_temporality: temporality.into() })
    };
    Some(Metric {
        name: measure.name().to_owned(),
        unit: measure.unit().to_owned(),
        data: Some(data),
        ..Metric::default()
    })
}

/// How long calls took, one series an operation.
fn called(
    calls: &CallDurations,
    earlier: Option<&CallDurations>,
    (start, now): (u64, u64),
    temporality: AggregationTemporality,
) -> Option<Metric> {
    let then = |service: &str, operation: &str| -> CallSeries {
        let mut before = earlier.into_iter().flat_map(CallDurations::iter);
        let same = before.find(|(name, method, _)| (*name, *method) == (service, operation));
        same.map(|(_, _, series)| series.clone()).unwrap_or_default()
    };
    let point = |(service, operation, series): (&str, &str, &CallSeries)| {
        let then = then(service, operation);
        let counts = series.buckets().iter().zip(then.buckets().iter().copied().chain(std::iter::repeat(0)));
        let count = series.count.saturating_sub(then.count);
        (count > 0).then(|| HistogramDataPoint {
            attributes: vec![
                text(CallDurations::SERVICE, service),
                text(CallDurations::OPERATION, operation),
            ],
            start_time_unix_nano: start,
            time_unix_nano: now,
            count,
            sum: Some(series.sum - then.sum),
            bucket_counts: counts.map(|(now, then)| now.saturating_sub(then)).collect(),
            explicit_bounds: CallDurations::BOUNDS.to_vec(),
            min: earlier.is_none().then_some(series.least),
            max: earlier.is_none().then_some(series.most),
            ..HistogramDataPoint::default()
        })
    };
    let data_points: Vec<_> = calls.iter().filter_map(point).collect();
    (!data_points.is_empty()).then(|| Metric {
        name: CallDurations::NAME.to_owned(),
        unit: CallDurations::UNIT.to_owned(),
        data: Some(Data::Histogram(Histogram { data_points, aggregation_temporality: temporality.into() })),
        ..Metric::default()
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::observe::signal::Request as _;

    fn metric(request: &ExportMetricsServiceRequest, name: &str) -> Option<Data> {
        let metrics = &request.resource_metrics[0].scope_metrics[0].metrics;
        let found: Vec<_> = metrics.iter().filter(|metric| metric.name == name).collect();
        assert!(found.len() < 2, "{name} twice");
        found.first().and_then(|metric| metric.data.clone())
    }

    fn sum(request: &ExportMetricsServiceRequest, name: &str) -> Vec<i64> {
        let Some(Data::Sum(sum)) = metric(request, name) else { return Vec::new() };
        let values = sum.data_points.iter().map(|point| match point.value {
            Some(Value::AsInt(value)) => value,
            _ => -1,
        });
        values.collect()
    }

    #[test]
    fn sums_are_cumulative_unless_differences_are_wanted() {
        let (counters, mut meter) = (Counters::default(), Meter::default());
        let mut exported = Exported::new(meter.since);
        let now = meter.since + Duration::from_secs(9);
        counters.add(Counter::Allowed, 3);
        counters.add(Counter::Blocked, 1);
        meter.record(Measure::InvokeDuration, 0.2);
        meter.record(Measure::LayerMemory, 4e6);
        let resource = Resource::default();
        for (round, expected_total, expected_gain) in [(0, [3, 1], vec![3, 1]), (1, [3, 2], vec![1])] {
            let total = request(&resource, &counters, &meter, now, None);
            let gain = request(&resource, &counters, &meter, now, Some(&mut exported));
            assert_eq!(sum(&total, "hopguard.records"), expected_total, "{round}");
            assert_eq!(sum(&gain, "hopguard.records"), expected_gain, "{round}");
            let Some(Data::Histogram(histogram)) = metric(&total, "faas.invoke_duration") else { panic!() };
            assert_eq!(histogram.data_points[0].bucket_counts.iter().sum::<u64>(), 1);
            assert_eq!(metric(&gain, "faas.invoke_duration").is_some(), round == 0);
            assert!(matches!(metric(&gain, "hopguard.layer.memory"), Some(Data::Gauge(_))));
            counters.count(Counter::Blocked);
        }
        assert_eq!(request(&resource, &counters, &meter, now, None).items(), 4);
    }

    #[test]
    fn calls_have_a_series_an_operation() {
        let (counters, mut meter) = (Counters::default(), Meter::default());
        let mut exported = Exported::new(meter.since);
        let resource = Resource::default();
        let counts = |request: &ExportMetricsServiceRequest| -> Vec<(u64, f64)> {
            let Some(Data::Histogram(histogram)) = metric(request, "hopguard.call.duration") else {
                return Vec::new();
            };
            assert!(histogram.data_points.iter().all(|point| point.attributes.len() == 2));
            histogram.data_points.iter().map(|point| (point.count, point.sum.unwrap())).collect()
        };
        meter.calls.record("S3", "GetObject", 0.5);
        meter.calls.record("SQS", "SendMessage", 0.25);
        let now = meter.since;
        assert_eq!(
            counts(&request(&resource, &counters, &meter, now, Some(&mut exported))),
            [(1, 0.5), (1, 0.25)]
        );
        meter.calls.record("SQS", "SendMessage", 0.5);
        assert_eq!(counts(&request(&resource, &counters, &meter, now, Some(&mut exported))), [(1, 0.5)]);
        assert_eq!(counts(&request(&resource, &counters, &meter, now, Some(&mut exported))), []);
        assert_eq!(counts(&request(&resource, &counters, &meter, now, None)), [(1, 0.5), (2, 0.75)]);
    }
}
