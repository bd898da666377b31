//! A server for whoever wants to know at once that it cannot listen: the simulated meter, and tests.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::hall::Hall;
use super::listen::listen;
use crate::telemetry::ShareCounters;

/// The longest wait for slow clients when telegrams go out as fast as they are taken.
const PATIENCE: Duration = Duration::from_secs(5);

/// A TCP server that sends telegrams to all its clients. A slow client is dropped and delays nobody.
#[derive(Debug)]
pub struct Fanout {
    hall: Option<Hall>,
    counters: Arc<ShareCounters>,
    address: SocketAddr,
}

impl Fanout {
    /// Binds `address` (`host:port`; port 0 is any free one) and serves until dropped.
    ///
    /// # Errors
    ///
    /// When the address cannot be bound.
    pub async fn bind(address: &str) -> io::Result<Self> {
        let listeners = listen(address).await?;
        let first = listeners.first().ok_or(io::ErrorKind::NotFound)?;
        let address = first.local_addr()?;
        let counters = Arc::<ShareCounters>::default();
        let hall = Hall::new("simulate".into(), Arc::clone(&counters));
        hall.open(listeners);
        Ok(Self { hall: Some(hall), counters, address })
    }

    /// Where it listens; of several addresses of a name the first.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What happened so far.
    pub fn counters(&self) -> &ShareCounters {
        &self.counters
    }

    /// Sends a telegram to every client; never waits.
    pub fn send(&self, telegram: &[u8]) {
        if let Some(hall) = &self.hall {
            hall.send(telegram);
        }
    }

    /// Sends a telegram to every client as fast as they take it: waits for a client, and for the slowest to
    /// come within reach, though not longer than a slow one is tolerated.
    pub async fn send_at_their_pace(&self, telegram: &[u8]) {
        let Some(hall) = &self.hall else { return };
        while !hall.has_clients() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let behind = async {
            while hall.is_behind() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let _ = timeout(PATIENCE, behind).await;
        hall.send(telegram);
    }

    /// Gives the clients a moment to take what was sent, hangs up on all, and waits until that is done.
    pub async fn close(mut self) {
        if let Some(hall) = self.hall.take() {
            hall.close().await;
        }
    }
}

impl Drop for Fanout {
    fn drop(&mut self) {
        if let Some(hall) = &self.hall {
            hall.abandon();
        }
    }
}
