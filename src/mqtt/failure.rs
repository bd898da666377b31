//! Why there is no connection, in words that say what to do.

use std::io;
use std::time::Duration;

use rumqttc::{ConnectReturnCode, ConnectionError, StateError, TlsError as ClientTlsError, mqttbytes};

use super::BrokerSettings;
use super::tls::TlsError;

/// What kind of failure it is: one line of the log, one exit code of `dsmrd mqtt test`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// The name has no address.
    Resolve,
    /// Nobody listens, or no way leads there.
    Unreachable,
    /// TLS: files, certificate, host name.
    Tls,
    /// The broker refused user name or password, or this client altogether.
    Credentials,
    /// The broker refused for another reason.
    Refused,
    /// The broker did not answer in time.
    Timeout,
    /// The broker, or something between, closed the connection.
    Closed,
    /// Another client uses the same id.
    Takeover,
    /// Something came that is not MQTT 3.1.1, or is larger than a packet may be.
    Protocol,
    /// The broker does not let this user write or read a topic.
    NotAuthorized,
    /// The broker acknowledged a message and did not pass it on.
    NotReceived,
}

/// A failure, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Failure {
    /// What kind.
    pub kind: FailureKind,
    /// For people: what happened, and what to do where that is known.
    pub text: String,
}

impl Failure {
    pub(super) fn new(kind: FailureKind, text: impl Into<String>) -> Self {
        Self { kind, text: text.into() }
    }

    pub(super) fn files(error: &TlsError) -> Self {
        Self::new(FailureKind::Tls, error.to_string())
    }

    pub(super) fn silent(waited: Duration) -> Self {
        let text = format!("the broker did not answer for {} s", waited.as_secs());
        Self::new(FailureKind::Timeout, text)
    }

    pub(super) fn credentials(settings: &BrokerSettings) -> Self {
        let text = match (&settings.username, &settings.password) {
            (None, None) => {
                "the broker wants a user name and a password; set username and password_file".into()
            }
            (Some(user), None) => {
                format!("the broker refused user {user:?} without a password; set password_file")
            }
            (user, Some(_)) => {
                format!("the broker refused the password of user {:?}", user.as_deref().unwrap_or_default())
            }
        };
        Self::new(FailureKind::Credentials, text)
    }

    pub(super) fn refused_by_code(code: ConnectReturnCode, settings: &BrokerSettings) -> Self {
        let refused = |text: String| Self::new(FailureKind::Refused, text);
        match code {
            ConnectReturnCode::BadUserNamePassword | ConnectReturnCode::NotAuthorized => {
                Self::credentials(settings)
            }
            ConnectReturnCode::BadClientId => refused(format!(
                "the broker refused the client id {:?}; set another client_id",
                settings.client_id
            )),
            ConnectReturnCode::RefusedProtocolVersion => {
                refused("the broker does not speak MQTT 3.1.1".into())
            }
            ConnectReturnCode::ServiceUnavailable => {
                refused("the broker says that it is unavailable; try again later".into())
            }
            ConnectReturnCode::Success => refused("the broker refused, and called it success".into()),
        }
    }

    /// Whether a name could not be resolved: getaddrinfo's errors have no kind of their own.
    pub(super) fn is_lookup(error: &io::Error) -> bool {
        error.to_string().contains("lookup address")
    }

