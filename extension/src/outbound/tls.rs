use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result};
use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject as _};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::place::Place;

type Made = Vec<(Option<String>, Arc<ClientConfig>)>;

/// Built at the first HTTPS connection: Mozilla's roots as constants, since reading the system's takes most of a client's start. One for
/// each certificate authority that the settings name, with nothing else in them.
static CONFIGS: Mutex<Made> = Mutex::new(Vec::new());

/// TLS on a connection.
pub(super) async fn connect(place: &Place, stream: TcpStream) -> Result<TlsStream<TcpStream>> {
    let config = config(place.certificate.as_ref())?;
    let name = ServerName::try_from(place.host.clone()).context("the host is no name")?;
    TlsConnector::from(config).connect(name, stream).await.context("no TLS")
}

fn config(certificate: Option<&String>) -> Result<Arc<ClientConfig>> {
    let mut configs = CONFIGS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, config)) = configs.iter().find(|(known, _)| known.as_ref() == certificate) {
        return Ok(Arc::clone(config));
    }
    let config = Arc::new(made(certificate)?);
    configs.push((certificate.cloned(), Arc::clone(&config)));
    Ok(config)
}

fn made(certificate: Option<&String>) -> Result<ClientConfig> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(path) = certificate {
        let own = CertificateDer::pem_file_iter(path).with_context(|| format!("{path} cannot be read"))?;
        let (added, _) = roots.add_parsable_certificates(own.filter_map(Result::ok));
        anyhow::ensure!(added > 0, "{path} holds no certificate");
    }
    // Named, since the process may have none or several.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    Ok(versions.context("no TLS version")?.with_root_certificates(roots).with_no_client_auth())
}

#[cfg(test)]
mod tests;
