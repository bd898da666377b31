//! One message to a broker and back: what `dsmrd mqtt test` does.
//!
//! MQTT 5 first, because it says why a message is refused (section 3.4.2.1: reason 135, not authorized); a
//! broker that does not speak it is asked in MQTT 3.1.1.

use std::sync::Arc;
use std::time::Duration;

use rumqttc::v5::mqttbytes::v5::{
    ConnectReturnCode as Code, DisconnectReasonCode, Packet, PubAckReason, SubscribeReasonCode,
};
use rumqttc::{AsyncClient, Incoming, QoS, TlsConfiguration, Transport, v5};
use rustls::ClientConfig;
use tokio::time::timeout;

use super::{BrokerSettings, Failure, FailureKind, options, tls};
use crate::clock::{Clock, MonoMillis};

/// How long the message may take on its way back.
const PATIENCE: Duration = Duration::from_secs(5);
/// Requests the client library takes at once; more than a test has.
const REQUESTS: usize = 8;

/// A message that came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// From the publish to its return, in milliseconds.
    pub round_trip: MonoMillis,
    /// `5`, or `3.1.1` where the broker speaks no other.
    pub version: &'static str,
}

/// What the broker said.
enum Answer {
    Connected,
    Subscribed,
    Published,
    Heard(Vec<u8>),
    Nothing,
}

/// Why a test ended.
enum Ended {
    Failed(Failure),
    /// No answer that MQTT 5 knows: the broker may be an older one.
    Misunderstood,
}

impl From<Failure> for Ended {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// A connection in one of the two versions.
trait Connection {
    async fn answer(&mut self, settings: &BrokerSettings) -> Result<Answer, Ended>;
    fn subscribe(&self) -> bool;
    fn publish(&self, payload: &[u8]) -> bool;
}

/// Connects, publishes one message under `topic` (not retained) and waits until it comes back. The client id
/// is the broker's own with `-test` behind it, so that a running dsmrd keeps its connection.
///
/// # Errors
///
/// Why it did not come back.
pub async fn check(settings: &BrokerSettings, topic: &str, clock: &Clock) -> Result<Report, Failure> {
    let settings = &BrokerSettings { client_id: format!("{}-test", settings.client_id), ..settings.clone() };
    let certificates = match &settings.tls {
        Some(files) => Some(tls::client_config(files).map_err(|error| Failure::files(&error))?),
        None => None,
    };
    match exchange(V5::new(settings, topic, certificates.clone()), settings, topic, clock).await {
        Ok(round_trip) => Ok(Report { round_trip, version: "5" }),
        Err(Ended::Failed(failure)) => Err(failure),
        Err(Ended::Misunderstood) => {
            match exchange(V4::new(settings, topic, certificates), settings, topic, clock).await {
                Ok(round_trip) => Ok(Report { round_trip, version: "3.1.1" }),
                Err(Ended::Failed(failure)) => Err(failure),
                Err(Ended::Misunderstood) => {
                    Err(Failure::new(FailureKind::Protocol, "what answers there is not an MQTT broker"))
                }
            }
        }
    }
}

async fn exchange(
    mut connection: impl Connection,
    settings: &BrokerSettings,
    topic: &str,
    clock: &Clock,
) -> Result<MonoMillis, Ended> {
    let mut sent_at = None;
    let mut acknowledged = false;
    let payload = format!("dsmrd {} {}", std::process::id(), clock.wall());
    let busy = || Failure::new(FailureKind::Protocol, "the client library takes no requests");
    loop {
        let Ok(answer) = timeout(PATIENCE, connection.answer(settings)).await else {
            return Err(silence(sent_at.is_some(), acknowledged, topic).into());
        };
        match answer? {
            Answer::Connected if !connection.subscribe() => return Err(busy().into()),
            Answer::Subscribed => {
                sent_at = Some(clock.mono());
                if !connection.publish(payload.as_bytes()) {
                    return Err(busy().into());
                }
            }
            Answer::Published => acknowledged = true,
            // Someone else may test at the same moment.
            Answer::Heard(heard) if heard == payload.as_bytes() => {
                return Ok(clock.mono().saturating_sub(sent_at.unwrap_or_default()));
            }
            Answer::Connected | Answer::Heard(_) | Answer::Nothing => {}
        }
    }
}

/// What it means that nothing more came.
fn silence(sent: bool, acknowledged: bool, topic: &str) -> Failure {
    match (sent, acknowledged) {
        (true, true) => Failure::new(
            FailureKind::NotReceived,
            format!(
                "the broker acknowledged the message and did not send it back; may this user write and read \
                 {topic}? A broker of MQTT 3.1.1 does not tell"
            ),
        ),
        _ => Failure::silent(PATIENCE),
    }
}

fn denied(what: &str, topic: &str) -> Ended {
    let text = format!("the broker does not let this user {what} {topic}; give the user that right");
    Failure::new(FailureKind::NotAuthorized, text).into()
}

/// A connection in MQTT 5.
struct V5 {
    topic: String,
    client: v5::AsyncClient,
    eventloop: v5::EventLoop,
    connected: bool,
}

impl V5 {
    fn new(settings: &BrokerSettings, topic: &str, certificates: Option<Arc<ClientConfig>>) -> Self {
        let mut v5 = v5::MqttOptions::new(&settings.client_id, &settings.host, settings.port);
        // The library allocates for every message that may be under way: 16 MB without a limit.
        v5.set_outgoing_inflight_upper_limit(options::WINDOW as u16);
        v5.set_clean_start(true).set_network_options(options::network_options());
        v5.set_connection_timeout(options::CONNECT_LIMIT);
        if let Some((user, password)) = options::credentials(settings) {
            v5.set_credentials(user, password);
        }
        if let Some(certificates) = certificates {
            v5.set_transport(Transport::tls_with_config(TlsConfiguration::Rustls(certificates)));
        }
        let (client, eventloop) = v5::AsyncClient::new(v5, REQUESTS);
        Self { topic: topic.to_owned(), client, eventloop, connected: false }
    }

