//! One port, many readers: telegrams over TCP.
#![expect(clippy::unwrap_used, reason = "a test's helpers fail the test")]

/// What a client gets, and what becomes of one that does not take it.
mod clients;

/// Addresses: taken ones, names, IPv6.
mod addresses;

/// The share within the appliance: ten clients, reloads, the end.
mod appliance;

/// Programs people run: `dsmr_parser`, and what is made of it.
mod parser;

use std::time::Duration;

use socket2::SockRef;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

use dsmrd::telemetry::ShareCounters;

/// No single thing takes longer, not even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// A client that reads what it is sent.
struct Client(TcpStream);

impl Client {
    async fn connect(address: impl tokio::net::ToSocketAddrs) -> Self {
        Self(TcpStream::connect(address).await.expect("somebody listens"))
    }

    /// A client with next to no room for what it does not read.
    async fn stalled(address: std::net::SocketAddr) -> TcpStream {
        let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(2_048).expect("a small buffer");
        let stream = socket.connect(address).await.expect("somebody listens");
        assert!(SockRef::from(&stream).recv_buffer_size().expect("a size") < 16_384);
        stream
    }

    /// Reads exactly these bytes.
    async fn expect(&mut self, telegram: &[u8]) {
        let mut taken = vec![0; telegram.len()];
        timeout(PATIENCE, self.0.read_exact(&mut taken)).await.expect("in time").expect("a telegram");
        assert_eq!(String::from_utf8_lossy(&taken), String::from_utf8_lossy(telegram));
    }

    /// Reads to the end.
    async fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        timeout(PATIENCE, self.0.read_to_end(&mut rest)).await.expect("in time").expect("an orderly end");
        rest
    }
}

/// Waits until something holds of the counters, and checks that they balance.
async fn until(counters: &ShareCounters, what: &str, holds: impl Fn(&ShareCounters) -> bool) {
    crate::support::until(PATIENCE, what, || holds(counters)).await;
    let ended = counters.left.get() + counters.dropped.get() + counters.turned_away.get();
    assert_eq!(counters.connects.get(), counters.clients.get() + ended, "{counters:?}");
}
