//! What the variables of Lambda and of OpenTelemetry say.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use percent_encoding::percent_decode_str;

use super::signal::Signal;
use crate::outbound::Place;

/// OpenTelemetry's default for `OTEL_EXPORTER_OTLP_TIMEOUT`.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Where this process runs, and where its owner wants OTLP to go.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// `AWS_LAMBDA_FUNCTION_NAME`.
    pub(crate) function: String,
    /// `AWS_LAMBDA_FUNCTION_VERSION`.
    pub(crate) version: Option<String>,
    /// `AWS_LAMBDA_FUNCTION_MEMORY_SIZE`, in MB.
    pub(crate) memory_mb: Option<u64>,
    /// Where the function's own code is.
    pub(crate) task_root: Option<PathBuf>,
    /// `AWS_LAMBDA_LOG_STREAM_NAME`, which OpenTelemetry uses as the name of an environment.
    pub(crate) instance: Option<String>,
    /// `AWS_REGION`.
    pub(crate) region: Option<String>,
    /// `OTEL_SERVICE_NAME`.
    pub(crate) service: Option<String>,
    /// `OTEL_RESOURCE_ATTRIBUTES`.
    pub(crate) attributes: Vec<(String, String)>,
    /// Whether sums are exported as what came since the last export (`OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE`).
    pub(crate) delta: bool,
    collectors: [Option<Collector>; Signal::ALL.len()],
    /// What could not be used, for the log.
    pub(crate) wrong: Vec<String>,
}

/// Where one signal goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Collector {
    pub(crate) place: Place,
    /// Path and query.
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) timeout: Duration,
    pub(crate) gzip: bool,
}

impl Environment {
    /// Reads `AWS_` and `OTEL_` variables, and `HOPGUARD_OTLP_ENDPOINT`; others are ignored. What is wrong is left out and noted.
    pub fn read<N: AsRef<str>, V: AsRef<str>>(variables: impl IntoIterator<Item = (N, V)>) -> Self {
        let mut this = Self::default();
        let mut otlp: Vec<(String, String)> = Vec::new();
        let mut endpoint = None;
        for (name, value) in variables {
            let value = value.as_ref().trim();
            if value.is_empty() {
                continue;
            }
            let text = || Some(value.to_owned());
            match name.as_ref() {
                "AWS_LAMBDA_FUNCTION_NAME" => value.clone_into(&mut this.function),
                "AWS_LAMBDA_FUNCTION_VERSION" => this.version = text(),
                "AWS_LAMBDA_FUNCTION_MEMORY_SIZE" => this.memory_mb = value.parse().ok(),
                "AWS_LAMBDA_LOG_STREAM_NAME" => this.instance = text(),
                "LAMBDA_TASK_ROOT" => this.task_root = Some(PathBuf::from(value)),
                "AWS_REGION" => this.region = text(),
                "HOPGUARD_OTLP_ENDPOINT" => endpoint = text(),
                "OTEL_SERVICE_NAME" => this.service = text(),
                "OTEL_RESOURCE_ATTRIBUTES" => this.attributes = pairs(value),
                "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE" => {
                    this.delta = value.eq_ignore_ascii_case("delta");
                }
                other => {
                    if let Some(rest) = other.strip_prefix("OTEL_EXPORTER_OTLP_") {
                        otlp.push((rest.to_owned(), value.to_owned()));
                    }
                }
            }
        }
        if let Some(endpoint) = endpoint {
            // Where the function exports to, and how, is its own affair then.
            otlp.retain(|(name, _)| !name.ends_with("ENDPOINT") && !name.ends_with("PROTOCOL"));
            otlp.push(("ENDPOINT".to_owned(), endpoint));
        }
        this.collectors = Signal::ALL.map(|signal| match collector(&otlp, signal) {
            Ok(collector) => collector,
            Err(wrong) => {
                this.wrong.push(wrong);
                None
            }
        });
        this
    }

    /// Where a signal goes.
    pub(crate) fn collector(&self, signal: Signal) -> Option<&Collector> {
        self.collectors.get(signal as usize)?.as_ref()
    }

    /// Takes back what points to this process's own receiver: data would go round in circles.
    #[must_use]
    pub fn without_own_receiver(mut self, receiver: Option<SocketAddr>) -> Self {
        let port = receiver.map(|receiver| receiver.port());
        for place in &mut self.collectors {
            let own =
                |collector: &Collector| Some(collector.place.port) == port && collector.place.is_loopback();
            if place.as_ref().is_some_and(own) {
                *place = None;
                self.wrong
                    .push("the OTLP endpoint is hopguard's own receiver: nothing is exported".to_owned());
            }
        }
        self.wrong.dedup();
        self
    }
}

/// What the variables say of one signal: those of its own first, then the general ones.
fn collector(otlp: &[(String, String)], signal: Signal) -> Result<Option<Collector>, String> {
    let own = signal.name().to_ascii_uppercase();
    let exact = |name: &str| otlp.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str());
    let either = |name: &str| exact(&format!("{own}_{name}")).or_else(|| exact(name));
    let uri = match (exact(&format!("{own}_ENDPOINT")), exact("ENDPOINT")) {
        (Some(whole), _) => whole.to_owned(),
        (None, Some(base)) => format!("{}{}", base.trim_end_matches('/'), signal.path()),
        (None, None) => return Ok(None),
    };
    if let Some(protocol) = either("PROTOCOL").filter(|protocol| *protocol != "http/protobuf") {
        return Err(format!(
            "OTEL_EXPORTER_OTLP_PROTOCOL={protocol:?}: hopguard speaks \"http/protobuf\" only"
        ));
    }
    let wrong =
        || format!("the OTLP endpoint {uri:?} is no URL; write for example \"http://collector:4318\"");
    let uri: Uri = uri.parse().map_err(|_| wrong())?;
    let place = Place::of(&uri).ok_or_else(wrong)?;
    let timeout = either("TIMEOUT").and_then(|ms| ms.parse().ok()).map_or(TIMEOUT, Duration::from_millis);
    Ok(Some(Collector {
        place: Place { certificate: either("CERTIFICATE").map(str::to_owned), ..place },
        path: uri.path_and_query().map_or("/", |path| path.as_str()).to_owned(),
        headers: headers(either("HEADERS").unwrap_or_default()),
        timeout,
        gzip: either("COMPRESSION").is_none_or(|how| how == "gzip"),
    }))
}

