//! One connection, from CONNECT to its end.
//!
//! Each connection has an event loop of its own, made for it and thrown away with it: nothing of an old
//! session, neither a request nor an event, can come up in a new one. The loop runs in its own task, because
//! cancelling it halfway would lose what it is writing.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rumqttc::{
    AsyncClient, Event, EventLoop, Incoming, Outgoing, Publish, QoS, SubscribeFilter, SubscribeReasonCode,
    TlsConfiguration, Transport,
};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

use super::options::{self, WINDOW};
use super::{BrokerSettings, Failure, FailureKind, tls};

/// Something that happened on a connection.
#[derive(Debug)]
pub(super) enum LinkEvent {
    /// CONNACK came.
    Up,
    /// The next publish in line was written to the socket under this identifier; 0 with QoS 0.
    Sent(u16),
    /// PUBACK or PUBCOMP came.
    Acked(u16),
    /// A message of a subscription came.
    Heard(Publish),
    /// These of the subscriptions were refused, by their place in the request.
    Deaf(Vec<usize>),
    /// DISCONNECT was written: the orderly end.
    Closed,
    /// The end.
    Down(Failure),
}

/// A connection. It ends with its handle.
#[derive(Debug)]
pub(super) struct Link {
    client: AsyncClient,
    events: mpsc::Receiver<LinkEvent>,
    task: JoinHandle<()>,
}

impl Link {
    /// Starts to connect.
    pub(super) fn open(settings: &Arc<BrokerSettings>) -> Self {
        let (client, mut eventloop) = AsyncClient::new(options::options(settings), WINDOW + 4);
        eventloop.set_network_options(options::network_options());
        let (sender, events) = mpsc::channel(64);
        let task = tokio::spawn(run(eventloop, Arc::clone(settings), sender));
        Self { client, events, task }
    }

    /// What happens next. Giving up waiting loses nothing.
    pub(super) async fn next(&mut self) -> LinkEvent {
        self.events.recv().await.unwrap_or_else(|| {
            LinkEvent::Down(Failure::new(FailureKind::Protocol, "the connection's task ended without a word"))
        })
    }

    /// Hands over a retained message; false when the client library takes no more.
    pub(super) fn publish(&self, topic: &str, payload: Bytes, qos: QoS) -> bool {
        self.client.try_publish(topic, qos, true, Vec::from(payload)).is_ok()
    }

    /// Says whether the process lives; false as [`Link::publish`].
    pub(super) fn tell(&self, settings: &BrokerSettings, status: &str) -> bool {
        let payload = Bytes::copy_from_slice(status.as_bytes());
        self.publish(&settings.status_topic, payload, options::status_qos(settings.qos))
    }

    /// Subscribes, in one request.
    pub(super) fn subscribe(&self, filters: &[String]) -> bool {
        let filters = filters.iter().map(|filter| SubscribeFilter::new(filter.clone(), QoS::AtMostOnce));
        self.client.try_subscribe_many(filters).is_ok()
    }

    /// Asks for the orderly end; [`LinkEvent::Closed`] tells that it came.
    pub(super) fn disconnect(&self) -> bool {
        self.client.try_disconnect().is_ok()
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The state of the connection to a broker.
#[derive(Debug)]
pub(super) enum Session {
    /// Not connected; the next attempt is at this time.
    Away { until: Instant },
    /// Connecting.
    Opening(Link),
    /// Connected since.
    Open(Link, Instant),
}

impl Session {
    /// What happens next; nothing, while not connected.
    pub(super) async fn next(&mut self) -> LinkEvent {
        match self {
            Self::Away { .. } => std::future::pending().await,
            Self::Opening(link) | Self::Open(link, _) => link.next().await,
        }
    }
}

/// What an event means to us, if anything.
fn meaning(event: Event) -> Option<LinkEvent> {
    Some(match event {
        Event::Incoming(Incoming::ConnAck(_)) => LinkEvent::Up,
        Event::Outgoing(Outgoing::Publish(id)) => LinkEvent::Sent(id),
        Event::Incoming(Incoming::PubAck(ack)) => LinkEvent::Acked(ack.pkid),
        Event::Incoming(Incoming::PubComp(ack)) => LinkEvent::Acked(ack.pkid),
        Event::Incoming(Incoming::Publish(publish)) => LinkEvent::Heard(publish),
        Event::Incoming(Incoming::SubAck(ack)) => {
            let codes = ack.return_codes.iter().enumerate();
            let refused = codes.filter(|(_, code)| **code == SubscribeReasonCode::Failure);
            let refused: Vec<usize> = refused.map(|(place, _)| place).collect();
            return (!refused.is_empty()).then_some(LinkEvent::Deaf(refused));
        }
        Event::Outgoing(Outgoing::Disconnect) => LinkEvent::Closed,
        _ => return None,
    })
}

async fn run(mut eventloop: EventLoop, settings: Arc<BrokerSettings>, events: mpsc::Sender<LinkEvent>) {
    let failure = match transport(&mut eventloop, &settings).await {
        Ok(()) => poll(&mut eventloop, &settings, &events).await,
        Err(failure) => Some(failure),
    };
    if let Some(failure) = failure {
        let _ = events.send(LinkEvent::Down(failure)).await;
    }
}

/// Reads the files of TLS, where it is asked for.
async fn transport(eventloop: &mut EventLoop, settings: &Arc<BrokerSettings>) -> Result<(), Failure> {
    let Some(files) = settings.tls.clone() else { return Ok(()) };
    let config = tokio::task::spawn_blocking(move || tls::client_config(&files))
        .await
        .map_err(|error| Failure::new(FailureKind::Tls, format!("reading the certificates failed: {error}")))?
        .map_err(|error| Failure::files(&error))?;
    eventloop.mqtt_options.set_transport(Transport::tls_with_config(TlsConfiguration::Rustls(config)));
    Ok(())
}

/// Polls until the end, and tells why unless it was in order.
async fn poll(
    eventloop: &mut EventLoop,
    settings: &BrokerSettings,
    events: &mpsc::Sender<LinkEvent>,
) -> Option<Failure> {
    let (keepalive, patience) =
        (settings.keepalive.max(Duration::from_secs(1)), options::patience(settings.keepalive));
    // Since when the broker owes us an answer.
    let mut owed: Option<Instant> = None;
    let mut last = Instant::now();
    loop {
        // Without traffic a ping is due each keepalive, so that a loop that stands still longer is stuck writing.
        let limit = owed.map_or(last + keepalive + patience, |since| since + patience);
        let event = match timeout_at(limit, eventloop.poll()).await {
            Ok(Ok(event)) => event,
            Ok(Err(error)) => return Some(Failure::connection(&error, settings)),
            // The poll that is given up here is never taken up again.
            Err(_) => return Some(Failure::silent(patience)),
        };
        last = Instant::now();
        match &event {
            Event::Incoming(_) => owed = None,
            Event::Outgoing(Outgoing::PingReq) => owed = owed.or(Some(last)),
            Event::Outgoing(Outgoing::Publish(id)) if *id != 0 => owed = owed.or(Some(last)),
            Event::Outgoing(_) => {}
        }
        let Some(event) = meaning(event) else { continue };
        // Polling on after DISCONNECT would connect again.
        let ends = matches!(event, LinkEvent::Closed);
        if events.send(event).await.is_err() || ends {
            return None;
        }
    }
}