    fn failure(&self, error: &v5::ConnectionError, settings: &BrokerSettings) -> Ended {
        use v5::{ConnectionError as Error, StateError as State};
        match error {
            Error::ConnectionRefused(code) | Error::MqttState(State::ConnFail { reason: code }) => match code
            {
                Code::BadUserNamePassword | Code::NotAuthorized | Code::Banned => {
                    Failure::credentials(settings).into()
                }
                Code::RefusedProtocolVersion | Code::UnsupportedProtocolVersion => Ended::Misunderstood,
                code => Failure::new(FailureKind::Refused, format!("the broker refused: {code:?}")).into(),
            },
            Error::Tls(rumqttc::TlsError::TLS(error)) => Failure::tls(error, settings).into(),
            Error::Tls(rumqttc::TlsError::Io(error)) => Failure::io(error, settings).into(),
            Error::Io(error) | Error::MqttState(State::Io(error)) if self.connected || unreachable(error) => {
                Failure::io(error, settings).into()
            }
            Error::Timeout(_) => Failure::new(
                FailureKind::Timeout,
                format!("{}:{} does not answer", settings.host, settings.port),
            )
            .into(),
            Error::MqttState(State::ServerDisconnect { reason_code, .. })
                if *reason_code == DisconnectReasonCode::NotAuthorized =>
            {
                Failure::new(FailureKind::NotAuthorized, "the broker says that this user may not do this")
                    .into()
            }
            _ if !self.connected => Ended::Misunderstood,
            error => Failure::new(FailureKind::Closed, format!("the connection broke: {error}")).into(),
        }
    }
}

impl V5 {
    /// What an event means, or the refusal that it is.
    fn meaning(&mut self, event: v5::Event) -> Result<Answer, Ended> {
        let v5::Event::Incoming(packet) = event else { return Ok(Answer::Nothing) };
        Ok(match packet {
            Packet::ConnAck(_) => {
                self.connected = true;
                Answer::Connected
            }
            Packet::SubAck(ack) => match ack.return_codes.first() {
                Some(SubscribeReasonCode::Success(_)) => Answer::Subscribed,
                _ => return Err(denied("read", &self.topic)),
            },
            Packet::PubAck(ack) => match ack.reason {
                PubAckReason::Success | PubAckReason::NoMatchingSubscribers => Answer::Published,
                PubAckReason::NotAuthorized => return Err(denied("write", &self.topic)),
                reason => {
                    let text = format!("the broker refused the message: {reason:?}");
                    return Err(Failure::new(FailureKind::Refused, text).into());
                }
            },
            Packet::Publish(publish) => Answer::Heard(publish.payload.to_vec()),
            _ => Answer::Nothing,
        })
    }
}

/// Whether an error of the socket says nothing about the version of MQTT: no connection came about.
fn unreachable(error: &std::io::Error) -> bool {
    use std::io::ErrorKind as Kind;
    let nobody = [
        Kind::ConnectionRefused,
        Kind::HostUnreachable,
        Kind::NetworkUnreachable,
        Kind::NetworkDown,
        Kind::AddrNotAvailable,
        Kind::TimedOut,
    ];
    let tls = error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>());
    nobody.contains(&error.kind()) || tls || Failure::is_lookup(error)
}

