//! The listener.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::hub::{BrokerStats, Hub};
use super::session::{self, End};

/// Clients at one time.
const MAX_CLIENTS: usize = 64;
/// How long to wait after an accept that failed, such as for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A bound broker; [`Broker::run`] serves.
#[derive(Debug)]
pub struct Broker {
    listener: TcpListener,
    hub: Arc<Mutex<Hub>>,
    stats: Arc<BrokerStats>,
}

impl Broker {
    /// Binds to a loopback address; port 0 takes a free one.
    ///
    /// # Errors
    ///
    /// When the address is not a loopback address (it has no passwords, so nobody else shall reach it), or
    /// cannot be bound.
    pub async fn bind(address: SocketAddr) -> io::Result<Self> {
        if !address.ip().is_loopback() {
            let text = format!("the embedded broker listens on loopback addresses only, not on {address}");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        let listener = TcpListener::bind(address).await?;
        let stats = Arc::<BrokerStats>::default();
        let hub = Arc::new(Mutex::new(Hub::new(Arc::clone(&stats))));
        Ok(Self { listener, hub, stats })
    }

    /// Where it listens.
    ///
    /// # Errors
    ///
    /// When the system does not tell.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// What it counts, also while it runs.
    pub fn stats(&self) -> Arc<BrokerStats> {
        Arc::clone(&self.stats)
    }

    /// Serves until `stop` is cancelled; then all connections are closed, and wills are not published.
    pub async fn run(self, stop: CancellationToken) {
        let mut sessions = JoinSet::new();
        let mut number = 0;
        loop {
            let accepted = tokio::select! {
                () = stop.cancelled() => break,
                Some(end) = sessions.join_next() => {
                    if end.is_ok_and(|end| end == End::Malformed) {
                        self.stats.malformed.inc();
                    }
                    continue;
                }
                accepted = self.listener.accept() => accepted,
            };
            match accepted {
                Ok(_) if sessions.len() >= MAX_CLIENTS => self.stats.refused.inc(),
                Ok((stream, _)) => {
                    number += 1;
                    sessions.spawn(session::serve(stream, Arc::clone(&self.hub), number, stop.child_token()));
                }
                Err(error) => {
                    tracing::warn!(%error, "the embedded broker could not accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        while sessions.join_next().await.is_some() {}
    }
}
