//! A broker's settings, resolved and checked.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::prices::{PriceKind, PriceUnit};
use crate::publish::LayoutSettings;

/// A password: it never shows itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret.
    pub fn new(secret: String) -> Self {
        Self(secret)
    }

    /// The secret itself; only the code that sends it to the broker asks for it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// TLS to a broker. Certificate and host name are always verified.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct TlsSettings {
    /// The authority that signed the broker's certificate (PEM); the system's own store when absent.
    pub ca_file: Option<PathBuf>,
    /// Our certificate and its key (PEM), where the broker asks for one.
    pub client: Option<(PathBuf, PathBuf)>,
}

/// A topic with dynamic prices: tables as [`crate::prices::import`] reads them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceTopic {
    /// Its name, without wildcards.
    pub topic: String,
    /// What the prices are of.
    pub kind: PriceKind,
    /// What they are a price of, where that was told; else as the table tells.
    pub unit: Option<PriceUnit>,
}

/// One `[[mqtt]]` table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerSettings {
    /// Its name in the configuration; unique.
    pub name: String,
    /// Switched off, it opens no socket.
    pub enabled: bool,
    /// A name or an address; IPv6 without brackets.
    pub host: String,
    /// 1 to 65535; 1883, with TLS 8883 by default.
    pub port: u16,
    /// `mqtts://`.
    pub tls: Option<TlsSettings>,
    /// User name, if the broker wants one.
    pub username: Option<String>,
    /// Password, if the broker wants one.
    pub password: Option<Secret>,
    /// Stable over restarts and unlike that of any other machine.
    pub client_id: String,
    /// How soon a dead link is noticed; 30 s by default.
    pub keepalive: Duration,
    /// 0, 1 or 2; 1 by default.
    pub qos: u8,
    /// How long an unchanged payload is not sent again; one hour by default, zero is off.
    pub cache: Duration,
    /// What is published, and how.
    pub layouts: Vec<LayoutSettings>,
    /// Where somebody publishes dynamic prices.
    pub prices: Option<PriceTopic>,
    /// Where the process tells whether it lives: birth, will and farewell, retained.
    pub status_topic: String,
    /// The payload of birth; `online` by default.
    pub status_online: String,
    /// The payload of will and farewell; `offline` by default.
    pub status_offline: String,
    /// The most messages a second; 1000 by default. Catching up after an outage is paced by it.
    pub rate: u32,
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Settings for tests: the defaults, a broker nobody runs.
    pub(in crate::mqtt) fn settings() -> BrokerSettings {
        BrokerSettings {
            name: "local".into(),
            enabled: true,
            host: "127.0.0.1".into(),
            port: 1883,
            tls: None,
            username: None,
            password: None,
            client_id: "dsmrd-test".into(),
            keepalive: Duration::from_secs(30),
            qos: 1,
            cache: Duration::from_secs(3_600),
            layouts: Vec::new(),
            prices: None,
            status_topic: "dsmrd/status".into(),
            status_online: "online".into(),
            status_offline: "offline".into(),
            rate: 1_000,
        }
    }

    #[test]
    fn a_password_never_shows_itself() {
        let settings = BrokerSettings { password: Some(Secret::new("hunter2".into())), ..settings() };
        assert!(!format!("{settings:?}").contains("hunter2"));
    }
}
