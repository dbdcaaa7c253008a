use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use aws_smithy_http_client::Connector;
use aws_smithy_runtime_api::client::http::HttpConnector as _;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use bytes::Bytes;
use http::{Request, Response};
use opentelemetry_http::{HttpClient, HttpError};
use tokio::runtime::Handle;

/// The AWS SDK's HTTP, for exports: what the function has already. The exporter's thread has no runtime, so that requests run on the
/// handler's.
pub(super) struct Client {
    connector: Arc<Connector>,
    runtime: Handle,
    limit: Duration,
}

impl Client {
    pub(super) fn new(runtime: Handle, limit: Duration) -> Self {
        Self { connector: Arc::new(connector()), runtime, limit }
    }
}

impl HttpClient for Client {
    fn send_bytes<'c, 'f>(
        &'c self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'f>>
    where
        'c: 'f,
        Self: 'f,
    {
        let (connector, limit) = (Arc::clone(&self.connector), self.limit);
        let sending = async move { tokio::time::timeout(limit, send(connector, request)).await };
        let sending = self.runtime.spawn(sending);
        Box::pin(async move { sending.await?? })
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

async fn send(connector: Arc<Connector>, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
    let (parts, body) = request.into_parts();
    let mut outgoing = HttpRequest::new(SdkBody::from(body));
    outgoing.set_method(parts.method.as_str())?;
    outgoing.set_uri(parts.uri.to_string())?;
    for (name, value) in &parts.headers {
        outgoing.headers_mut().try_append(name.as_str().to_owned(), value.to_str()?.to_owned())?;
    }
    let response = connector.call(outgoing).await?;
    let status = response.status().as_u16();
    let body = ByteStream::new(response.into_body()).collect().await?.into_bytes();
    Ok(Response::builder().status(status).body(body)?)
}

#[cfg(feature = "rustls")]
fn connector() -> Connector {
    use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
    Connector::builder().tls_provider(Provider::Rustls(CryptoMode::Ring)).build()
}

#[cfg(not(feature = "rustls"))]
fn connector() -> Connector {
    Connector::builder().build_http()
}
