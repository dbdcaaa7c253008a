use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hopguard_aws::LineFile;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_proto::transform::trace::tonic::group_spans_by_resource_and_scope;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::metrics::Temporality;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use serde::Serialize;

/// A file that takes OTLP JSON, one request a line, as the layer's does.
#[derive(Clone, Debug)]
pub(super) struct File(Arc<Mutex<LineFile>>);

/// Writes spans into it.
#[derive(Debug)]
pub(super) struct FileExporter {
    file: File,
    resource: ResourceAttributesWithSchema,
}

impl File {
    pub(super) fn new(path: PathBuf) -> Self {
        Self(Arc::new(Mutex::new(LineFile::new(path))))
    }

    pub(super) fn spans(&self) -> FileExporter {
        FileExporter { file: self.clone(), resource: ResourceAttributesWithSchema::default() }
    }

    fn append(&self, request: &impl Serialize) -> OTelSdkResult {
        let failed = |error: &dyn std::error::Error| OTelSdkError::InternalFailure(error.to_string());
        let line = serde_json::to_vec(request).map_err(|error| failed(&error))?;
        self.0.lock().unwrap_or_else(PoisonError::into_inner).append(line).map_err(|error| failed(&error))
    }
}

impl SpanExporter for FileExporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let resource_spans = group_spans_by_resource_and_scope(batch, &self.resource);
        self.file.append(&ExportTraceServiceRequest { resource_spans })
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.resource = resource.into();
    }
}

/// Metrics, into the same file.
impl PushMetricExporter for File {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        self.append(&ExportMetricsServiceRequest::from(metrics))
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }

    fn temporality(&self) -> Temporality {
        Temporality::Cumulative
    }
}
