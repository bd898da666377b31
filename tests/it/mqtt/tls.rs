//! TLS against a real broker: the right authority connects, everything else does not, and never in the clear.

use std::time::Duration;

use dsmrd::mqtt::{BrokerSettings, TlsSettings};

use super::rig::{Rig, on_runtime, settings};
use crate::support::{Certificates, Mosquitto, mosquitto_missing, scratch, until};

const SOON: Duration = Duration::from_secs(60);

fn lines(certificates: &Certificates, more: &str) -> String {
    let (certificate, key) = &certificates.server;
    let files = [("cafile", &certificates.ca), ("certfile", certificate), ("keyfile", key)];
    let files: String = files.iter().map(|(name, path)| format!("{name} {}\n", path.display())).collect();
    format!("allow_anonymous true\n{files}{more}\n")
}

fn with(port: u16, tls: TlsSettings) -> BrokerSettings {
    BrokerSettings { tls: Some(tls), ..settings(port) }
}

/// Whether the driver connects; else after its first failure.
async fn connects(settings: BrokerSettings) -> bool {
    let rig = Rig::start(settings);
    until(SOON, "it connects or fails", || rig.counters.connects.get() + rig.counters.disconnects.get() > 0)
        .await;
    rig.counters.connects.get() == 1
}

#[test]
fn only_the_right_authority_and_name_connect() {
    if mosquitto_missing() {
        return;
    }
    let folder = scratch();
    let certificates = Certificates::make(folder.path(), "IP:127.0.0.1");
    let broker = Mosquitto::with(&lines(&certificates, ""));
    let port = broker.port();
    let ca = |file: &std::path::Path| TlsSettings { ca_file: Some(file.to_owned()), client: None };
    on_runtime(async {
        assert!(connects(with(port, ca(&certificates.ca))).await, "the authority alone is enough");
        assert!(!connects(with(port, ca(&certificates.other_ca))).await, "another authority");
        assert!(!connects(with(port, TlsSettings::default())).await, "the system does not know it");
        let name = BrokerSettings { host: "localhost".into(), ..with(port, ca(&certificates.ca)) };
        assert!(!connects(name).await, "the certificate is for another name");
        assert!(!connects(with(port, ca(&folder.path().join("missing.pem")))).await, "a missing file");
        assert!(!connects(settings(port)).await, "plain MQTT to a TLS port");
        let plain = Mosquitto::start();
        assert!(!connects(with(plain.port(), ca(&certificates.ca))).await, "TLS to a plain port");
    });
}

#[test]
fn a_client_certificate_is_shown_where_it_is_wanted() {
    if mosquitto_missing() {
        return;
    }
    let folder = scratch();
    let certificates = Certificates::make(folder.path(), "DNS:localhost");
    let broker = Mosquitto::with(&lines(&certificates, "require_certificate true"));
    let with = |client| BrokerSettings {
        host: "localhost".into(),
        ..with(broker.port(), TlsSettings { ca_file: Some(certificates.ca.clone()), client })
    };
    on_runtime(async {
        assert!(connects(with(Some(certificates.client.clone()))).await);
        assert!(!connects(with(None)).await);
    });
}
