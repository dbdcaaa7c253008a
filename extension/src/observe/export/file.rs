use std::io;
use std::path::PathBuf;

use hopguard_aws::LineFile;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;

use crate::observe::signal::{Request, Signal};

/// A file of OTLP JSON, one request a line, as OpenTelemetry's file exporter writes it.
#[derive(Debug)]
pub(crate) struct OtlpFile(LineFile);

impl OtlpFile {
    /// A file that is opened at the first line.
    pub(crate) const fn new(path: PathBuf) -> Self {
        Self(LineFile::new(path))
    }

    /// Appends one encoded request.
    ///
    /// # Errors
    /// Where the file cannot be written. The next line tries again.
    pub(crate) fn append(&mut self, signal: Signal, request: &[u8]) -> io::Result<()> {
        self.0.append(json(signal, request)?)
    }
}

fn json(signal: Signal, request: &[u8]) -> io::Result<Vec<u8>> {
    match signal {
        Signal::Traces => of::<ExportTraceServiceRequest>(request),
        Signal::Metrics => of::<ExportMetricsServiceRequest>(request),
        Signal::Logs => of::<ExportLogsServiceRequest>(request),
    }
}

fn of<R: Request>(request: &[u8]) -> io::Result<Vec<u8>> {
    let request = R::decode(request).map_err(io::Error::other)?;
    serde_json::to_vec(&request).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
    use prost::Message as _;
    use serde_json::Value;

    use super::*;

    fn request(name: &str) -> Vec<u8> {
        let span = Span {
            trace_id: vec![1; 16],
            span_id: vec![2; 8],
            name: name.to_owned(),
            start_time_unix_nano: 5,
            ..Span::default()
        };
        let scope = ScopeSpans { spans: vec![span], ..ScopeSpans::default() };
        let group = ResourceSpans { scope_spans: vec![scope], ..ResourceSpans::default() };
        ExportTraceServiceRequest { resource_spans: vec![group] }.encode_to_vec()
    }

    #[test]
    fn lines_are_otlp_json_and_the_size_is_bounded() {
        let folder = std::env::temp_dir().join(format!("hopguard-otlp-{}", std::process::id()));
        let path = folder.join("deep/otlp.jsonl");
        let mut file = OtlpFile::new(path.clone());
        file.append(Signal::Traces, &request("first")).unwrap();
        let line = fs::read_to_string(&path).unwrap();
        let json: Value = serde_json::from_str(&line).unwrap();
        let span = &json["resourceSpans"][0]["scopeSpans"][0]["spans"][0];
        assert_eq!(span["traceId"], "01010101010101010101010101010101");
        assert_eq!((&span["startTimeUnixNano"], &span["name"]), (&Value::from("5"), &Value::from("first")));

        let mut file = OtlpFile(LineFile::of_at_most(path.clone(), 3 * line.len() as u64));
        for _ in 0..7 {
            file.append(Signal::Traces, &request("later")).unwrap();
        }
        // Another process goes on where this one ended.
        OtlpFile::new(path.clone()).append(Signal::Traces, &request("other")).unwrap();
        let lines = |path: &str| fs::read_to_string(folder.join(path)).unwrap().lines().count();
        assert_eq!((lines("deep/otlp.jsonl"), lines("deep/otlp.jsonl.1")), (3, 3));
        assert!(file.append(Signal::Traces, b"\xff").is_err());
        fs::remove_dir_all(folder).unwrap();
    }
}
