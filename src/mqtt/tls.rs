//! TLS to a broker. Certificate and host name are always verified, and nothing falls back to plain TCP.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem};
use rustls::{ClientConfig, RootCertStore};

use super::TlsSettings;

/// Why no connection can be attempted.
#[derive(Debug, thiserror::Error)]
pub(super) enum TlsError {
    #[error("could not read {path}: {source}", path = path.display())]
    Read { path: PathBuf, source: pem::Error },
    #[error("{path} holds no certificate; it must be PEM, with BEGIN CERTIFICATE", path = .0.display())]
    NoCertificate(PathBuf),
    #[error("{path} holds a certificate that cannot be used: {source}", path = path.display())]
    BadCertificate { path: PathBuf, source: rustls::Error },
    #[error("the system has no certificate authorities; install ca-certificates or set ca_file")]
    NoSystemStore,
    #[error("{certificate} and {key} cannot be used together: {source}", certificate = certificate.display(), key = key.display())]
    BadPair { certificate: PathBuf, key: PathBuf, source: rustls::Error },
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read = |source| TlsError::Read { path: path.to_owned(), source };
    let certificates: Vec<_> =
        CertificateDer::pem_file_iter(path).map_err(read)?.collect::<Result<_, _>>().map_err(read)?;
    if certificates.is_empty() {
        return Err(TlsError::NoCertificate(path.to_owned()));
    }
    Ok(certificates)
}

/// Reads the files that the settings name. It blocks, for tens of milliseconds where the system's own
/// authorities are read on a small machine. Called for each connection, so that renewed files are noticed.
pub(super) fn client_config(settings: &TlsSettings) -> Result<Arc<ClientConfig>, TlsError> {
    let mut roots = RootCertStore::empty();
    match &settings.ca_file {
        Some(path) => {
            for certificate in certificates(path)? {
                roots
                    .add(certificate)
                    .map_err(|source| TlsError::BadCertificate { path: path.clone(), source })?;
            }
        }
        None => {
            // A store often has one or two certificates that cannot be read; the rest serve.
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            if roots.is_empty() {
                return Err(TlsError::NoSystemStore);
            }
        }
    }
    let builder = ClientConfig::builder().with_root_certificates(roots);
    let config = match &settings.client {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => {
            let private = PrivateKeyDer::from_pem_file(key)
                .map_err(|source| TlsError::Read { path: key.clone(), source })?;
            builder.with_client_auth_cert(certificates(certificate)?, private).map_err(|source| {
                TlsError::BadPair { certificate: certificate.clone(), key: key.clone(), source }
            })?
        }
    };
    Ok(Arc::new(config))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_file_and_one_without_certificates_are_told() {
        let missing = TlsSettings { ca_file: Some("/nowhere/ca.pem".into()), client: None };
        let error = client_config(&missing).expect_err("there is no such file").to_string();
        assert!(error.contains("/nowhere/ca.pem"), "{error}");

        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), "no certificate\n").expect("written");
        let empty = TlsSettings { ca_file: Some(file.path().to_owned()), client: None };
        let error = client_config(&empty).expect_err("it is not PEM").to_string();
        assert!(error.contains("BEGIN CERTIFICATE"), "{error}");
    }
}
