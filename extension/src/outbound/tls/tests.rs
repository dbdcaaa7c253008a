use std::path::PathBuf;
use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use hopguard_aws::{Clients, Head, Lookup, LookupError, ObjectName};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::super::sdk::client;
use super::*;

#[test]
fn public_roots_are_there_and_a_wrong_file_is_no_authority() {
    assert!(made(None).is_ok());
    let error = made(Some(&"/dev/null".to_owned())).unwrap_err().to_string();
    assert_eq!(error, "/dev/null holds no certificate");
    assert!(made(Some(&"/does/not/exist".to_owned())).is_err());
}

#[test]
fn each_authority_has_one_configuration() {
    let (first, again) = (config(None).unwrap(), config(None).unwrap());
    assert!(Arc::ptr_eq(&first, &again));
    assert!(config(Some(&"/dev/null".to_owned())).is_err(), "not that of the public ones");
}

/// A certificate authority of the test's own.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    file: tempfile::TempPath,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        let file = tempfile::NamedTempFile::new().unwrap().into_temp_path();
        std::fs::write(&file, pem).unwrap();
        Self { issuer: Issuer::new(params, key), file }
    }

    fn path(&self) -> String {
        PathBuf::from(&*self.file).to_str().unwrap().to_owned()
    }

    /// A server with a certificate for these names, which answers every request of every connection as S3 does of an object.
    async fn server(&self, names: &[&str], expired: bool) -> u16 {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        if expired {
            (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 1, 1));
        }
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    let Ok(mut stream) = acceptor.accept(stream).await else { return };
                    let mut head = Vec::new();
                    while let Ok(byte) = stream.read_u8().await {
                        head.push(byte);
                        if head.ends_with(b"\r\n\r\n") {
                            let answer =
                                "HTTP/1.1 200 OK\r\nx-amz-meta-hopguard: 01-x\r\ncontent-length: 5\r\n\r\n";
                            stream.write_all(answer.as_bytes()).await.unwrap();
                            stream.flush().await.unwrap();
                            head.clear();
                        }
                    }
                });
            }
        });
        port
    }
}

/// What the layer's client for AWS says of an object on that server.
async fn looked_up(port: u16, certificate: Option<String>) -> Result<Head, LookupError> {
    let credentials = Credentials::new("AKID", "secret", None, None, "test");
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .endpoint_url(format!("https://localhost:{port}"))
        .http_client(client(certificate))
        .build();
    let lookup = Lookup::new(Clients::from_config(config));
    let object = ObjectName { bucket: "in".into(), key: "a".into(), version: None };
    for _ in 0..2 {
        lookup.head(&object, Duration::from_secs(10)).await?;
    }
    lookup.head(&object, Duration::from_secs(10)).await
}

#[tokio::test]
async fn a_server_whose_authority_is_named_is_spoken_to() {
    let authority = Authority::new("one");
    let port = authority.server(&["localhost"], false).await;
    let found = looked_up(port, Some(authority.path())).await.unwrap();
    assert_eq!(found.metadata.get("hopguard").map(String::as_str), Some("01-x"));
}

#[tokio::test]
async fn nobody_else_is_believed() {
    let (authority, other) = (Authority::new("one"), Authority::new("another"));
    let good = authority.server(&["localhost"], false).await;
    let elsewhere = authority.server(&["s3.example"], false).await;
    let expired = authority.server(&["localhost"], true).await;
    let cases = [
        ("an authority that nobody named", good, None, "UnknownIssuer"),
        ("another authority", good, Some(other.path()), "UnknownIssuer"),
        ("another name", elsewhere, Some(authority.path()), "NotValidForName"),
        ("a certificate that is over", expired, Some(authority.path()), "Expired"),
    ];
    for (name, port, certificate, expected) in cases {
        let error = looked_up(port, certificate).await.unwrap_err().to_string().replace(' ', "");
        let told = error.contains(expected) || error.to_lowercase().contains(&expected.to_lowercase());
        assert!(told, "{name}: {error}");
    }
}
