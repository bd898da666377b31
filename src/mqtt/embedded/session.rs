//! One client, from CONNECT to its end.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::BytesMut;
use rumqttc::mqttbytes::Error as CodecError;
use rumqttc::{
    ConnAck, Connect, ConnectReturnCode, Packet, PubAck, PubComp, PubRec, Publish, QoS, SubAck, Subscribe,
    SubscribeReasonCode, UnsubAck,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::filter;
use super::hub::{self, Hub};

/// The largest packet.
const MAX_PACKET: usize = 1 << 20;
/// How long a client may take to introduce itself.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// How many bytes are collected before they are written.
const BATCH: usize = 16 << 10;
/// QoS 2 messages that may wait for their PUBREL.
const MAX_UNRELEASED: usize = 1_024;
/// A year, for clients without a keepalive.
const FOREVER: Duration = Duration::from_secs(365 * 86_400);
/// MQTT 3.1.1 in CONNECT (section 3.1.2.2).
const LEVEL: u8 = 4;

/// Why a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The client said DISCONNECT.
    InOrder,
    /// The connection ended, or the client was silent for too long.
    Lost,
    /// The client sent what it may not.
    Malformed,
}

/// The connection's bytes, as packets.
struct Wire {
    stream: TcpStream,
    incoming: BytesMut,
    outgoing: BytesMut,
}

impl Wire {
    /// The next packet among the bytes that are here.
    fn packet(&mut self) -> Result<Option<Packet>, End> {
        match Packet::read(&mut self.incoming, MAX_PACKET) {
            Ok(packet) => Ok(Some(packet)),
            Err(CodecError::InsufficientBytes(_)) => Ok(None),
            Err(_) => Err(End::Malformed),
        }
    }

    fn put(&mut self, packet: &Packet) -> Result<(), End> {
        packet.write(&mut self.outgoing, MAX_PACKET + 16).map(|_| ()).map_err(|_| End::Malformed)
    }

    async fn flush(&mut self) -> Result<(), End> {
        self.stream.write_all(&self.outgoing).await.map_err(|_| End::Lost)?;
        self.outgoing.clear();
        Ok(())
    }

    /// The protocol level in a CONNECT, as far as it has come. The codec reads a CONNECT of MQTT 5 as if it
    /// were one of 3.1.1.
    fn level(&self) -> Option<u8> {
        let length_ends = self.incoming.iter().skip(1).take(4).position(|byte| byte & 0x80 == 0)?;
        self.incoming.get(length_ends + 2 + "..MQTT".len()).copied()
    }

    /// The first packet, which must be CONNECT.
    async fn introduction(&mut self) -> Result<Connect, End> {
        loop {
            if self.level().is_some_and(|level| level != LEVEL) {
                let refusal = ConnAck::new(ConnectReturnCode::RefusedProtocolVersion, false);
                self.put(&Packet::ConnAck(refusal))?;
                self.flush().await?;
                return Err(End::Malformed);
            }
            match self.packet()? {
                Some(Packet::Connect(connect)) => {
                    let crooked =
                        connect.last_will.as_ref().is_some_and(|will| !filter::is_topic(&will.topic));
                    return if crooked { Err(End::Malformed) } else { Ok(connect) };
                }
                Some(_) => return Err(End::Malformed),
                None => {}
            }
            if self.stream.read_buf(&mut self.incoming).await.unwrap_or(0) == 0 {
                return Err(End::Lost);
            }
        }
    }
}

fn lock(hub: &Mutex<Hub>) -> MutexGuard<'_, Hub> {
    hub.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Serves one connection until it ends or `stop` says so; tells how it ended.
pub(super) async fn serve(
    stream: TcpStream,
    hub: Arc<Mutex<Hub>>,
    number: u64,
    stop: CancellationToken,
) -> End {
    let _ = stream.set_nodelay(true);
    let mut wire = Wire { stream, incoming: BytesMut::new(), outgoing: BytesMut::new() };
    let introduced = tokio::select! {
        () = stop.cancelled() => return End::Lost,
        introduced = timeout(CONNECT_LIMIT, wire.introduction()) => introduced,
    };
    let connect = match introduced {
        Ok(Ok(connect)) => connect,
        Ok(Err(end)) => return end,
        Err(_) => return End::Lost,
    };
    // A client without an id gets one; there are no sessions that it could ask for.
    let id = if connect.client_id.is_empty() { format!("client-{number}") } else { connect.client_id };
    let (sender, queue) = mpsc::channel(hub::QUEUE);
    let out = stop.child_token();
    let serial = lock(&hub).join(&id, connect.last_will, sender, out.clone());
    let keepalive = match connect.keep_alive {
        0 => FOREVER,
        seconds => Duration::from_secs(seconds.into()) * 3 / 2,
    };
    let mut session = Session { id, wire, hub: Arc::clone(&hub), unreleased: HashSet::new(), last_id: 0 };
    let end = tokio::select! {
        // Also while a write hangs, so that a slow client can be thrown out.
        () = out.cancelled() => End::Lost,
        end = session.run(queue, keepalive) => end,
    };
    lock(&hub).leave(&session.id, serial, end == End::InOrder || stop.is_cancelled());
    end
}

