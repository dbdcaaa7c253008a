use hopguard_core::Counter;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::{Metric, metric::Data};
use opentelemetry_proto::tonic::resource::v1::Resource;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// What OTLP carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    Traces,
    Metrics,
    Logs,
}

impl Signal {
    pub(crate) const ALL: [Self; 3] = [Self::Traces, Self::Metrics, Self::Logs];

    /// The path that OTLP/HTTP gives it.
    pub(crate) const fn path(self) -> &'static str {
        match self {
            Self::Traces => "/v1/traces",
            Self::Metrics => "/v1/metrics",
            Self::Logs => "/v1/logs",
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Traces => "traces",
            Self::Metrics => "metrics",
            Self::Logs => "logs",
        }
    }

    /// What counts its items that got lost.
    pub(crate) const fn dropped(self) -> Counter {
        match self {
            Self::Traces => Counter::DroppedSpans,
            Self::Metrics => Counter::DroppedPoints,
            Self::Logs => Counter::DroppedLogs,
        }
    }
}

/// One of OTLP's three requests. Each is a list of resources in field 1, so that requests are joined by joining their bytes.
pub(crate) trait Request: prost::Message + Default + Serialize + DeserializeOwned {
    /// The resource of each group.
    fn resources(&mut self) -> impl Iterator<Item = &mut Option<Resource>>;

    /// How many spans, data points or log records it has.
    fn items(&self) -> usize;
}

impl Request for ExportTraceServiceRequest {
    fn resources(&mut self) -> impl Iterator<Item = &mut Option<Resource>> {
        self.resource_spans.iter_mut().map(|group| &mut group.resource)
    }

    fn items(&self) -> usize {
        self.resource_spans.iter().flat_map(|group| &group.scope_spans).map(|scope| scope.spans.len()).sum()
    }
}

impl Request for ExportMetricsServiceRequest {
    fn resources(&mut self) -> impl Iterator<Item = &mut Option<Resource>> {
        self.resource_metrics.iter_mut().map(|group| &mut group.resource)
    }

    fn items(&self) -> usize {
        let metrics = self.resource_metrics.iter().flat_map(|group| &group.scope_metrics);
        metrics.flat_map(|scope| &scope.metrics).map(points).sum()
    }
}

impl Request for ExportLogsServiceRequest {
    fn resources(&mut self) -> impl Iterator<Item = &mut Option<Resource>> {
        self.resource_logs.iter_mut().map(|group| &mut group.resource)
    }

    fn items(&self) -> usize {
        self.resource_logs
            .iter()
            .flat_map(|group| &group.scope_logs)
            .map(|scope| scope.log_records.len())
            .sum()
    }
}

fn points(metric: &Metric) -> usize {
    match &metric.data {
        Some(Data::Gauge(gauge)) => gauge.data_points.len(),
        Some(Data::Sum(sum)) => sum.data_points.len(),
        Some(Data::Histogram(histogram)) => histogram.data_points.len(),
        Some(Data::ExponentialHistogram(histogram)) => histogram.data_points.len(),
        Some(Data::Summary(summary)) => summary.data_points.len(),
        None => 0,
    }
}
