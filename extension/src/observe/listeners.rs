use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use hopguard_core::settings::Telemetry;
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::Mutex;
use tracing::warn;

use super::export::Exporter;
use super::observer::Observer;
use super::supervise::supervise;
use super::telemetry::own_address;
use crate::lifecycle::Lifecycle;

/// The sockets of an [`Observer`], bound before anybody knows their addresses. All on the loopback interface. What cannot be bound is
/// not there: the layer guards without it.
#[derive(Debug)]
pub struct Listeners {
    reports: Option<Arc<UdpSocket>>,
    otlp: Option<TcpListener>,
    telemetry: Option<TcpListener>,
}

impl Listeners {
    /// Binds them. Where the port of the OTLP receiver is taken, by a collector of the user's as a rule, there is none.
    pub async fn bind(settings: &Telemetry) -> Self {
        let free = (Ipv4Addr::LOCALHOST, 0);
        let reports = bound(UdpSocket::bind(free).await, "no port for the injectors' reports");
        let port = settings.otlp_port;
        let otlp = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await;
        let otlp = bound(otlp, "no OTLP receiver: choose another port in HOPGUARD_OTLP_PORT");
        let hosts = std::fs::read_to_string("/etc/hosts").unwrap_or_default();
        let telemetry = match TcpListener::bind((own_address(&hosts), 0)).await {
            Ok(listener) => Some(listener),
            Err(_) => bound(TcpListener::bind(free).await, "no port for the Telemetry API"),
        };
        Self { reports: reports.map(Arc::new), otlp, telemetry }
    }

    /// Where reports go.
    pub fn reports(&self) -> Option<SocketAddr> {
        self.reports.as_ref()?.local_addr().ok()
    }

    /// Where OTLP goes.
    pub fn otlp(&self) -> Option<SocketAddr> {
        self.otlp.as_ref()?.local_addr().ok()
    }

    /// Where the Telemetry API delivers to, for [`Observer::subscribe`].
    pub fn telemetry(&self) -> Option<SocketAddr> {
        self.telemetry.as_ref()?.local_addr().ok()
    }
}

impl Observer {
    /// Subscribes the registered extension to what the platform tells of invocations. Lambda allows it during initialisation only; where
    /// there is no Telemetry API the layer goes without.
    pub async fn subscribe(&self, lifecycle: &Lifecycle, listener: SocketAddr) {
        self.subscribe_at(lifecycle.api(), lifecycle.id(), listener.port()).await;
    }

    /// Starts the parts: each is caught at its edge, and started again where it panics.
    pub fn run(&self, listeners: Listeners) {
        let Listeners { reports, otlp, telemetry } = listeners;
        if let Some(socket) = reports {
            let _ = self.0.reports.set(Arc::clone(&socket));
            let this = self.clone();
            tokio::spawn(async move {
                supervise("reports", &this.0.counters, || this.take_reports(&socket)).await;
            });
        }
        if let Some(listener) = otlp {
            let this = self.clone();
            tokio::spawn(async move {
                supervise("receiver", &this.0.counters, || this.receive(&listener)).await;
            });
        }
        if let Some(listener) = telemetry {
            let this = self.clone();
            let part = async move {
                supervise("telemetry", &this.0.counters, || this.take_telemetry(&listener)).await;
            };
            tokio::spawn(part);
        }
        let this = self.clone();
        tokio::spawn(async move {
            let exporter = Mutex::new(Exporter::new(&this.0));
            supervise("exporter", &this.0.counters, || async { exporter.lock().await.run(&this.0).await })
                .await;
        });
    }
}

fn bound<S>(socket: io::Result<S>, without: &'static str) -> Option<S> {
    if let Err(error) = &socket {
        warn!(target: "hopguard", %error, "{without}");
    }
    socket.ok()
}
