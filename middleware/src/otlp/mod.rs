//! The guard's spans and metrics as OTLP: to a collector, to the layer beside the function, or to a file.

mod client;
mod file;
mod meters;
mod resource;

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hopguard_core::{Flush, FlushPolicy};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{
    MetricExporter, Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _,
};
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use tokio::time::Instant;
use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::admission::BoxFuture;
use crate::guard::Guard;
use crate::observed::Ended;
use crate::reports::{ADDRESSES, announced};
use file::File;
use meters::Meters;

/// What an answer may wait for an export, where one is due.
const FLUSH_LIMIT: Duration = Duration::from_millis(500);
/// What one request to a collector may take.
const REQUEST_LIMIT: Duration = Duration::from_secs(5);

/// Where an endpoint for spans ends that is one of OTLP over HTTP, and what metrics have in its place.
const PATHS: (&str, &str) = ("/v1/traces", "/v1/metrics");
/// Metrics are exported with the spans, when an invocation says so, and not by a clock that stands still with the environment.
const SELDOM: Duration = Duration::from_secs(24 * 3600);

/// The export of a guard's spans and metrics, made by [`Guard::otlp_from_env`].
///
/// While invocations are rare, each answer waits for its export (500 ms at most, and less where less time is left): Lambda freezes the
/// environment behind it. While they are frequent, one export in `HOPGUARD_FLUSH_INTERVAL` is enough; and while the collector does not
/// answer, nobody waits.
#[derive(Clone)]
pub struct Otlp(Arc<Exporting>);

pub(crate) struct Exporting {
    provider: SdkTracerProvider,
    meters: Option<Meters>,
    policy: Mutex<FlushPolicy>,
}

/// Where a request goes to.
#[derive(Clone, Debug)]
enum Endpoint {
    /// Where OpenTelemetry's variables say.
    OfVariables,
    At(String),
}

/// Why nothing is exported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OtlpError {
    /// Nobody said where to.
    #[error(
        "spans have nowhere to go: set OTEL_EXPORTER_OTLP_ENDPOINT or HOPGUARD_OTLP_FILE, or add the layer to the function"
    )]
    Nowhere,
    /// The exporter cannot be made from what OpenTelemetry's variables say.
    #[error("the OTLP exporter cannot be made: {0}; check the variables OTEL_EXPORTER_OTLP_…")]
    Exporter(#[from] opentelemetry_otlp::ExporterBuildError),
    /// No task of Tokio runs here.
    #[error("exports need Tokio: call this inside of `#[tokio::main]`")]
    NoRuntime(#[from] tokio::runtime::TryCurrentError),
    /// There is one already.
    #[error("this guard exports already")]
    Twice,
}

impl Guard {
    /// Exports the guard's spans and metrics, and the spans of the handler, where the environment says: to `OTEL_EXPORTER_OTLP_ENDPOINT`
    /// (OTLP over HTTP, protobuf, with the other variables of OpenTelemetry), else to the layer beside the function, and to
    /// `HOPGUARD_OTLP_FILE`. Where the layer is there it exports the metrics, and the guard none.
    ///
    /// ```no_run
    /// # #[tokio::main] async fn main() -> Result<(), lambda_runtime::Error> {
    /// let guard = hopguard::Guard::from_env();
    /// guard.otlp_from_env()?.install();
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`OtlpError::Nowhere`] where none of these is set, [`OtlpError::Exporter`] where a variable is wrong, [`OtlpError::NoRuntime`]
    /// outside of Tokio, and [`OtlpError::Twice`].
    pub fn otlp_from_env(&self) -> Result<Otlp, OtlpError> {
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let endpoint = match set("OTEL_EXPORTER_OTLP_ENDPOINT") || set("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") {
            true => Some(Endpoint::OfVariables),
            false => announced(Path::new(ADDRESSES), "otlp")
                .map(|at| Endpoint::At(format!("http://{at}{}", PATHS.0))),
        };
        self.otlp_to(endpoint)
    }

    /// Exports spans to this address, for example `http://127.0.0.1:4318/v1/traces`, metrics to the same with `metrics` where it ends like
    /// that, and both to `HOPGUARD_OTLP_FILE`.
    ///
    /// # Errors
    /// As [`otlp_from_env`](Self::otlp_from_env).
    pub fn otlp_to_endpoint(&self, endpoint: impl Into<String>) -> Result<Otlp, OtlpError> {
        self.otlp_to(Some(Endpoint::At(endpoint.into())))
    }

    fn otlp_to(&self, endpoint: Option<Endpoint>) -> Result<Otlp, OtlpError> {
        let telemetry = &self.settings().telemetry;
        if endpoint.is_none() && telemetry.otlp_file.is_none() {
            return Err(OtlpError::Nowhere);
        }
        let file = telemetry.otlp_file.clone().map(File::new);
        let exporting = Arc::new(Exporting {
            provider: spans(endpoint.as_ref(), file.as_ref())?,
            meters: match self.tells_the_layer() {
                true => None,
                false => Some(Meters::new(metrics(endpoint, file)?, self.shared_counters())),
            },
            policy: Mutex::new(FlushPolicy::new(telemetry.flush_interval)),
        });
        if !self.export(Arc::clone(&exporting)) {
            return Err(OtlpError::Twice);
        }
        Ok(Otlp(exporting))
    }
}

