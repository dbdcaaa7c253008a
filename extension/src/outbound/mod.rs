//! The layer's only HTTP client, for AWS and for collectors: HTTP/1.1 over TCP or TLS, on connections that are made when they are
//! needed and kept.

mod connections;
mod place;
mod sdk;
mod stream;
#[cfg(feature = "rustls")]
mod tls;

pub(crate) use connections::Connections;
pub(crate) use place::Place;
pub(crate) use sdk::client;
