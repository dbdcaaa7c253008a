//! The Runtime API proxy: what stands between the runtime and Lambda.
//!
//! Every connection of the runtime has one of its own to the Runtime API, made when it is needed. `/next` brings an event, which is
//! read before the runtime gets it; `/response` and `/error` end an invocation; everything else passes through as it came, and
//! so does every body that nothing has to be done with, frame by frame. There is no time limit on `/next`, and none on the handler.

mod answer;
mod body;
mod next;
mod route;
mod upstream;

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tracing::{debug, warn};

use crate::fault::panic_in;
use crate::guard::Guard;
use crate::observe::supervise;
use crate::panics::caught;
use crate::sends;
pub(crate) use body::Body;
use route::Route;
pub(crate) use upstream::Upstream;

/// A question of an injector is some hundred bytes.
const MAX_QUESTION: usize = 4_096;
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
                Ok((stream, _)) => {
                    let connection = Connection::new(Arc::clone(guard), Arc::clone(runtime_api), alone);
                    tokio::spawn(connection.serve(stream));
                }
                Err(error) => {
                    warn!(target: "hopguard", %error, "proxy cannot accept a connection");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }
}

/// One connection of the runtime or of an injector.
pub(crate) struct Connection {
    guard: Arc<Guard>,
    upstream: Upstream,
    alone: bool,
}

impl Connection {
    fn new(guard: Arc<Guard>, runtime_api: Arc<str>, alone: bool) -> Self {
        Self { guard, upstream: Upstream::new(runtime_api), alone }
    }

    async fn serve(self, stream: TcpStream) {
        if let Err(error) = stream.set_nodelay(true) {
            debug!(target: "hopguard", %error, "proxy connection without TCP_NODELAY");
        }
        let connection = Arc::new(self);
        let service = service_fn(move |request| {
            let connection = Arc::clone(&connection);
            async move {
                let answer = caught(&connection.guard.counters, connection.handle(request)).await;
                Ok::<_, Infallible>(answer.unwrap_or_else(|| {
                    let why = "hopguard: this part of the layer panicked".to_owned();
                    plain(StatusCode::INTERNAL_SERVER_ERROR, "text/plain", why)
                }))
            }
        });
        let served = hyper::server::conn::http1::Builder::new()
            .preserve_header_case(true)
            .auto_date_header(false)
            // The runtime may end its sending side and still want the answer.
            .half_close(true)
            .serve_connection(TokioIo::new(stream), service);
        if let Err(error) = served.await {
            debug!(target: "hopguard", %error, "proxy connection ended");
        }
    }

    async fn handle(&self, request: Request<Incoming>) -> Response<Body> {
        let answer = match Route::of(request.method(), request.uri().path()) {
            Route::Sends => return self.tell(request).await,
            Route::Next => self.next(request).await,
            Route::Response(id) => self.respond(request, &id).await,
            Route::Error(id) => self.fail(request, &id).await,
            Route::Other => {
                self.upstream.send(request.map(Body::from)).await.map(|answer| answer.map(Body::from))
            }
        };
        answer.unwrap_or_else(|error| {
            warn!(target: "hopguard", error = format!("{error:#}"), "Runtime API not reached");
            plain(StatusCode::BAD_GATEWAY, "text/plain", format!("hopguard: {error:#}"))
        })
    }

    /// Answers an injector.
    async fn tell(&self, request: Request<Incoming>) -> Response<Body> {
        let question = Limited::new(request.into_body(), MAX_QUESTION).collect().await;
        let (status, json) = match question {
            Ok(question) => sends::answer(&self.guard, &question.to_bytes()),
            Err(_) => (StatusCode::BAD_REQUEST, r#"{"error":"the question cannot be read"}"#.to_owned()),
        };
        plain(status, "application/json", json)
    }
}

fn plain(status: StatusCode, kind: &'static str, text: String) -> Response<Body> {
    let mut response = Response::new(Body::from(text.into_bytes()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
