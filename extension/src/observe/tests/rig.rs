//! An observer that runs, and what is around it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_config::SdkConfig;
use hopguard_aws::Clients;
use hopguard_core::event::Source;
use hopguard_core::findings::Thresholds;
use hopguard_core::propagator::TraceParent;
use hopguard_core::settings::Telemetry;
use hopguard_core::wait::Price;
use hopguard_core::{ChainId, Counter, Counters, FunctionId, Lineage};
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpStream, UdpSocket};

use crate::observe::{Batch, Ended, Environment, Listeners, Observer, Outcome, Started};

pub(super) const ARN: &str = "arn:aws:lambda:eu-central-1:123456789012:function:orders";

pub(super) struct Rig {
    pub(super) observer: Observer,
    pub(super) counters: Arc<Counters>,
    pub(super) otlp: SocketAddr,
    pub(super) telemetry: SocketAddr,
    pub(super) reports: SocketAddr,
}

impl Rig {
    /// Exports to a collector at this address, where there is one.
    pub(super) async fn start(collector: Option<&str>) -> Self {
        let mut variables =
            vec![("AWS_LAMBDA_FUNCTION_NAME", "orders"), ("OTEL_EXPORTER_OTLP_TIMEOUT", "800")];
        variables.extend(collector.map(|url| ("OTEL_EXPORTER_OTLP_ENDPOINT", url)));
        Self::with(&variables, Telemetry::default()).await
    }

    pub(super) async fn with(variables: &[(&str, &str)], settings: Telemetry) -> Self {
        Self::of(variables, settings, Clients::from_config(SdkConfig::builder().build())).await
    }

    /// As on Lambda Managed Instances.
    pub(super) async fn managed(collector: &str, interval: Duration) -> Self {
        let settings = Telemetry { flush_interval: interval, ..Telemetry::default() };
        let clients = Clients::from_config(SdkConfig::builder().build());
        Self::made(&[("OTEL_EXPORTER_OTLP_ENDPOINT", collector)], settings, clients, true).await
    }

    pub(super) async fn of(variables: &[(&str, &str)], settings: Telemetry, clients: Clients) -> Self {
        Self::made(variables, settings, clients, false).await
    }

    async fn made(variables: &[(&str, &str)], settings: Telemetry, clients: Clients, managed: bool) -> Self {
        let settings = Telemetry { otlp_port: 0, ..settings };
        let listeners = Listeners::bind(&settings).await;
        let (otlp, telemetry, reports) = (listeners.otlp(), listeners.telemetry(), listeners.reports());
        let environment = Environment::read(variables.iter().copied()).without_own_receiver(otlp);
        assert!(environment.wrong.is_empty(), "{:?}", environment.wrong);
        let counters = Arc::<Counters>::default();
        let observer = Observer::new(
            environment,
            settings,
            Price::default(),
            Thresholds::default(),
            Arc::clone(&counters),
            clients,
            managed,
        );
        observer.run(listeners);
        Self {
            observer,
            counters,
            otlp: otlp.unwrap(),
            telemetry: telemetry.unwrap(),
            reports: reports.unwrap(),
        }
    }

    /// An invocation from its start to its end, as the proxy tells of it.
    pub(super) fn invoke(&self, id: &str) -> TraceParent {
        let span = self.start_invocation(id);
        self.end(id, Outcome::Answered);
        span
    }

    pub(super) fn start_invocation(&self, id: &str) -> TraceParent {
        let chain = ChainId::new(0xc0ffee).unwrap();
        let span = TraceParent { trace: chain, span: 0xabc, flags: 1 };
        self.observer.started(&Started {
            request_id: id.to_owned(),
            arn: ARN.to_owned(),
            source: Source::Sqs,
            lineage: Lineage::root(chain, FunctionId::from_arn(ARN), 256),
            sender: None,
            batch: Batch::default(),
            span,
            at: SystemTime::now(),
        });
        span
    }

    pub(super) fn end(&self, id: &str, outcome: Outcome) {
        self.observer.ended(&Ended { request_id: id, outcome, at: SystemTime::now() });
    }

    /// Everything that is there is exported.
    pub(super) async fn shut_down(&self) {
        self.observer.shut_down(deadline(2_000)).await;
    }

    pub(super) async fn report(&self, datagram: &[u8]) {
        let socket = UdpSocket::bind(("127.0.0.1", 0)).await.unwrap();
        socket.send_to(datagram, self.reports).await.unwrap();
    }

    pub(super) fn count(&self, counter: Counter) -> u64 {
        self.counters.value(counter)
    }

    /// Waits for a counter; what it counts happens in another task.
    pub(super) async fn wait_for(&self, counter: Counter, value: u64) {
        for _ in 0..300 {
            if self.count(counter) >= value {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(self.count(counter), value, "{counter:?}");
    }
}

/// Milliseconds since 1970, so many from now.
pub(super) fn deadline(ms: u64) -> u64 {
    let at = SystemTime::now() + Duration::from_millis(ms);
    at.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis().try_into().unwrap()
}

/// Posts a body, and returns the answer.
pub(super) async fn post(
    to: SocketAddr,
    path: &str,
    headers: &[(&str, &str)],
    body: Vec<u8>,
) -> (StatusCode, String, Vec<u8>) {
    let mut request = Request::post(path).header("host", "localhost");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    send(to, request.body(Full::from(body)).unwrap()).await
}

pub(super) async fn send(
    to: SocketAddr,
    request: Request<Full<bytes::Bytes>>,
) -> (StatusCode, String, Vec<u8>) {
    let stream = TcpStream::connect(to).await.unwrap();
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let answer = sender.send_request(request).await.unwrap();
    let kind = answer
        .headers()
        .get("content-type")
        .map(|kind| kind.to_str().unwrap().to_owned())
        .unwrap_or_default();
    let status = answer.status();
    (status, kind, answer.into_body().collect().await.unwrap().to_bytes().to_vec())
}
