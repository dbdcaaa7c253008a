use std::sync::{Arc, OnceLock};

use anyhow::{Context as _, Result};
use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject as _};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::observe::environment::Collector;

/// Built at the first HTTPS export: Mozilla's roots as constants, since reading the system's takes most of a client's start.
static CONFIG: OnceLock<Arc<ClientConfig>> = OnceLock::new();

/// TLS on a connection to a collector.
pub(super) async fn connect(collector: &Collector, stream: TcpStream) -> Result<TlsStream<TcpStream>> {
    let config = match CONFIG.get() {
        Some(config) => config,
        None => {
            let made = Arc::new(config(collector.certificate.as_deref())?);
            CONFIG.get_or_init(|| made)
        }
    };
    let name = ServerName::try_from(collector.host.clone()).context("the collector's host is no name")?;
    TlsConnector::from(Arc::clone(config)).connect(name, stream).await.context("no TLS")
}

fn config(certificate: Option<&str>) -> Result<ClientConfig> {
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
mod tests {
    use super::*;

    #[test]
    fn public_roots_are_there_and_a_wrong_file_is_no_authority() {
        assert!(config(None).is_ok());
        let error = config(Some("/dev/null")).unwrap_err().to_string();
        assert_eq!(error, "/dev/null holds no certificate");
        assert!(config(Some("/does/not/exist")).is_err());
    }
}