    /// An error of a socket, or of TLS inside one.
    pub(super) fn io(error: &io::Error, settings: &BrokerSettings) -> Self {
        if let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            return Self::tls(tls, settings);
        }
        let place = format!("{}:{}", settings.host, settings.port);
        let with_tls = settings.tls.is_some();
        match error.kind() {
            io::ErrorKind::ConnectionRefused => Self::new(
                FailureKind::Unreachable,
                format!("nobody listens at {place} (connection refused); is the broker running?"),
            ),
            io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::NetworkDown
            | io::ErrorKind::AddrNotAvailable => {
                Self::new(FailureKind::Unreachable, format!("no way leads to {place}: {error}"))
            }
            io::ErrorKind::TimedOut => {
                Self::new(FailureKind::Timeout, format!("{place} does not answer: {error}"))
            }
            io::ErrorKind::UnexpectedEof if with_tls => Self::new(
                FailureKind::Tls,
                format!("{place} closed the connection during TLS; does it speak TLS on this port?"),
            ),
            io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::UnexpectedEof => {
                let hint = if with_tls { "" } else { "; if the port is for TLS, write mqtts://" };
                Self::new(FailureKind::Closed, format!("{place} closed the connection: {error}{hint}"))
            }
            _ if Self::is_lookup(error) => Self::new(
                FailureKind::Resolve,
                format!("the name {:?} has no address: {error}", settings.host),
            ),
            // What the decoder says of bytes that are no packet.
            _ if error.kind() == io::ErrorKind::InvalidData
                || error.to_string() == "bytes remaining on stream" =>
            {
                Self::new(FailureKind::Protocol, format!("what answers at {place} does not speak MQTT"))
            }
            _ => Self::new(FailureKind::Unreachable, format!("could not connect to {place}: {error}")),
        }
    }

    pub(super) fn tls(error: &rustls::Error, settings: &BrokerSettings) -> Self {
        use rustls::{CertificateError as Bad, Error};
        let host = &settings.host;
        let text = match error {
            Error::InvalidCertificate(Bad::UnknownIssuer) => {
                let store = settings.tls.as_ref().and_then(|tls| tls.ca_file.as_ref());
                match store {
                    Some(file) => format!(
                        "the certificate of {host} was not signed by an authority in {}",
                        file.display()
                    ),
                    None => format!(
                        "the certificate of {host} was signed by nobody this system knows; set ca_file"
                    ),
                }
            }
            Error::InvalidCertificate(Bad::NotValidForName | Bad::NotValidForNameContext { .. }) => {
                format!(
                    "the certificate is not for {host}; write the name that it is for into the url ({error})"
                )
            }
            Error::InvalidCertificate(Bad::Expired | Bad::ExpiredContext { .. }) => {
                format!("the certificate of {host} has expired, or the clock here is wrong ({error})")
            }
            Error::InvalidCertificate(Bad::NotValidYet | Bad::NotValidYetContext { .. }) => {
                format!("the certificate of {host} is not valid yet; is the clock here right? ({error})")
            }
            Error::AlertReceived(alert) => {
                format!("{host} refused TLS ({alert:?}); does it want a client certificate?")
            }
            Error::InvalidMessage(_) => {
                format!(
                    "{host}:{} does not speak TLS; write mqtt://, or another port ({error})",
                    settings.port
                )
            }
            other => format!("TLS with {host} failed: {other}"),
        };
        Self::new(FailureKind::Tls, text)
    }

    fn state(error: &StateError, settings: &BrokerSettings) -> Self {
        match error {
            StateError::Io(error) | StateError::Deserialization(mqttbytes::Error::Io(error)) => {
                Self::io(error, settings)
            }
            StateError::ConnectionAborted => {
                Self::new(FailureKind::Closed, "the broker closed the connection")
            }
            StateError::AwaitPingResp | StateError::CollisionTimeout => {
                Self::new(FailureKind::Timeout, "the broker did not answer")
            }
            StateError::Deserialization(mqttbytes::Error::PayloadSizeLimitExceeded(size)) => {
                Self::new(FailureKind::Protocol, format!("the broker sent a packet of {size} bytes"))
            }
            other => {
                Self::new(FailureKind::Protocol, format!("what the broker sent is not understood: {other}"))
            }
        }
    }

    /// What the client library says.
    pub(super) fn connection(error: &ConnectionError, settings: &BrokerSettings) -> Self {
        match error {
            ConnectionError::ConnectionRefused(code) => Self::refused_by_code(*code, settings),
            ConnectionError::MqttState(error) => Self::state(error, settings),
            ConnectionError::Io(error) | ConnectionError::Tls(ClientTlsError::Io(error)) => {
                Self::io(error, settings)
            }
            ConnectionError::Tls(ClientTlsError::TLS(error)) => Self::tls(error, settings),
            ConnectionError::Tls(error) => {
                Self::new(FailureKind::Tls, format!("TLS with {} failed: {error}", settings.host))
            }
            ConnectionError::NetworkTimeout | ConnectionError::FlushTimeout => Self::new(
                FailureKind::Timeout,
                format!("{}:{} does not answer", settings.host, settings.port),
            ),
            other => Self::new(FailureKind::Protocol, other.to_string()),
        }
    }
}