impl Connection for V5 {
    async fn answer(&mut self, settings: &BrokerSettings) -> Result<Answer, Ended> {
        let event = match self.eventloop.poll().await {
            Ok(event) => event,
            Err(error) => {
                // Some brokers close the connection right behind the reason, which then waits here unread.
                let behind = self.eventloop.state.events.drain(..).collect::<Vec<_>>();
                for event in behind {
                    self.meaning(event)?;
                }
                return Err(self.failure(&error, settings));
            }
        };
        self.meaning(event)
    }

    fn subscribe(&self) -> bool {
        self.client.try_subscribe(&self.topic, v5::mqttbytes::QoS::AtLeastOnce).is_ok()
    }

    fn publish(&self, payload: &[u8]) -> bool {
        self.client.try_publish(&self.topic, v5::mqttbytes::QoS::AtLeastOnce, false, payload.to_vec()).is_ok()
    }
}

/// A connection in MQTT 3.1.1.
struct V4 {
    topic: String,
    client: AsyncClient,
    eventloop: rumqttc::EventLoop,
}

impl V4 {
    fn new(settings: &BrokerSettings, topic: &str, certificates: Option<Arc<ClientConfig>>) -> Self {
        let mut v4 = options::without_will(settings);
        if let Some(certificates) = certificates {
            v4.set_transport(Transport::tls_with_config(TlsConfiguration::Rustls(certificates)));
        }
        let (client, mut eventloop) = AsyncClient::new(v4, REQUESTS);
        eventloop.set_network_options(options::network_options());
        Self { topic: topic.to_owned(), client, eventloop }
    }
}

impl Connection for V4 {
    async fn answer(&mut self, settings: &BrokerSettings) -> Result<Answer, Ended> {
        let event = self.eventloop.poll().await.map_err(|error| Failure::connection(&error, settings))?;
        let rumqttc::Event::Incoming(packet) = event else { return Ok(Answer::Nothing) };
        Ok(match packet {
            Incoming::ConnAck(_) => Answer::Connected,
            Incoming::SubAck(ack) => {
                if ack.return_codes.contains(&rumqttc::SubscribeReasonCode::Failure) {
                    return Err(denied("read", &self.topic));
                }
                Answer::Subscribed
            }
            Incoming::PubAck(_) => Answer::Published,
            Incoming::Publish(publish) => Answer::Heard(publish.payload.to_vec()),
            _ => Answer::Nothing,
        })
    }

    fn subscribe(&self) -> bool {
        self.client.try_subscribe(&self.topic, QoS::AtLeastOnce).is_ok()
    }

    fn publish(&self, payload: &[u8]) -> bool {
        self.client.try_publish(&self.topic, QoS::AtLeastOnce, false, payload).is_ok()
    }
}
