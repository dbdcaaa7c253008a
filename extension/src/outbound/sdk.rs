use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Error, Result};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use http::{Request, Uri, header};

use super::connections::Connections;
use super::place::Place;

/// An HTTP client for the AWS SDK. `certificate` is the file of a certificate authority to believe beside the public ones: of a proxy that
/// ends TLS, say. It connects to nobody before it is asked to.
pub(crate) fn client(certificate: Option<String>) -> SharedHttpClient {
    SharedHttpClient::new(Client { connections: Arc::default(), certificate })
}

#[derive(Clone, Debug)]
struct Client {
    connections: Arc<Connections>,
    certificate: Option<String>,
}

#[derive(Clone, Debug)]
struct Connector {
    client: Client,
    connect: Option<Duration>,
    read: Option<Duration>,
}

impl HttpClient for Client {
    fn http_connector(&self, settings: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(Connector {
            client: self.clone(),
            connect: settings.connect_timeout(),
            read: settings.read_timeout(),
        })
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let this = self.clone();
        HttpConnectorFuture::new(async move {
            let (place, request) = this.read(request).map_err(|error| ConnectorError::user(error.into()))?;
            let answer = this.client.connections.send(&place, request, this.connect);
            let answer = match this.read {
                Some(limit) => match tokio::time::timeout(limit, answer).await {
                    Ok(answer) => answer,
                    Err(late) => return Err(ConnectorError::timeout(late.into())),
                },
                None => answer.await,
            };
            let answer = answer.map_err(|error| ConnectorError::io(error.into()))?;
            HttpResponse::try_from(answer.map(SdkBody::from_body_1_x))
                .map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

impl Connector {
    /// Where a request of the SDK's goes, and what is written there: the path alone, and the host as a header.
    fn read(&self, request: HttpRequest) -> Result<(Place, Request<SdkBody>)> {
        let mut request = request.try_into_http1x().map_err(Error::new).context("no request")?;
        let place = Place::of(request.uri()).context("the endpoint is no URL")?;
        let host = place.header().context("the endpoint's host is no header")?;
        request.headers_mut().insert(header::HOST, host);
        let path = request.uri().path_and_query().cloned();
        *request.uri_mut() = path.map_or_else(Uri::default, Uri::from);
        Ok((Place { certificate: self.client.certificate.clone(), ..place }, request))
    }
}

#[cfg(test)]
mod tests {
    use aws_config::{BehaviorVersion, Region, SdkConfig};
    use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
    use hopguard_aws::{Clients, Head, Lookup, LookupError, ObjectName};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;
    use tokio::sync::mpsc;

    use super::*;

    /// What each connection is answered, in turn; it is closed after the last one, and after the last connection nobody listens.
    async fn s3(
        answers: Vec<Vec<&'static str>>,
    ) -> (Lookup, String, mpsc::UnboundedReceiver<(usize, String)>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (seen, requests) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            for (nth, answers) in answers.into_iter().enumerate() {
                let (mut stream, _) = listener.accept().await.unwrap();
                let seen = seen.clone();
                tokio::spawn(async move {
                    for answer in answers {
                        let mut head = Vec::new();
                        while !head.ends_with(b"\r\n\r\n") {
                            head.push(stream.read_u8().await.unwrap());
                        }
                        seen.send((nth, String::from_utf8(head).unwrap())).unwrap();
                        stream.write_all(answer.as_bytes()).await.unwrap();
                    }
                });
            }
        });
        let credentials = Credentials::new("AKID", "secret", None, None, "test");
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .endpoint_url(format!("http://{address}"))
            .http_client(client(None))
            .build();
        (Lookup::new(Clients::from_config(config)), address, requests)
    }

    async fn head(lookup: &Lookup, key: &str) -> Result<Head, LookupError> {
        let object = ObjectName { bucket: "in".into(), key: key.into(), version: None };
        lookup.head(&object, Duration::from_secs(5)).await
    }

    const FOUND: &str = "HTTP/1.1 200 OK\r\nx-amz-meta-hopguard: 01-x\r\ncontent-length: 5\r\n\r\n";

    #[tokio::test]
    async fn a_connection_is_used_again_and_replaced_where_it_is_gone() {
        let (lookup, address, mut requests) = s3(vec![vec![FOUND, FOUND], vec![FOUND]]).await;
        for (key, connection) in [("a", 0), ("b", 0), ("c", 1)] {
            let found = head(&lookup, key).await.unwrap();
            assert_eq!(found.metadata.get("hopguard").map(String::as_str), Some("01-x"));
            let (nth, request) = requests.recv().await.unwrap();
            assert_eq!(nth, connection, "{key}");
            assert!(request.starts_with(&format!("HEAD /in/{key} HTTP/1.1\r\n")), "{request}");
            let host = format!("\r\nhost: {address}\r\n");
            assert_eq!(request.to_ascii_lowercase().matches(&host).count(), 1, "{request}");
            assert!(request.contains("AWS4-HMAC-SHA256"), "{request}");
        }
    }

    #[tokio::test]
    async fn requests_at_once_have_a_connection_each() {
        let (lookup, _, mut requests) = s3(vec![vec![FOUND], vec![FOUND]]).await;
        let (a, b) = tokio::join!(head(&lookup, "a"), head(&lookup, "b"));
        assert!(a.is_ok() && b.is_ok());
        let mut used = [requests.recv().await.unwrap().0, requests.recv().await.unwrap().0];
        used.sort_unstable();
        assert_eq!(used, [0, 1]);
    }

    #[tokio::test]
    async fn who_cannot_be_reached_is_an_error_that_may_pass() {
        let (lookup, address, _) = s3(vec![]).await;
        tokio::task::yield_now().await;
        let error = head(&lookup, "a").await.unwrap_err();
        assert!(error.to_string().contains(&format!("no connection to {address}")), "{error}");
    }

    #[test]
    fn https_is_asked_for_by_the_endpoint() {
        let connector = Connector {
            client: Client { connections: Arc::default(), certificate: Some("/own.pem".to_owned()) },
            connect: None,
            read: None,
        };
        let request = HttpRequest::get("https://sqs.us-east-1.amazonaws.com/?x=1").unwrap();
        let (place, request) = connector.read(request).unwrap();
        let expected = Place {
            https: true,
            host: "sqs.us-east-1.amazonaws.com".to_owned(),
            port: 443,
            certificate: Some("/own.pem".to_owned()),
        };
        assert_eq!((place, request.uri().to_string()), (expected, "/?x=1".to_owned()));
        assert_eq!(request.headers()[header::HOST], "sqs.us-east-1.amazonaws.com");
    }
}
