use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use hopguard_aws::LineFile;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_proto::transform::trace::tonic::group_spans_by_resource_and_scope;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{SpanData, SpanExporter};

/// Writes spans as OTLP JSON, one request a line, as the layer does.
#[derive(Debug)]
pub(super) struct FileExporter {
    file: Mutex<LineFile>,
    resource: ResourceAttributesWithSchema,
}

impl FileExporter {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { file: Mutex::new(LineFile::new(path)), resource: ResourceAttributesWithSchema::default() }
    }

    fn append(&self, spans: Vec<SpanData>) -> Result<(), Box<dyn std::error::Error>> {
        let resource_spans = group_spans_by_resource_and_scope(spans, &self.resource);
        let line = serde_json::to_vec(&ExportTraceServiceRequest { resource_spans })?;
        self.file.lock().unwrap_or_else(PoisonError::into_inner).append(line)?;
        Ok(())
    }
}

impl SpanExporter for FileExporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.append(batch).map_err(|error| OTelSdkError::InternalFailure(error.to_string()))
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.resource = resource.into();
    }
}
