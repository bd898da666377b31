//! Certificates made at test time by the `openssl` program.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// An authority, and a server and a client certificate that it signed, as PEM files in one folder.
pub(crate) struct Certificates {
    /// The authority.
    pub(crate) ca: PathBuf,
    /// Another authority, which signed nothing.
    pub(crate) other_ca: PathBuf,
    /// The server's certificate and key.
    pub(crate) server: (PathBuf, PathBuf),
    /// A client's certificate and key.
    pub(crate) client: (PathBuf, PathBuf),
}

#[track_caller]
fn openssl(folder: &Path, arguments: &[&str]) {
    let output = Command::new("openssl")
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .expect("openssl is installed");
    assert!(output.status.success(), "openssl {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

const KEY: [&str; 5] = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

fn authority(folder: &Path, name: &str) -> PathBuf {
    let (key, certificate, subject) = (format!("{name}.key"), format!("{name}.pem"), format!("/CN={name}"));
    let mut arguments = vec!["req", "-x509", "-days", "2", "-subj", &subject, "-keyout", &key];
    arguments.extend(KEY);
    arguments.extend(["-addext", "keyUsage=critical,keyCertSign,cRLSign", "-out", &certificate]);
    openssl(folder, &arguments);
    folder.join(certificate)
}

fn signed(folder: &Path, ca: &str, name: &str, extensions: &str) -> (PathBuf, PathBuf) {
    let file = |suffix: &str| format!("{name}.{suffix}");
    let (key, request, certificate, extension) = (file("key"), file("csr"), file("pem"), file("ext"));
    let subject = format!("/CN={name}");
    let mut arguments = vec!["req", "-new", "-subj", &subject, "-keyout", &key, "-out", &request];
    arguments.extend(KEY);
    openssl(folder, &arguments);
    std::fs::write(folder.join(&extension), extensions).expect("the extensions are written");
    let (authority, authority_key) = (format!("{ca}.pem"), format!("{ca}.key"));
    let mut arguments = vec!["x509", "-req", "-days", "2", "-in", &request, "-out", &certificate];
    arguments.extend([
        "-CA",
        &authority,
        "-CAkey",
        &authority_key,
        "-CAcreateserial",
        "-extfile",
        &extension,
    ]);
    openssl(folder, &arguments);
    (folder.join(certificate), folder.join(key))
}

impl Certificates {
    /// Makes them in `folder`; the server's is for `names`, such as `IP:127.0.0.1` or `DNS:localhost`.
    pub(crate) fn make(folder: &Path, names: &str) -> Self {
        let server =
            format!("subjectAltName={names}\nextendedKeyUsage=serverAuth\nbasicConstraints=CA:FALSE\n");
        let client = "extendedKeyUsage=clientAuth\nbasicConstraints=CA:FALSE\n";
        Self {
            ca: authority(folder, "ca"),
            other_ca: authority(folder, "other"),
            server: signed(folder, "ca", "server", &server),
            client: signed(folder, "ca", "client", client),
        }
    }
}