fn client() -> Result<client::Client, OtlpError> {
    Ok(client::Client::new(tokio::runtime::Handle::try_current()?, REQUEST_LIMIT))
}

fn spans(endpoint: Option<&Endpoint>, file: Option<&File>) -> Result<SdkTracerProvider, OtlpError> {
    let mut provider = SdkTracerProvider::builder().with_resource(resource::of_function());
    if let Some(endpoint) = endpoint {
        let exporter = SpanExporter::builder().with_http().with_http_client(client()?);
        let exporter = exporter.with_protocol(Protocol::HttpBinary);
        let exporter = match endpoint {
            Endpoint::At(address) => exporter.with_endpoint(address),
            Endpoint::OfVariables => exporter,
        };
        provider = provider.with_batch_exporter(exporter.build()?);
    }
    if let Some(file) = file {
        provider = provider.with_batch_exporter(file.spans());
    }
    Ok(provider.build())
}

fn metrics(endpoint: Option<Endpoint>, file: Option<File>) -> Result<SdkMeterProvider, OtlpError> {
    let mut provider = SdkMeterProvider::builder().with_resource(resource::of_function());
    // Of an address that is not one of OTLP over HTTP, nobody knows where its metrics go.
    let endpoint = endpoint.and_then(|endpoint| match endpoint {
        Endpoint::At(address) => {
            address.strip_suffix(PATHS.0).map(|base| Endpoint::At(format!("{base}{}", PATHS.1)))
        }
        Endpoint::OfVariables => Some(Endpoint::OfVariables),
    });
    if let Some(endpoint) = endpoint {
        let exporter = MetricExporter::builder().with_http().with_http_client(client()?);
        let exporter = exporter.with_protocol(Protocol::HttpBinary);
        let exporter = match endpoint {
            Endpoint::At(address) => exporter.with_endpoint(address),
            Endpoint::OfVariables => exporter,
        };
        provider = provider.with_reader(reader(exporter.build()?));
    }
    if let Some(file) = file {
        provider = provider.with_reader(reader(file));
    }
    Ok(provider.build())
}

fn reader<E: PushMetricExporter>(exporter: E) -> PeriodicReader<E> {
    PeriodicReader::builder(exporter).with_interval(SELDOM).build()
}

impl Otlp {
    /// Makes it the subscriber of the whole process: spans of `info` and above are exported, and logged lines go to the standard output as
    /// JSON. Where there is a subscriber already, that stays and nothing is exported: give it a [`layer`](Self::layer).
    pub fn install(&self) {
        opentelemetry::global::set_text_map_propagator(TraceContextPropagator::new());
        let lines = tracing_subscriber::fmt::layer().json().flatten_event(true);
        let registry =
            tracing_subscriber::registry().with(self.layer()).with(lines.with_filter(LevelFilter::INFO));
        if registry.try_init().is_err() {
            tracing::warn!(target: "hopguard", "spans not exported: the process has a subscriber; give it `Otlp::layer`");
        }
    }

    /// The layer for a subscriber of one's own. Spans below `info` are left out: the SDKs have many.
    pub fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'s> LookupSpan<'s>,
    {
        let tracer: SdkTracer = self.0.provider.tracer("hopguard");
        tracing_opentelemetry::layer().with_tracer(tracer).with_filter(LevelFilter::INFO)
    }

    /// Exports what is left, within this time. For an end that the process is told of, such as SIGTERM where an extension is registered.
    /// Whether all of it was delivered.
    pub async fn flush(&self, limit: Duration) -> bool {
        self.0.flush(limit).await
    }
}

impl fmt::Debug for Otlp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Otlp").finish_non_exhaustive()
    }
}

impl Exporting {
    /// An invocation starts: what is to be done at its end.
    pub(crate) fn due(&self) -> Flush {
        self.policy().handle_invoke(Instant::now().into_std(), false)
    }

    /// An invocation has ended.
    pub(crate) fn measure(&self, ended: &Ended<'_>) {
        if let Some(meters) = &self.meters {
            meters.measure(ended);
        }
    }

    /// What its answer waits for.
    pub(crate) fn at_end(this: &Arc<Self>, flush: Flush, left: Duration) -> Option<BoxFuture<()>> {
        let exporting = Arc::clone(this);
        match flush {
            Flush::Later => None,
            Flush::AtEnd => Some(Box::pin(async move {
                exporting.flush(FLUSH_LIMIT.min(left)).await;
            })),
            Flush::Beside => {
                tokio::spawn(async move { exporting.flush(REQUEST_LIMIT).await });
                None
            }
        }
    }

    async fn flush(self: &Arc<Self>, limit: Duration) -> bool {
        self.policy().handle_flush(Instant::now().into_std());
        let this = Arc::clone(self);
        let flushing = tokio::task::spawn_blocking(move || {
            let delivered = this.provider.force_flush().is_ok();
            delivered & this.meters.as_ref().is_none_or(Meters::flush)
        });
        let delivered = tokio::time::timeout(limit, flushing).await.is_ok_and(|done| done.unwrap_or(false));
        self.policy().handle_outcome(delivered);
        delivered
    }

    fn policy(&self) -> std::sync::MutexGuard<'_, FlushPolicy> {
        self.policy.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