fn headers(text: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs(text) {
        if let (Ok(name), Ok(mut value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            // Tokens are not for logs.
            value.set_sensitive(true);
            headers.append(name, value);
        }
    }
    headers
}

/// `name=value` separated by commas, values with percent signs decoded.
fn pairs(text: &str) -> Vec<(String, String)> {
    let decoded = |text: &str| percent_decode_str(text.trim()).decode_utf8_lossy().into_owned();
    let pairs = text.split(',').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (decoded(name), decoded(value))).filter(|(name, _)| !name.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn where_to(variables: &[(&str, &str)], signal: Signal) -> String {
        let environment = Environment::read(variables.iter().copied());
        environment.collector(signal).map_or_else(
            || environment.wrong.first().cloned().unwrap_or_default(),
            |Collector { place, path, .. }| {
                let scheme = if place.https { "https" } else { "http" };
                format!("{scheme} {}:{}{path}", place.host, place.port)
            },
        )
    }

    #[test]
    fn endpoints_are_read_as_opentelemetry_says() {
        const BASE: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
        type Case<'c> = (&'c [(&'c str, &'c str)], Signal, &'c str);
        const OWN: &str = "HOPGUARD_OTLP_ENDPOINT";
        let cases: [Case<'_>; 12] = [
            (&[], Signal::Traces, ""),
            (&[(BASE, "http://c:4318")], Signal::Traces, "http c:4318/v1/traces"),
            (&[(BASE, "https://c/otlp/")], Signal::Metrics, "https c:443/otlp/v1/metrics"),
            (&[(BASE, "http://[::1]:1")], Signal::Logs, "http ::1:1/v1/logs"),
            (
                &[(BASE, "http://c"), ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://t/x?y=1")],
                Signal::Traces,
                "https t:443/x?y=1",
            ),
            (
                &[("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://t:1"), (BASE, "http://c")],
                Signal::Metrics,
                "http c:80/v1/metrics",
            ),
            (
                &[(BASE, "collector:4317")],
                Signal::Traces,
                "the OTLP endpoint \"collector:4317/v1/traces\" is no URL; write for example \"http://collector:4318\"",
            ),
            (
                &[(BASE, "http://c"), ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")],
                Signal::Traces,
                "OTEL_EXPORTER_OTLP_PROTOCOL=\"grpc\": hopguard speaks \"http/protobuf\" only",
            ),
            (&[(OWN, "http://own:4318")], Signal::Logs, "http own:4318/v1/logs"),
            (&[(OWN, "http://own"), (BASE, "http://c")], Signal::Traces, "http own:80/v1/traces"),
            (
                &[
                    ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://t:1"),
                    ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "grpc"),
                    (OWN, "http://own:1"),
                ],
                Signal::Traces,
                "http own:1/v1/traces",
            ),
            (
                &[(OWN, "own:4317")],
                Signal::Traces,
                "the OTLP endpoint \"own:4317/v1/traces\" is no URL; write for example \"http://collector:4318\"",
            ),
        ];
        for (variables, signal, expected) in cases {
            assert_eq!(where_to(variables, signal), expected, "{variables:?}");
        }
    }

    #[test]
    fn headers_timeouts_and_attributes_are_decoded() {
        let environment = Environment::read([
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "api-key=a%20b,bad name=x, x-more = y=z"),
            ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "250"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "none"),
            ("OTEL_RESOURCE_ATTRIBUTES", "team=billing,empty,deployment.environment.name=p%C3%BC"),
            ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "Delta"),
        ]);
        let traces = environment.collector(Signal::Traces).unwrap();
        assert_eq!((traces.timeout, traces.gzip), (Duration::from_millis(250), false));
        assert_eq!(environment.collector(Signal::Logs).unwrap().timeout, TIMEOUT);
        assert_eq!(traces.headers.len(), 2);
        assert_eq!(
            (&traces.headers["api-key"], &traces.headers["x-more"]),
            (&"a b".parse().unwrap(), &"y=z".parse().unwrap())
        );
        let attributes = [
            ("team".to_owned(), "billing".to_owned()),
            ("deployment.environment.name".to_owned(), "pü".to_owned()),
        ];
        assert_eq!((environment.attributes, environment.delta), (attributes.to_vec(), true));
    }

    #[test]
    fn nothing_is_exported_to_the_layer_itself() {
        for (endpoint, left) in [
            ("http://localhost:4318", false),
            ("http://127.0.0.1:4318", false),
            ("http://localhost:4319", true),
            ("http://collector:4318", true),
        ] {
            let environment = Environment::read([("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)]);
            let environment = environment.without_own_receiver(Some(([127, 0, 0, 1], 4318).into()));
            assert_eq!(environment.collector(Signal::Traces).is_some(), left, "{endpoint}");
            assert_eq!(environment.wrong.len(), usize::from(!left));
        }
    }
}