struct Session {
    id: String,
    wire: Wire,
    hub: Arc<Mutex<Hub>>,
    /// QoS 2 messages that were passed on and whose PUBREL has not come.
    unreleased: HashSet<u16>,
    last_id: u16,
}

impl Session {
    async fn run(&mut self, mut queue: mpsc::Receiver<Publish>, keepalive: Duration) -> End {
        if let Err(end) = self.wire.put(&Packet::ConnAck(ConnAck::new(ConnectReturnCode::Success, false))) {
            return end;
        }
        let mut silent_at = Instant::now() + keepalive;
        loop {
            // What came with the last bytes first, then what goes out, then waiting.
            let served = self.serve_packets();
            if let Err(end) = self.wire.flush().await.and(served) {
                return end;
            }
            tokio::select! {
                read = self.wire.stream.read_buf(&mut self.wire.incoming) => {
                    if read.unwrap_or(0) == 0 {
                        return End::Lost;
                    }
                    silent_at = Instant::now() + keepalive;
                }
                publish = queue.recv() => {
                    let mut next = publish;
                    while let Some(publish) = next {
                        if let Err(end) = self.deliver(publish) {
                            return end;
                        }
                        next = if self.wire.outgoing.len() < BATCH { queue.try_recv().ok() } else { None };
                    }
                }
                () = sleep_until(silent_at) => return End::Lost,
            }
        }
    }

    fn deliver(&mut self, mut publish: Publish) -> Result<(), End> {
        if publish.qos != QoS::AtMostOnce {
            self.last_id = self.last_id.checked_add(1).unwrap_or(1);
            publish.pkid = self.last_id;
        }
        self.wire.put(&Packet::Publish(publish))
    }

    /// Serves all packets that are here.
    fn serve_packets(&mut self) -> Result<(), End> {
        while let Some(packet) = self.wire.packet()? {
            self.serve_packet(packet)?;
        }
        Ok(())
    }

    fn serve_packet(&mut self, packet: Packet) -> Result<(), End> {
        match packet {
            Packet::Publish(publish) => self.publish(publish),
            Packet::PubRel(release) => {
                self.unreleased.remove(&release.pkid);
                self.wire.put(&Packet::PubComp(PubComp::new(release.pkid)))
            }
            Packet::Subscribe(subscribe) => self.subscribe(&subscribe),
            Packet::Unsubscribe(unsubscribe) => {
                for filter in &unsubscribe.topics {
                    lock(&self.hub).unsubscribe(&self.id, filter);
                }
                self.wire.put(&Packet::UnsubAck(UnsubAck::new(unsubscribe.pkid)))
            }
            Packet::PingReq => self.wire.put(&Packet::PingResp),
            // Nothing is sent again, so that nothing waits for it.
            Packet::PubAck(_) => Ok(()),
            Packet::Disconnect => Err(End::InOrder),
            _ => Err(End::Malformed),
        }
    }

    fn publish(&mut self, publish: Publish) -> Result<(), End> {
        if !filter::is_topic(&publish.topic) {
            return Err(End::Malformed);
        }
        let (id, qos) = (publish.pkid, publish.qos);
        if qos != QoS::ExactlyOnce || self.unreleased.insert(id) {
            lock(&self.hub).publish(publish);
        }
        if self.unreleased.len() > MAX_UNRELEASED {
            return Err(End::Malformed);
        }
        match qos {
            QoS::AtMostOnce => Ok(()),
            QoS::AtLeastOnce => self.wire.put(&Packet::PubAck(PubAck::new(id))),
            QoS::ExactlyOnce => self.wire.put(&Packet::PubRec(PubRec::new(id))),
        }
    }

    fn subscribe(&mut self, subscribe: &Subscribe) -> Result<(), End> {
        let (mut codes, mut retained) = (Vec::new(), Vec::new());
        for wanted in &subscribe.filters {
            let qos = hub::lesser(wanted.qos, QoS::AtLeastOnce);
            match lock(&self.hub).subscribe(&self.id, &wanted.path, qos) {
                Some(kept) => {
                    codes.push(SubscribeReasonCode::Success(qos));
                    retained.extend(kept);
                }
                None => codes.push(SubscribeReasonCode::Failure),
            }
        }
        self.wire.put(&Packet::SubAck(SubAck::new(subscribe.pkid, codes)))?;
        retained.into_iter().try_for_each(|publish| self.deliver(publish))
    }
}
