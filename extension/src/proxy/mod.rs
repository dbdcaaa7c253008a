//! The Runtime API proxy: what stands between the runtime and Lambda.
//!
//! Every connection of the runtime has one of its own to the Runtime API, made when it is needed. `/next` brings an event, which is
//! read before the runtime gets it; `/response` and `/error` end an invocation; everything else passes through as it came, and
//! so does every body that nothing has to be done with, frame by frame. There is no time limit on `/next`, and none on the handler.

mod answer;
mod broken;
mod next;
mod route;
mod session;
mod upstream;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::net::TcpListener;
use tracing::{debug, warn};

use crate::fault::panic_in;
use crate::guard::Guard;
use crate::observe::supervise;
use crate::wire::Connection;
use session::Session;
pub(crate) use upstream::Upstream;

/// After a failure to accept (no file handle left), before the next attempt.
const PAUSE: Duration = Duration::from_millis(50);

/// A proxy that listens, before anybody knows its address.
#[derive(Debug)]
pub struct Proxy {
    listener: TcpListener,
    address: SocketAddr,
}

impl Proxy {
    /// Listens on a free port of the loopback interface.
    ///
    /// # Errors
    /// Where no port can be bound.
    pub async fn bind() -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("no port for the proxy")?;
        let address = listener.local_addr().context("the proxy has no address")?;
        Ok(Self { listener, address })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves connections for ever. `runtime_api` is the address of Lambda's own Runtime API; with `alone`, the runtime handles
    /// one invocation at a time.
    pub async fn serve(self, guard: Arc<Guard>, runtime_api: Arc<str>, alone: bool) {
        let counters = Arc::clone(&guard.counters);
        supervise("proxy", &counters, || self.accept(&guard, &runtime_api, alone)).await;
    }

    async fn accept(&self, guard: &Arc<Guard>, runtime_api: &Arc<str>, alone: bool) {
        loop {
            panic_in("proxy");
            match self.listener.accept().await {
                Ok((stream, _)) => match Connection::new(stream) {
                    Ok(runtime) => {
                        let session = Session {
                            guard: Arc::clone(guard),
                            runtime,
                            lambda: None,
                            runtime_api: Arc::clone(runtime_api),
                            alone,
                            begun: false,
                        };
                        tokio::spawn(session.serve());
                    }
                    // It was closed already.
                    Err(error) => debug!(target: "hopguard", %error, "proxy connection ended"),
                },
                Err(error) => {
                    warn!(target: "hopguard", %error, "proxy cannot accept a connection");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }
}
